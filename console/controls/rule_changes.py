"""Buttons beside the rules of a budget: earlier, later, remove, add the presets."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect

from budgets.models import Budget
from console.controls.access import require_write
from console.controls.edits import Rules, edit, moved, with_missing, without_rule
from console.controls.presets import PRESETS
from console.pages import Pages, budget_or_404
from controls.configuration import own_rules
from controls.wording import stop_notes
from lib.errors import Refusal


def change_rules(request: HttpRequest, pages: Pages, budget_id: int) -> HttpResponse:
    """Move or remove a rule, or add all presets, and show the page again."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    budget = budget_or_404(request, budget_id)
    require_write(request, budget)
    what = request.POST.get("what", "")
    try:
        edit(budget, lambda rules: _changed(rules, what, request.POST.get("rule", "")))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, " ".join([_DONE[what], *_limit_notes(budget, what)]))
    return redirect("admin:controls_controlrule_budget", budget.pk)


def _limit_notes(before: Budget, what: str) -> list[str]:
    """Say what a change of rules has made of the limit."""
    if what == "presets":
        return stop_notes(before.name, own_rules(before))
    after = Budget.objects.get(pk=before.pk)
    if before.hard_stop and not after.hard_stop:
        return ["Its amount stays a hard limit; the budget's form changes that."]
    return []


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
