"""What the page of a budget lists: alerts, rules, requests, periods, changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from alerts.models import Alert, AlertState
from alerts.policies import oversight_of
from approvals.models import BudgetRequest, RequestState
from budgets.models import Budget, BudgetPeriod, Enforcement
from console.alerts.budget_page import watches_of
from console.alerts.wording import kind_of_severity
from console.approvals.inbox import Line, line_of
from console.budgets.forms import scope_words
from console.controls.budget_page import effective, lifts_of, lines_of
from console.controls.budgets import path_to
from console.controls.holding import holding
from console.costs.charged import ChargeReason, reasons_of, row_of_usage
from console.drawings import Fact
from ledger.addresses import records_address
from ledger.models import CostRecord
from lib.humanize import day_words, stretch
from lib.money import share

if TYPE_CHECKING:
    from console.budgets.budget_page import BudgetPages

MOST_ALERTS, MOST_REQUESTS, MOST_PERIODS, MOST_CHANGES = 5, 5, 13, 5


def facts_of(budget: Budget) -> list[Fact]:
    """Say what it is: whose, for what, when, and what happens at its limit."""
    zone = ZoneInfo(budget.timezone)
    begun = day_words(budget.starts_at, zone)
    ends = day_words(budget.ends_at, zone, is_end=True) if budget.ends_at else ""
    said = [
        Fact("Covers", scope_words(budget.scope)),
        Fact("Owner", budget.owner or "nobody"),
        Fact("Period", budget.get_period_display()),
        Fact("Begins", f"{begun}, ends {ends}" if ends else begun),
        Fact("At its limit", _at_limit(budget)),
        Fact("Carries over", budget.get_rollover_mode_display()),
        Fact("Note", budget.note),
    ]
    return [fact for fact in said if fact.value]


def _at_limit(budget: Budget) -> str:
    if budget.enforcement == Enforcement.HARD:
        return "a call that asks, and would pass it, is refused"
    return "people are told; nothing is stopped by the limit itself"


@dataclass(frozen=True, slots=True)
class RaisedLine:
    """One alert of a budget."""

    alert: Alert
    kind: str  # of the status component
    word: str


def alerts_part(budget: Budget, locale: str) -> dict[str, Any]:
    """Return the latest alerts, and what watches the budget and from where. At most
    eight queries."""
    rows = Alert.objects.filter(budget=budget, organization=budget.organization_id)
    found = rows.order_by("-fired_at", "-pk")[:MOST_ALERTS]
    return {
        "alerts": [_raised(one) for one in found],
        "watches": watches_of(budget, oversight_of(budget).usual, locale),
    }


def _raised(alert: Alert) -> RaisedLine:
    if alert.state == AlertState.RESOLVED:
        return RaisedLine(alert, "OK", "Resolved")
    kind, _ = kind_of_severity(alert.severity)
    return RaisedLine(alert, kind, alert.get_state_display())


def rules_part(budget: Budget) -> dict[str, Any]:
    """Return the guardrails in force, in the order of effect. At most four queries."""
    path, now = path_to(budget), timezone.now()
    rules, notify = effective(path)
    if not rules:
        return {"rules": []}
    lifts = lifts_of(budget, now)
    return {"rules": lines_of(budget, rules, notify, holding(path, rules, now), lifts)}


def requests_part(
    rows: QuerySet[BudgetRequest], user: User, now: datetime, locale: str
) -> list[Line]:
    """Return the latest of *rows*, but for what others only drafted. One query."""
    told = rows.exclude(~Q(requester=user), state=RequestState.DRAFT)
    people = ("organization", "requester", "on_behalf_of", "budget", "parent", "source")
    found = told.select_related(*people).order_by("-created_at", "-pk")
    return [line_of(one, now, locale) for one in found[:MOST_REQUESTS]]


@dataclass(frozen=True, slots=True)
class PeriodLine:
    """One period: what could be spent in it, and what was."""

    words: str  # "1 to 30 November 2026"
    limit: Decimal
    spent: Decimal
    used: Decimal | None  # a share
    carried: Decimal
    records: str  # the address of what was spent
    is_late: bool  # something was charged to it after it closed


def periods_part(budget: Budget) -> list[PeriodLine]:
    """Return the latest periods, the newest first. One query."""
    rows = BudgetPeriod.objects.filter(budget=budget).order_by("-starts_at")
    return [_period(budget, row) for row in rows[:MOST_PERIODS]]


def _period(budget: Budget, row: BudgetPeriod) -> PeriodLine:
    slug = budget.organization.slug
    return PeriodLine(
        words=stretch(row.window, ZoneInfo(budget.timezone)),
        limit=row.limit,
        spent=row.spent,
        used=share(row.spent, row.limit),
        carried=row.carried_over,
        records=records_address(slug, row.window, budget=budget.pk),
        is_late=bool(row.late_spend),
    )


def history_part(
    request: HttpRequest, pages: "BudgetPages", budget: Budget
) -> Sequence[Any]:
    """Return the latest changes with what they were from and to. One query, and one for
    each row that a change names."""
    rows = list(
        budget.history.order_by("-history_date", "-history_id")[: MOST_CHANGES + 1]
    )
    pages.set_history_delta_changes(request, rows)
    return rows[:MOST_CHANGES]


@dataclass(frozen=True, slots=True)
class WhyPart:
    """Whether a record is charged to a budget, and why."""

    usage_id: str
    record: CostRecord | None
    reason: ChargeReason | None  # None: it is not charged here
    others: Sequence[ChargeReason]  # the budgets that it is charged to


def why_part(budget: Budget, usage_id: str) -> WhyPart | None:
    """Say of the usage that somebody asks about why it was charged to *budget*, or was
    not. Three queries; none where nothing is asked."""
    if not usage_id:
        return None
    record = row_of_usage(budget.organization_id, usage_id)
    if record is None:
        return WhyPart(usage_id, None, None, ())
    reasons = reasons_of(record)
    here = next((one for one in reasons if one.budget.pk == budget.pk), None)
    return WhyPart(usage_id, record, here, reasons)
