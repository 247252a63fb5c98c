"""Where budgets stand: read from their periods' rows, never from the ledger."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce

from accounts.models import Organization
from budgets.amounts import Amounts, lasting_and_temporary
from budgets.backfill import quarters_of
from budgets.errors import NoPeriod
from budgets.figures import (
    LATELY,
    MONTH,
    Position,
    SpendPace,
    Status,
    StatusName,
    Variance,
    status_name,
    status_of,
    variance_of,
)
from budgets.made import made_sums, summed, whose_amounts
from budgets.models import Budget, BudgetPeriod
from budgets.rollup import hours_of, sums_of, total_of
from budgets.types import HourSpend
from ledger.models import CostRecord
from lib.fields import MoneyField
from lib.periods import Cadence, Calendar, Window

ZERO = Decimal(0)
MOMENT = timedelta(microseconds=1)


def status_names(organization: Organization, *, now: datetime) -> dict[int, StatusName]:
    """Return the status of every budget in use at *now*, by id.

    In as few steps from the database as can be: one query, however many budgets.
    """
    nothing = Value(ZERO, output_field=MoneyField())
    rows = (
        Budget.objects.filter(organization=organization)
        .active()
        .order_by()
        .with_period_at(now)
        .values_list(
            "pk",
            # Nothing is spent in a period that is not opened: no amount is too little.
            Coalesce("current__limit", "amount"),
            Coalesce("current__spent", nothing),
            "warning_threshold",
            "critical_threshold",
        )
    )
    return {pk: status_name(*numbers) for pk, *numbers in rows}


def present_positions(
    organization: Organization, budgets: Sequence[Budget], now: datetime
) -> dict[int, Position]:
    """Return where *budgets* stand by id; those without a period at *now* don't.

    One query, one more when some periods are not opened yet.
    """
    rows = BudgetPeriod.objects.filter(
        organization=organization,
        budget__in=[budget.pk for budget in budgets],
        starts_at__lte=now,
        ends_at__gt=now,
    ).order_by()
    columns = "starts_at", "ends_at", "amount", "limit", "spent", "reserved"
    opened = {pk: row for pk, *row in rows.values_list("budget_id", *columns)}
    lines = lasting_and_temporary([one.pk for one in budgets if one.pk not in opened])
    found = {}
    for budget in budgets:
        if row := opened.get(budget.pk):
            found[budget.pk] = position_of(budget, Window(*row[:2]), *row[2:])
        elif window := calendar_of(budget, organization).window_at(now):
            lasting, temporary = (amounts[budget.pk] for amounts in lines)
            amount = lasting.of(window)
            limit = amount + temporary.at(now)
            found[budget.pk] = position_of(budget, window, amount, limit)
    return found | _of_templates(budgets, found)


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """A budget with all that people are told about one of its periods."""

    budget: Budget
    position: Position
    status: Status
    variance: Variance
    adjusted: Decimal  # what of the limit is for a while
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
    the present. One query, one more when some periods are not opened yet, and one for
    the pace of periods that are longer than a month.
    """
    chosen = list(budgets)
    windows = {
        budget.pk: window_near(calendar_of(budget, organization), at)
        for budget in chosen
    }
    rows = _period_rows(BudgetPeriod.objects.filter(organization=organization), windows)
    lasting, temporary = lasting_and_temporary(windows.keys() - rows.keys())
    for pk in windows.keys() - rows.keys():
        rows[pk] = _unopened(windows[pk], lasting[pk], temporary[pk], at)
    positions = {
        budget.pk: _position(budget, windows[budget.pk], rows[budget.pk])
        for budget in chosen
    }
    positions |= _of_templates(chosen, positions)
    positions |= _paced(organization, positions, at)
    return {
        budget.pk: _described(budget, positions[budget.pk], rows[budget.pk], at)
        for budget in chosen
    }


def status_at(budget: Budget, *, at: datetime | None, now: datetime) -> BudgetStatus:
    """Return the period that contains *at*, with what was spent up to then of the
    amount of that moment. None: now; a budget to come shows its first period.

    For a moment that is over, whole hours come from budget hours and the rest of the
    last one from the cost records.

    Raises:
        NoPeriod: at *at*, the budget had not begun.
    """
    if at is not None and at < budget.starts_at:
        raise NoPeriod(
            f"“{budget.name}” begins on {budget.starts_at:%Y-%m-%d %H:%M} UTC; "
            "before that it has no period."
        )
    at = at or now
    organization = budget.organization
    (found,) = statuses([budget], organization, at=at).values()
    if at >= now or at >= found.window.end:
        return found
    used = used_until(budget, found.window, at)
    lasting, temporary = lasting_and_temporary(whose_amounts(budget))
    amount = sum((one.at(at) for one in lasting.values()), ZERO)
    adjusted = sum((one.at(at) for one in temporary.values()), ZERO)
    then = _as_then(found, amount, adjusted, used.spent, at)
    return replace(then, requests=used.requests)


class Used(NamedTuple):
    """What was spent, in how many requests."""

    spent: Decimal
    requests: int


def used_until(budget: Budget, window: Window, at: datetime) -> Used:
    """Return what was spent of *budget* in *window* until *at*.

    Whole hours come from budget hours and the rest from the cost records.
    """
    organization = budget.organization
    hour = max(calendar_of(budget, organization).hour_at(at).start, window.start)
    whole = list(hours_of([budget], window.start, hour))
    last = CostRecord.objects.order_by("-pk").values_list("pk", flat=True).first()
    part = list(quarters_of(organization.pk, [budget.pk], hour, at, upto_id=last or 0))
    requests = sum(one.requests for one in whole) + sum(one.requests for one in part)
    spent = total_of(whole) + sum((quarter.spent for quarter in part), ZERO)
    return Used(spent, requests)


