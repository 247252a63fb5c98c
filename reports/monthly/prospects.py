"""Where a year is expected to end: by the forecasts that budgets have."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import dropwhile, pairwise
from operator import not_
from zoneinfo import ZoneInfo

from accounts.models import Organization
from budgets.models import Budget
from forecasts.ahead import Present
from forecasts.coming import dues_of
from forecasts.courses import LIKELY, Known, interval_of, rest_of
from forecasts.estimates import Estimate
from forecasts.history import days_before, midnight_of
from forecasts.outlooks import LEAST_DAYS, MOST_DAYS
from forecasts.scoped import spent_in
from ledger.costs import CostQuery
from lib.money import quantize
from lib.periods import Window, day_of
from reports.monthly.calendars import ReportedMonth
from reports.monthly.figures import Between, MonthPoint

ZERO, _ONE = Decimal(0), Decimal(1)
LEVEL = Decimal(str(LIKELY))
_AT_ONCE = 500  # budgets whose history is in memory
Days = Sequence[Decimal]  # that are over, oldest first, from the first with spend


@dataclass(frozen=True)
class YearAhead:
    """What is to come of a year; *steps* days of it, today among them."""

    known: Known
    steps: int

    @property
    def is_enough(self) -> bool:
        return len(self.known.days) >= LEAST_DAYS

    def expected(self) -> tuple[Decimal, Between | None]:
        """Return what it comes to with what is spent; as it stands where too little is
        known."""
        spent = self.known.spent_with(self.steps)
        if not self.is_enough:
            return spent, None
        found = interval_of(rest_of(self.known, self.steps), LIKELY, spent)
        return found.middle, Between(found.lower, found.upper, LEVEL)

    def probability_over(self, budgeted: Decimal) -> float | None:
        """Return how likely it passes what is *budgeted*."""
        if not self.is_enough:
            return None
        left = float(budgeted - self.known.spent_with(self.steps))
        if left < 0:
            return 1.0
        return rest_of(self.known, self.steps).probability_above(left)

    def until(self, day: int) -> Estimate:
        """Return what the next *day* days come to, today as far as it is to come."""
        return rest_of(self.known, day)


def ahead_of_budgets(
    budgets: Sequence[Budget],
    spent: Mapping[int, Decimal],
    rates: Mapping[str, Decimal],
    year: Window,
    now: datetime,
) -> dict[int, YearAhead]:
    """Return what is to come of *year* for *budgets*, by id; not those that are over.

    *spent* in the year by now, in the organization's currency; *rates* say what one of
    the budgets' currencies is worth in it. Three queries at most for each
    time zone and 500 budgets.
    """
    by_zone: dict[str, list[Budget]] = defaultdict(list)
    for budget in budgets:
        if now < _end_of(budget, year):
            by_zone[budget.timezone].append(budget)
    found = {}
    for zone, group in by_zone.items():
        for start in range(0, len(group), _AT_ONCE):
            part = group[start : start + _AT_ONCE]
            histories = days_before(part, MOST_DAYS, now=now)
            dues = dues_of(part, now=now)
            for budget in part:
                present = Present(
                    now, ZoneInfo(zone), Window(year.start, _end_of(budget, year))
                )
                days = _exchanged(histories[budget.pk], rates[budget.currency])
                known = Known(
                    *(days, present.today, present.part, spent[budget.pk]),
                    limit=None,
                    dues=dues[budget.pk].times(rates[budget.currency]),
                )
                found[budget.pk] = YearAhead(known, present.steps)
    return found


def ahead_of_all(
    organization: Organization,
    attribution_ids: Sequence[int],
    spent: Decimal,
    month: ReportedMonth,
    now: datetime,
) -> YearAhead | None:
    """Return what is to come of the year for all that is charged to *attribution_ids*;
    None: the year is over. At most three queries."""
    if now >= month.year.end:
        return None
    present = Present(now, month.zone, month.year)
    ago = range(MOST_DAYS, -1, -1)
    midnights = [
        midnight_of(present.today - timedelta(days), month.zone) for days in ago
    ]
    question = CostQuery(organization, only=attribution_ids)
    days = tuple(dropwhile(not_, spent_in(question, pairwise(midnights))))
    known = Known(days, present.today, present.part, spent, limit=None)
    return YearAhead(known, present.steps)


def months_of(
    month: ReportedMonth,
    budgeted: Sequence[Decimal],
    spent: Sequence[Decimal],
    ahead: YearAhead | None,
    now: datetime,
) -> Iterator[MonthPoint]:
    """Yield the months of the year: what was spent in those that have begun, and what
    those that are not over are expected to come to."""
    expected = _expected_by_month(month, ahead)
    for first, amount, cost in zip(month.firsts, budgeted, spent, strict=True):
        window = month.month(first)
        point = MonthPoint(first, amount, None, None, None)
        has_begun, is_over = window.start <= now, window.end <= now
        so_far = cost if has_begun or cost else None
        if is_over or first not in expected:
            yield MonthPoint(point.month, amount, so_far, None, None)
            continue
        middle, lower, upper = expected[first]
        between = Between(cost + lower, cost + upper, LEVEL)
        yield MonthPoint(first, amount, so_far, cost + middle, between)


def _expected_by_month(
    month: ReportedMonth, ahead: YearAhead | None
) -> dict[object, tuple[Decimal, Decimal, Decimal]]:
    """Return what is to come of each month: middle, lower, upper.

    Each has its part of what is to come until its end; how sure that is, is as sure as
    what comes until then.
    """
    if ahead is None or not ahead.is_enough:
        return {}
    found: dict[object, tuple[Decimal, Decimal, Decimal]] = {}
    before, today, tail = 0.0, ahead.known.today, (1 - LIKELY) / 2
    paid = ZERO
    for first in month.firsts:
        after = day_of(month.month(first).end, month.zone)
        steps = min((after - today).days, ahead.steps)
        if steps < 1:
            continue
        until = ahead.until(steps)
        part = max(until.middle - before, 0.0)
        before = max(until.middle, before)
        whole = until.middle or 1.0
        low, high = until.quantile(tail) / whole, until.quantile(1 - tail) / whole
        due = ahead.known.due(steps) - paid
        paid += due
        found[first] = (
            due + _money(part),
            due + _money(part * low),
            due + _money(part * high),
        )
    return found


def _end_of(budget: Budget, year: Window) -> datetime:
    ends_at: datetime | None = budget.ends_at
    return min(year.end, ends_at) if ends_at else year.end


def _exchanged(days: Days, rate: Decimal) -> Days:
    return days if rate == _ONE else [quantize(day * rate) for day in days]


def _money(estimate: float) -> Decimal:
    return quantize(Decimal(estimate))
