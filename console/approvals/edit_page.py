"""Changing what is asked for, while nobody has decided the whole of it: what approvals
given are worth then is said before it is saved."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.tenants import person, tell_refusal
from approvals import asks
from approvals.errors import ChangedSince
from approvals.models import (
    OPEN_STATES,
    BudgetRequest,
    Decision,
    How,
    Outcome,
    RequestKind,
    RequestState,
)
from approvals.services import edit, submit, would_void
from approvals.types import Ask, By
from approvals.wording import money_of
from console.approvals.ask_page import rules_above, sources_of
from console.approvals.forms import AskForm, Place, RuleChoice, initial_of
from console.approvals.request_page import request_or_404
from console.mailed_link_page import visit_of
from console.pages import Pages
from lib.errors import Refusal
from lib.humanize import locale_of
from lib.money import format_money
from lib.web import id_of


def edit_page(request: HttpRequest, pages: Pages, request_id: int) -> HttpResponse:
    """Answer the form of a request that is open, to those whose it is."""
    asked = request_or_404(request, request_id)
    if person(request).pk not in asked.own_ids:
        raise PermissionDenied
    if asked.state not in OPEN_STATES:
        messages.info(request, "It can't be changed any more.")
        return redirect("admin:approvals_budgetrequest_change", asked.pk)
    form = _form(request, asked)
    now, warning = timezone.now(), ""
    seen = id_of(request.POST.get("seen")) or asked.revision
    if request.method == "POST" and form.is_valid():
        try:
            warning = _saved(request, asked, form, now)
        except ChangedSince as refusal:
            tell_refusal(form, refusal)
            seen = request_or_404(request, request_id).revision
        except Refusal as refusal:
            tell_refusal(form, refusal)
        else:
            if not warning:
                return redirect("admin:approvals_budgetrequest_change", asked.pk)
    context = pages.page(
        request,
        title="Change what is asked for",
        asked=asked,
        form=form,
        warning=warning,
        seen=seen,
        is_changed=seen != (id_of(request.POST.get("seen")) or seen),
        may_submit=asked.state in {RequestState.DRAFT, RequestState.CHANGES_REQUESTED},
        reason=asked.outcome_reason,
    )
    return TemplateResponse(request, "console/approvals/edit.html", context)


def _form(request: HttpRequest, asked: BudgetRequest) -> AskForm:
    kind, budget = RequestKind(asked.kind), asked.place
    rules: list[RuleChoice] = []
    if kind == RequestKind.RULE_EXCEPTION and budget:  # those of the same budget
        rules = [one for one in rules_above(budget) if one.budget == budget]
    place = Place.of(budget, asked.organization)
    return AskForm(
        request.POST if request.method == "POST" else None,
        kind=kind,
        place=place,
        sources=sources_of(budget),
        rules=rules,
        initial=initial_of(asked, place),
    )


def _saved(
    request: HttpRequest, asked: BudgetRequest, form: AskForm, now: datetime
) -> str:
    """Save what is filled in; or say what has to be confirmed first, and don't.

    Raises:
        Refusal: it can't be saved; nothing is.
    """
    ask = _kept(form.changed(asks.as_ask(asked)), form, asked)
    if "confirm" not in request.POST and would_void(asked, ask, now=now):
        return _warning(asked, ask, locale_of(request))
    by = By.someone(person(request), How.SESSION, visit_of(request))
    seen = id_of(request.POST.get("seen")) or 0
    done = edit(asked, ask, by=by, now=now, revision=seen)
    if "submit" in request.POST:
        submit(asked, by=by, now=now, revision=done.request.revision)
        messages.success(request, "It is changed, and those who decide are asked.")
    elif done.voided:
        messages.success(request, "It is changed. Those who decide are asked anew.")
    else:
        messages.success(request, "It is changed. Approvals given stay.")
    return ""


def _kept(ask: Ask, form: AskForm, asked: BudgetRequest) -> Ask:
    """Return *ask* with the moments of *asked* where their day was left as it is: the
    API takes any moment, the form whole days."""
    kept: dict[str, Any] = {}
    for name in ("until", "needed_by"):
        if name in form.fields and name not in form.changed_data:
            kept[name] = getattr(asked, name)
    return replace(ask, **kept)


def _warning(asked: BudgetRequest, ask: Ask, locale: str) -> str:
    """Say why approvals given would count no longer, and how many there are."""
    rows = Decision.objects.filter(
        step__request=asked,
        step__revision=asked.chain_revision,
        outcome=Outcome.APPROVED,
    )
    count = rows.count()
    given = "1 approval" if count == 1 else f"{count} approvals"
    then = format_money(ask.amount, asked.currency, locale)
    if ask.amount > asked.amount:
        why = f"It would be {then} instead of {money_of(asked, locale)}."
    elif ask.amount < asked.amount:
        why = f"{then} is in another band of the policy: others decide about it."
    else:
        why = "It would be about something else than before."
    voids = f" {given} given would count no longer." if count else ""
    return f"{why}{voids} Everybody would be asked anew."
