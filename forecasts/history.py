"""What budgets spent, day by day: for looking ahead and judging.

Spend that is not rolled up yet is in it.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from budgets.models import Budget
from forecasts import sql
from lib.periods import day_of, start_of

_ZERO = Decimal(0)


def since_first_spend(
    budget: Budget, midnights: Sequence[datetime], days: Sequence[Decimal]
) -> tuple[Decimal, ...]:
    """Return the days that are over, from the first whole one with spend.

    *days* are those between the *midnights*.
    """
    first = bisect_left(midnights, budget.starts_at)
    while first < len(days) and not days[first]:
        first += 1
    return tuple(days[first:])


@lru_cache(maxsize=8_192)  # days x zones
def midnight_of(day: date, zone: ZoneInfo) -> datetime:
    """Return when *day* begins in *zone*: remembered, for it is asked for often."""
    return start_of(day, zone)


def days_before(
    budgets: Sequence[Budget], count: int, *, now: datetime
) -> dict[int, tuple[Decimal, ...]]:
    """Return by id what *budgets* spent on the *count* days before today.

    From the first whole day with spend, and without fixed charges; of one
    organization, and in one zone. One query.
    """
    zone = ZoneInfo(budgets[0].timezone)
    today = day_of(now, zone)
    ago = range(count, -1, -1)
    midnights = [midnight_of(today - timedelta(days=days), zone) for days in ago]
    ids = [budget.pk for budget in budgets]
    spends = spends_between(budgets[0].organization_id, ids, midnights, fixed=False)
    return {
        budget.pk: since_first_spend(
            budget, midnights, spends.get(budget.pk, [_ZERO] * count)[:count]
        )
        for budget in budgets
    }


def days_since(budget: Budget, first: date, *, now: datetime) -> list[Decimal]:
    """Return what *budget* spent on each day from *first* on, today as far as it is.

    One query.
    """
    zone = ZoneInfo(budget.timezone)
    count = (day_of(now, zone) - first).days + 1
    midnights = [
        midnight_of(first + timedelta(days=days), zone) for days in range(count + 1)
    ]
    found = spends_between(budget.organization_id, [budget.pk], midnights)
    return list(found.get(budget.pk, [_ZERO] * count))[:count]


def spends_between(
    organization_id: int,
    budget_ids: Sequence[int],
    edges: Sequence[datetime],
    *,
    fixed: bool = True,
) -> Mapping[int, Sequence[Decimal]]:
    """Return what each budget spent from each of *edges* to the next. One query.

    Not *fixed*: without what it was charged by fixed charges, which says nothing of
    what will be used.
    """
    found: dict[int, list[Decimal]] = defaultdict(lambda: [_ZERO] * len(edges))
    for budget_id, number, spent in sql.spends(
        organization_id, budget_ids, edges, fixed=fixed
    ):
        found[budget_id][number] = spent
    return found
