"""Where budgets stand: read from their periods' rows, never from the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce

from accounts.models import Organization
from budgets.figures import (
    Position,
    Status,
    StatusName,
    Variance,
    status_name,
    status_of,
    variance_of,
)
from budgets.folding import hours_of, total_of
from budgets.models import Budget, BudgetPeriod
from budgets.recharging import quarters_of
from costops.lib.fields import MoneyField
from costops.lib.periods import Cadence, Calendar, Window
from ledger.models import CostRecord

ZERO = Decimal(0)
MOMENT = timedelta(microseconds=1)


class Standing(NamedTuple):
    """One budget's present period, in as few steps from the database as can be."""

    budget_id: int
    limit: Decimal  # amount + carried over + adjusted
    spent: Decimal
    reserved: Decimal
    warning_threshold: Decimal
    critical_threshold: Decimal

    @property
    def status(self) -> StatusName:
        return status_name(self)


def standings(organization: Organization, *, now: datetime) -> list[Standing]:
    """Return where every budget in use stands at *now*. One query."""
    nothing = Value(ZERO, output_field=MoneyField())
    rows = (
        Budget.objects.filter(organization=organization)
        .active()
        .order_by()
        .with_period_at(now)
        .values_list(
            "pk",
            # A period that nothing has opened yet has the budget's own amount.
            Coalesce(
                F("current__amount")
                + F("current__carried_over")
                + F("current__adjusted"),
                "amount",
            ),
            Coalesce("current__spent", nothing),
            Coalesce("current__reserved", nothing),
            "warning_threshold",
            "critical_threshold",
        )
    )
    return [Standing._make(row) for row in rows]


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """A budget with all that people are told about one of its periods."""

    budget: Budget
    position: Position
    status: Status
    variance: Variance
    requests: int
    unpriced_requests: int
    late_spend: Decimal

    @property
    def window(self) -> Window:
        return self.position.window


def statuses(
    budgets: Iterable[Budget], organization: Organization, *, at: datetime
) -> dict[int, BudgetStatus]:
    """Return the period around *at* of each of an organization's *budgets*, by id.

    A budget that is over shows its last period, one to come its first. Sums are as of
    the present. One query for what is current, one more when some budgets are over.
    """
    chosen = list(budgets)
    windows = {
        budget.pk: window_near(calendar_of(budget, organization), at)
        for budget in chosen
    }
    rows = _period_rows(BudgetPeriod.objects.filter(organization=organization), windows)
    return {
        budget.pk: _described(budget, windows[budget.pk], rows.get(budget.pk), at)
        for budget in chosen
    }


def status_at(budget: Budget, *, at: datetime, now: datetime) -> BudgetStatus:
    """Return the period that contains *at*, with what was spent up to then.

    For a moment that is over, whole hours come from budget hours and the rest of the
    last one from the cost records.
    """
    organization = budget.organization
    (found,) = statuses([budget], organization, at=at).values()
    if at >= now or at >= found.window.end:
        return found
    hour = calendar_of(budget, organization).hour_at(at).start
    hour = max(hour, found.window.start)
    whole = (
        [] if at < found.window.start else hours_of([budget], found.window.start, hour)
    )
    last = CostRecord.objects.order_by("-pk").values_list("pk", flat=True).first()
    part = quarters_of(organization.pk, [budget.pk], hour, at, upto_id=last or 0)
    spent = total_of(whole) + sum((quarter.spent for quarter in part), ZERO)
    requests = sum(one.requests for one in whole) + sum(one.requests for one in part)
    return replace(_with_spent(found, spent, at), requests=requests)


def calendar_of(budget: Budget, organization: Organization) -> Calendar:
    """Return how *budget* counts time, whatever lies above it."""
    return Calendar(
        Cadence(budget.period),
        ZoneInfo(budget.timezone),
        organization.fiscal_year_start_month,
        budget.starts_at,
        budget.ends_at,
    )


def window_near(calendar: Calendar, at: datetime) -> Window:
    """Return the window around *at*: the first or the last when *at* is outside."""
    inside = max(at, calendar.starts_at or at)
    if calendar.ends_at is not None:
        inside = min(inside, calendar.ends_at - MOMENT)
    window = calendar.window_at(inside)
    assert window is not None  # noqa: S101 - it was just made to lie inside
    return window


def _period_rows(
    periods: QuerySet[BudgetPeriod], windows: dict[int, Window]
) -> dict[int, BudgetPeriod]:
    starts = {window.start for window in windows.values()}
    rows = periods.filter(budget__in=list(windows), starts_at__in=starts)
    return {
        row.budget_id: row
        for row in rows
        if row.starts_at == windows[row.budget_id].start
    }


def _described(
    budget: Budget, window: Window, row: BudgetPeriod | None, at: datetime
) -> BudgetStatus:
    position = Position(
        amount=row.amount if row else budget.amount,
        carried_over=row.carried_over if row else ZERO,
        adjusted=row.adjusted if row else ZERO,
        spent=row.spent if row else ZERO,
        reserved=row.reserved if row else ZERO,
        window=window,
        zone=ZoneInfo(budget.timezone),
        warning_threshold=budget.warning_threshold,
        critical_threshold=budget.critical_threshold,
    )
    return BudgetStatus(
        budget=budget,
        position=position,
        status=status_of(position, at),
        variance=variance_of(position, at),
        requests=row.requests if row else 0,
        unpriced_requests=row.unpriced_requests if row else 0,
        late_spend=row.late_spend if row else ZERO,
    )


def _with_spent(found: BudgetStatus, spent: Decimal, at: datetime) -> BudgetStatus:
    position = replace(found.position, spent=spent)
    return replace(
        found,
        position=position,
        status=status_of(position, at),
        variance=variance_of(position, at),
    )
