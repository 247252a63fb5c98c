"""What budgets need: by what they spent so far, and by what is forecast."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from accounts.models import Organization
from budgets.models import Budget, BudgetPeriod
from budgets.status import calendar_of
from forecasts.courses import RECOMMENDED
from forecasts.estimates import Estimate, fitted
from forecasts.history import midnight_of, spends_between
from forecasts.outlooks import LEAST_DAYS, MOST_DAYS
from forecasts.quiet import quiet_of
from forecasts.series import Quiet
from lib.money import quantize
from lib.periods import day_of

PAST = 3  # periods that are over, of which the mean is told
_ZERO = Decimal(0)
_WEEK = 7
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Need:
    """What one budget needs in a period of its own; amounts in its currency."""

    amount: Decimal  # enough with the probability RECOMMENDED; its own where unknown
    kept: Decimal  # likewise, of what none of those below it is charged for
    expected: Decimal | None  # as likely passed as not; None: too little is known
    days: int  # with spend that this rests on, at most MOST_DAYS
    average: Decimal | None  # of the last periods that are over; None: none is
    periods: int  # that are in it


def needs_of(
    organization: Organization,
    budgets: Sequence[Budget],
    below: Mapping[int, Sequence[Budget]],
    *,
    now: datetime,
) -> dict[int, Need]:
    """Return by id what *budgets*, all in force, need in their next whole period.

    *below*: whose amounts are part of which one's. A query, and one for each time zone.
    """
    holidays = organization.holiday_calendar
    pasts = _pasts([budget.pk for budget in budgets])
    by_zone: dict[str, list[Budget]] = defaultdict(list)
    for budget in budgets:
        by_zone[budget.timezone].append(budget)
    found: dict[int, Need] = {}
    for zone, group in by_zone.items():
        days = _Days.before(now, ZoneInfo(zone), group, below, holidays)
        for budget in group:
            steps = _days_of_period(budget, organization, now)
            children = below.get(budget.pk, ())
            average, periods = pasts.get(budget.pk, (None, 0))
            found[budget.pk] = _need(budget, days, children, steps, average, periods)
    return found


@dataclass(frozen=True, slots=True)
class _Days:
    """What some budgets spent on each of the days that are over, oldest first."""

    midnights: Sequence[datetime]
    spends: Mapping[int, Sequence[Decimal]]
    quiet: Quiet  # the holidays; today is step 0

    @classmethod
    def before(
        cls,
        now: datetime,
        zone: ZoneInfo,
        budgets: Iterable[Budget],
        below: Mapping[int, Sequence[Budget]],
        holidays: str,
    ) -> "_Days":
        """Read those of *budgets* and of all *below* them, in *zone*. One query.

        *holidays*: of which place.
        """
        chosen = list(budgets)
        today = day_of(now, zone)
        days = [_ago(today, count) for count in range(MOST_DAYS, -1, -1)]
        midnights = [midnight_of(day, zone) for day in days]
        ids = {one.pk for budget in chosen for one in below.get(budget.pk, ())}
        ids |= {budget.pk for budget in chosen}
        organization_id = chosen[0].organization_id
        spends = spends_between(organization_id, sorted(ids), midnights)
        return cls(midnights, spends, quiet_of(holidays, today))

    def of(self, budget: Budget) -> list[Decimal]:
        """Return the days from the first whole one with spend on."""
        days = self._all(budget)
        first = 0
        while first < len(days) and (
            self.midnights[first] < budget.starts_at or not days[first]
        ):
            first += 1
        return days[first:]

    def kept(self, budget: Budget, children: Sequence[Budget]) -> list[Decimal]:
        """Return what of those days is none of the *children*'s."""
        rest = self._all(budget)
        for child in children:
            rest = [
                all_ - part for all_, part in zip(rest, self._all(child), strict=True)
            ]
        lately = rest[len(rest) - len(self.of(budget)) :]
        return [max(day, _ZERO) for day in lately]

    def ahead(self, history: Sequence[Decimal], steps: int) -> Estimate:
        """Return what the *steps* days from today on come to."""
        known = tuple(map(float, history or [_ZERO]))
        return fitted(known, steps, _WEEK, self.quiet).total()

    def _all(self, budget: Budget) -> list[Decimal]:
        spent = self.spends.get(budget.pk)
        return [_ZERO] * MOST_DAYS if spent is None else list(spent[:MOST_DAYS])


def _need(
    budget: Budget,
    days: _Days,
    children: Sequence[Budget],
    steps: int,
    average: Decimal | None,
    periods: int,
) -> Need:
    history = days.of(budget)
    known = len(history)
    if known < LEAST_DAYS and not _is_idle(budget, days):
        given = sum((child.amount for child in children), _ZERO)
        kept = max(budget.amount - given, _ZERO)
        return Need(budget.amount, kept, None, known, average, periods)
    all_of_it = days.ahead(history, steps)
    rest = days.ahead(days.kept(budget, children), steps) if children else all_of_it
    return Need(
        _enough(all_of_it),
        _enough(rest),
        _money(all_of_it.middle),
        known,
        average,
        periods,
    )


def _is_idle(budget: Budget, days: _Days) -> bool:
    """Tell whether it could have spent on all the days, and spent on none."""
    return budget.starts_at <= days.midnights[0] and not days.of(budget)


def _enough(ahead: Estimate) -> Decimal:
    return _money(ahead.quantile(RECOMMENDED))


def _days_of_period(budget: Budget, organization: Organization, now: datetime) -> int:
    """Return how many days the next period has; the present one where it is the last.

    Budgets with custom dates have one period alone.
    """
    calendar = calendar_of(budget, organization)
    present = calendar.window_of(now)
    window = calendar.following(present) or present
    last = calendar.day_of(window.end - _MICROSECOND)
    return (last - calendar.day_of(window.start)).days + 1


def _pasts(budget_ids: Sequence[int]) -> dict[int, tuple[Decimal, int]]:
    """Return the mean of what the last periods that are closed spent, and of how many.

    One query.
    """
    latest = Window(
        RowNumber(), partition_by="budget_id", order_by=F("starts_at").desc()
    )
    rows = BudgetPeriod.objects.filter(budget__in=budget_ids, closed_at__isnull=False)
    spent: dict[int, list[Decimal]] = defaultdict(list)
    for budget_id, cost in (
        rows.order_by()
        .annotate(place=latest)
        .filter(place__lte=PAST)
        .values_list("budget_id", "spent")
    ):
        spent[budget_id].append(cost)
    return {
        budget_id: (quantize(sum(costs, _ZERO) / len(costs)), len(costs))
        for budget_id, costs in spent.items()
    }


def _ago(day: date, count: int) -> date:
    return day - timedelta(days=count)


def _money(estimate: float) -> Decimal:
    return quantize(Decimal(estimate))