def periods_of(
    budget: Budget, *, at: datetime | None, now: datetime
) -> list[BudgetPeriod]:
    """Return a budget's periods, newest first, the present one though not opened yet.

    Given *at*: the one that contains it alone, with the amount of that moment and what
    was spent up to it; none when the budget is over.

    Raises:
        NoPeriod: at *at*, the budget had not begun.
    """
    rows = list(BudgetPeriod.objects.filter(budget=budget).order_by("-starts_at"))
    if budget.is_template:
        rows = [summed(row) for row in rows]
    if at is None and (
        now < budget.starts_at or any(now in row.window for row in rows)
    ):
        return rows
    moment = at or now
    found = status_at(budget, at=moment, now=now)
    if moment not in found.window:
        return rows if at is None else []
    then = _period_of(found, rows)
    if at is not None:
        return [then]
    return sorted([then, *rows], key=lambda row: row.starts_at, reverse=True)


def _period_of(found: BudgetStatus, rows: list[BudgetPeriod]) -> BudgetPeriod:
    """Return the row of the period, not to be saved: as *found* has it."""
    position, window = found.position, found.window
    row = next((row for row in rows if row.starts_at == window.start), None)
    return BudgetPeriod(
        budget=found.budget,
        starts_at=window.start,
        ends_at=window.end,
        amount=position.amount,
        carried_over=row.carried_over if row else ZERO,
        adjusted=found.adjusted,
        spent=position.spent,
        reserved=position.reserved,
        late_spend=found.late_spend,
        closed_at=row.closed_at if row else None,
    )


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
    return calendar.window_of(inside)


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


def _unopened(
    window: Window, lasting: Amounts, temporary: Amounts, at: datetime
) -> BudgetPeriod:
    """Return a row, not to be saved, as it would be opened for *at*."""
    amount = lasting.of(window)
    inside = min(max(at, window.start), window.end - MOMENT)
    adjusted = temporary.at(inside)
    return BudgetPeriod(
        amount=amount,
        adjusted=adjusted,
        limit=amount + adjusted,
        spent=ZERO,
        reserved=ZERO,
        late_spend=ZERO,
    )


def _position(budget: Budget, window: Window, row: BudgetPeriod) -> Position:
    return position_of(budget, window, row.amount, row.limit, row.spent, row.reserved)


def _of_templates(
    budgets: Iterable[Budget], positions: Mapping[int, Position]
) -> dict[int, Position]:
    """Return where templates among *budgets* stand: they may spend what all that they
    made may. A query for each period they are in, none where there are none.
    """
    by_start: dict[datetime, list[int]] = defaultdict(list)
    for budget in budgets:
        if budget.is_template and budget.pk in positions:
            by_start[positions[budget.pk].window.start].append(budget.pk)
    found = {}
    for start, ids in by_start.items():
        sums = made_sums(ids, start)
        for pk in ids:
            amount, limit = sums.get(pk, (ZERO, ZERO))
            found[pk] = replace(positions[pk], amount=amount, limit=limit)
    return found


def _paced(
    organization: Organization, positions: dict[int, Position], at: datetime
) -> dict[int, Position]:
    """Return the positions in long periods with the pace of the days before *at*.

    One query, if there are any.
    """
    long = {
        pk: one
        for pk, one in positions.items()
        if at in one.window and one.window.end - one.window.start > MONTH
    }
    start = at - LATELY
    sums = sums_of(organization.pk, list(long), start, at)
    return {
        pk: replace(one, pace=_pace_of(one, sums.get(pk), start))
        for pk, one in long.items()
    }


def _pace_of(
    position: Position, lately: HourSpend | None, start: datetime
) -> SpendPace:
    if lately is None:
        return SpendPace(ZERO, start)
    # What has no spend from before has the pace of the time since its first use.
    is_new = position.spent <= lately.spent
    return SpendPace(lately.spent, max(lately.starts_at, start) if is_new else start)


def _described(
    budget: Budget, position: Position, row: BudgetPeriod, at: datetime
) -> BudgetStatus:
    return BudgetStatus(
        budget=budget,
        position=position,
        status=status_of(position, at),
        variance=variance_of(position, at),
        adjusted=row.adjusted,
        requests=row.requests,
        unpriced_requests=row.unpriced_requests,
        late_spend=row.late_spend,
    )


def position_of(
    budget: Budget,
    window: Window,
    amount: Decimal,
    limit: Decimal,
    spent: Decimal = ZERO,
    reserved: Decimal = ZERO,
) -> Position:
    """Return where *budget* stands in *window*, its own thresholds with it."""
    return Position(
        amount=amount,
        limit=limit,
        spent=spent,
        reserved=reserved,
        window=window,
        zone=ZoneInfo(budget.timezone),
        warning_threshold=budget.warning_threshold,
        critical_threshold=budget.critical_threshold,
    )


def _as_then(
    found: BudgetStatus,
    amount: Decimal,
    adjusted: Decimal,
    spent: Decimal,
    at: datetime,
) -> BudgetStatus:
    limit = amount + found.position.carried - found.adjusted + adjusted
    position = replace(found.position, amount=amount, limit=limit, spent=spent)
    return replace(
        found,
        position=position,
        adjusted=adjusted,
        status=status_of(position, at),
        variance=variance_of(position, at),
    )
