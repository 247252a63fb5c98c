"""Who changed what guards a budget, and when."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from budgets.models import Budget
from console.controls.budgets import path_to
from console.pages import Pages, budget_or_404, names_of
from controls.models import ControlRule, KillSwitch
from controls.ruleset import rules_of
from controls.types import ControlAction
from controls.wording import summary_of
from lib.humanize import clock

MOST = 200  # changes shown


@dataclass(frozen=True, slots=True)
class Change:
    """One change, in words."""

    at: str
    who: str
    what: str
    before: str
    after: str
    why: str


def history_page(request: HttpRequest, pages: Pages, budget_id: int) -> HttpResponse:
    """Answer the latest changes of a budget's rules and kill switch. Two queries."""
    budget = budget_or_404(request, budget_id)
    rules = _versions(ControlRule, budget)
    switches = _versions(KillSwitch, budget)
    found = [*_rule_changes(budget, rules), *_switch_changes(budget, switches)]
    latest = sorted(found, key=lambda pair: pair[0], reverse=True)
    context = pages.page(
        request,
        title=f"History of the guardrails of {budget.name}",
        budget=budget,
        way=names_of(path_to(budget)),
        changes=[change for _, change in islice(latest, MOST)],
        zone=budget.timezone,
    )
    return TemplateResponse(request, "console/controls/history.html", context)


def _versions(model: Any, budget: Budget) -> list[Any]:
    """Return what is kept of them, the oldest first."""
    rows = model.history.filter(budget_id=budget.pk).order_by("-history_id")
    return sorted(rows[: MOST * 2], key=attrgetter("history_id"))


def _rule_changes(
    budget: Budget, versions: Iterable[Any]
) -> Iterator[tuple[datetime, Change]]:
    known: dict[int, tuple[str, int]] = {}  # what it said, and its place
    for row in versions:
        before, place = known.get(row.id, ("", row.position))
        after = _said(budget, row)
        known[row.id] = after, row.position
        if row.history_type == "-":
            yield _change(budget, row, "Rule removed", after, "")
        elif row.history_type == "+":
            yield _change(budget, row, "Rule added", "", after)
        elif before != after:
            yield _change(budget, row, "Rule changed", before, after)
        elif place != row.position:
            words = f"{'Later' if row.position > place else 'Earlier'} than before"
            yield _change(budget, row, words, after, after)


def _said(budget: Budget, version: Any) -> str:
    row: ControlRule = version.instance
    row.budget = budget
    (rule,) = rules_of([row], budget.organization.currency)
    extras = []
    if rule.message:
        extras.append(f"Says “{rule.message}”")
    if row.notify:
        extras.append("Tells people.")
    if rule.exempt_users and rule.action is not ControlAction.BLOCK:
        extras.append(f"Exempt: {', '.join(sorted(rule.exempt_users))}.")
    return " ".join([summary_of(rule), *extras])


def _switch_changes(
    budget: Budget, versions: Iterable[Any]
) -> Iterator[tuple[datetime, Change]]:
    for row in versions:
        if row.history_type == "-":
            yield _change(budget, row, "Switched on again", "", "")
        elif row.history_type == "+":
            yield _change(budget, row, "Switched off", "", row.message)
        else:
            yield _change(budget, row, "Message changed", "", row.message)


def _change(
    budget: Budget, row: Any, what: str, before: str, after: str
) -> tuple[datetime, Change]:
    at = clock(row.history_date, ZoneInfo(budget.timezone))
    shown = after if after != before else ""
    why = row.history_change_reason or ""
    change = Change(at, row.actor, what, before, shown, why)
    return row.history_date, change
