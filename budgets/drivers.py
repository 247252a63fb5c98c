"""What explains a budget's spend: the models, projects and users that moved it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Sum

from budgets.models import Budget, Coverage
from ledger.models import DailySpend, SpendDelta
from lib.money import share

DIMENSIONS = ("model", "project", "user")
MOST = 5  # of each dimension
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Driver:
    """One model, project or user: what it cost, and what in the days before."""

    dimension: str
    name: str  # "" where none was given
    cost: Decimal  # organization's currency
    previous: Decimal
    share: Decimal | None  # of what all cost

    @property
    def change(self) -> Decimal:
        return self.cost - self.previous


def drivers_of(budget: Budget, start: datetime, end: datetime) -> list[Driver]:
    """Return the greatest of each dimension in [start, end), dearest first.

    Compared with as long a time before. By whole UTC days, in the organization's
    currency, so at the ends it may differ by hours from the budget's own zone.
    """
    first, last = start.date(), (end - timedelta(microseconds=1)).date() + _DAY
    before = first - (last - first)
    found = []
    for dimension in DIMENSIONS:
        costs = _costs(budget, dimension, first, last)
        earlier = _costs(budget, dimension, before, first)
        total = sum(costs.values(), Decimal(0))
        greatest = sorted(costs, key=lambda name: (-costs[name], name))[:MOST]
        found += [
            Driver(
                dimension,
                name,
                costs[name],
                earlier.get(name, Decimal(0)),
                share(costs[name], total),
            )
            for name in greatest
        ]
    return found


def costs_by(
    budget: Budget, first: date, last: date, *dimensions: str
) -> Iterator[tuple[Any, ...]]:
    """Yield the values of *dimensions* and their cost on the UTC days [first, last).

    The same values may come twice: of days that are rolled up, and of what is not yet.
    """
    covered = Coverage.objects.filter(
        budget=budget, attribution=OuterRef("attribution")
    )
    days = DailySpend.objects.filter(
        Exists(covered),
        organization=budget.organization_id,
        day__gte=first,
        day__lt=last,
    )
    deltas = SpendDelta.objects.filter(
        Exists(covered),
        organization=budget.organization_id,
        currency="",
        starts_at__date__gte=first,
        starts_at__date__lt=last,
    )
    names = [f"attribution__{dimension}" for dimension in dimensions]
    for spend in (days, deltas):
        yield from spend.order_by().values_list(*names).annotate(Sum("cost"))


def _costs(
    budget: Budget, dimension: str, first: date, last: date
) -> dict[str, Decimal]:
    costs: dict[str, Decimal] = {}
    for value, cost in costs_by(budget, first, last, dimension):
        costs[value] = costs.get(value, Decimal(0)) + cost
    return costs
