"""Buttons beside the rules of a budget: earlier, later, remove, add the presets."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.audit import giving
from accounts.versions import VERSION, ChangedMeanwhile, Seen, check_seen, seen_by
from budgets.models import Budget
from console.asking import Confirmation, confirmation_of, reason_in
from console.controls.access import require_write
from console.controls.budgets import path_to
from console.controls.consequences import consequences_of
from console.controls.edits import (
    Rules,
    edit,
    given_of,
    moved,
    own_rows,
    with_missing,
    without_rule,
)
from console.controls.presets import PRESETS
from console.pages import Pages, budget_or_404, names_of
from controls.configuration import history_of_rules, own_rules
from controls.wording import stop_notes
from lib.errors import Refusal


def change_rules(request: HttpRequest, pages: Pages, budget_id: int) -> HttpResponse:
    """Move or remove a rule, or add all presets; ask first where that stops calls."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    budget = budget_or_404(request, budget_id)
    require_write(request, budget)
    data = request.POST
    what, rule = data.get("what", ""), data.get("rule", "")
    before = [given_of(row) for row in own_rows(budget)]
    try:
        asked = consequences_of(
            budget, before, _changed(before, what, rule), timezone.now()
        )
        if confirmation := confirmation_of(asked, data):
            return _sure(request, pages, budget, confirmation)
        with giving(reason_in(data)):
            _change(budget, what, rule, seen_by(data))
    except ChangedMeanwhile as refusal:
        messages.error(request, refusal.for_people)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, " ".join([_DONE[what], *_limit_notes(budget, what)]))
    return redirect("admin:controls_controlrule_budget", budget.pk)


def _change(budget: Budget, what: str, rule: str, seen: Seen | None) -> None:
    """Do it to the rules as they are once nobody else changes them.

    Raises:
        Refusal: nothing is changed.
    """

    def change(rules: Rules) -> Rules:
        check_seen(history_of_rules(budget), seen)
        return _changed(rules, what, rule)

    edit(budget, change)


def _sure(
    request: HttpRequest, pages: Pages, budget: Budget, confirmation: Confirmation
) -> HttpResponse:
    context = pages.page(
        request,
        title=f"Guardrails of {budget.name}",
        budget=budget,
        way=names_of(path_to(budget)),
        confirmation=confirmation,
        sent=[(name, request.POST.get(name, "")) for name in ("what", "rule", VERSION)],
        yes=_YES[request.POST["what"]],
    )
    return TemplateResponse(request, "console/controls/sure.html", context)


def _limit_notes(before: Budget, what: str) -> list[str]:
    """Say what a change of rules has made of the limit."""
    if what == "presets":
        return stop_notes(before.name, own_rules(before))
    after = Budget.objects.get(pk=before.pk)
    if before.hard_stop and not after.hard_stop:
        return ["Its amount stays a hard limit; the budget's form changes that."]
    return []


_YES = {
    "up": "Ask it earlier",
    "down": "Ask it later",
    "remove": "Remove it",
    "presets": "Add them",
}
_DONE = {
    "up": "The rule is asked earlier now.",
    "down": "The rule is asked later now.",
    "remove": "The rule is removed.",
    "presets": "The presets are added. Adapt them to the models in use.",
}


def _changed(rules: Rules, what: str, rule: str) -> Rules:
    if what == "presets":
        return with_missing(rules, [preset.given for preset in PRESETS.values()])
    try:
        uid = UUID(rule)
    except ValueError as error:
        raise Http404("There is no such rule.") from error
    if what in {"up", "down"}:
        return moved(rules, uid, down=what == "down")
    if what == "remove":
        return without_rule(rules, uid)
    raise Http404("There is no such change.")
