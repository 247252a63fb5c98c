"""The page of one action of a rule that needs approval, and what is done to it."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts.tenants import person
from approvals.models import How
from approvals.types import By
from console.controls.access import may_write, require_write
from console.mailed_link_page import visit_of
from console.pages import Pages, row_or_404
from console.templatetags.console import status
from controls import actions
from controls.models import RuleAction, RuleActionState
from lib.errors import Refusal
from lib.humanize import clock, stretch
from lib.periods import Window

_WITH = ("budget__organization", "rule", "request")
_KINDS = {
    RuleActionState.PENDING: "WARNING",
    RuleActionState.EXECUTED: "CRITICAL",
    RuleActionState.FAILED: "CRITICAL",
}
_SENTENCES = {
    RuleActionState.PENDING: "People are asked whether this rule may act; until they "
    "approve it, it does nothing.",
    RuleActionState.EXECUTED: "People approved it: this rule acts on every call of "
    "“{budget}” and of the budgets below it, until the period ends.",
    RuleActionState.FAILED: "Nobody could be asked, so this rule does nothing.",
    RuleActionState.REJECTED: "It was not approved: this rule does nothing in the "
    "period.",
    RuleActionState.EXPIRED: "Nobody decided in time: this rule did nothing.",
    RuleActionState.REVERSED: "It was taken back: this rule does nothing more in the "
    "period.",
    RuleActionState.RESET: "The rule stands by: when its condition holds, people are "
    "asked anew.",
}
_OVER = {
    *(RuleActionState.FAILED, RuleActionState.REJECTED),
    *(RuleActionState.EXPIRED, RuleActionState.REVERSED),
}


def action_page(request: HttpRequest, pages: Pages, asked: str) -> HttpResponse:
    row = _row(request, pages, asked)
    zone = ZoneInfo(row.budget.timezone)
    sentence = _SENTENCES[row.state].format(budget=row.budget.name)
    is_theirs = may_write(request, row.budget)
    context = pages.page(
        request,
        title=row.summary,
        way=[(row.pk, row.summary)],
        row=row,
        sentence=sentence,
        state=state_of(row),
        facts=list(_facts(row, zone)),
        may_reverse=is_theirs and row.state == RuleActionState.EXECUTED,
        may_reset=is_theirs and row.state in _OVER,
    )
    return TemplateResponse(request, "console/controls/action.html", context)


def answer_action(
    request: HttpRequest, pages: Pages, ruleaction_id: int
) -> HttpResponse:
    """Take an action back, or have its rule stand by."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    row = _row(request, pages, ruleaction_id)
    require_write(request, row.budget)
    by = By.someone(person(request), How.SESSION, visit_of(request))
    do = actions.reset if request.POST.get("answer") == "reset" else actions.reverse
    try:
        changed = do(row, by=by, now=timezone.now())
    except Refusal as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, _SENTENCES[changed.state])
    return redirect("admin:controls_ruleaction_change", row.pk)


def state_of(row: RuleAction) -> SafeString:
    return status(_KINDS.get(row.state, "NONE"), row.state.label)


def _row(request: HttpRequest, pages: Pages, asked: int | str) -> RuleAction:
    rows = pages.get_queryset(request).select_related(*_WITH)
    row: RuleAction = row_or_404(rows, asked, "action")
    return row


def _facts(row: RuleAction, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    def moment(at: datetime) -> str:
        return f"{clock(at, zone)} {zone.key}"

    yield "Budget", row.budget.name
    period = Window(row.period_starts_at, row.period_ends_at)
    yield "Period", stretch(period, zone)
    yield "Its condition held", moment(row.triggered_at)
    if row.failure:
        yield "Why nobody could be asked", row.failure
    if row.request and row.request.decided_at:
        yield row.request.get_state_display(), moment(row.request.decided_at)
    if row.request and row.request.outcome_reason:
        yield "Why", row.request.outcome_reason
    for word, at in (("Taken back", row.reversed_at), ("Reset", row.reset_at)):
        if at is not None:
            yield word, f"{moment(at)}, last by {row.actor}"
