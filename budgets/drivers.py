"""What explains a budget's spend: the models, projects and users that moved it."""

from collections.abc import Iterator, Mapping
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
_ZERO = Decimal(0)

_Costs = Mapping[str, Mapping[str, Decimal]]  # by dimension and name


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
    currency, so at the ends it may differ by hours from the budget's own zone. Four
    queries.
    """
    first, last = start.date(), (end - timedelta(microseconds=1)).date() + _DAY
    costs = _costs_of(budget, first, last)
    before = _costs_of(budget, first - (last - first), first)
    ranked = _ranked(costs, before)
    return [one for dimension in DIMENSIONS for one in ranked[dimension][:MOST]]


def top_drivers(
    budget: Budget, start: datetime, end: datetime, *, most: int
) -> list[Driver]:
    """Return the *most* that cost most: first the greatest of each dimension.

    As `drivers_of`, but for what carries no name or cost nothing, and for the time
    before, of which nothing is asked. Two queries.
    """
    first, last = start.date(), (end - timedelta(microseconds=1)).date() + _DAY
    ranked = _ranked(_costs_of(budget, first, last), {})
    placed = [
        (place, -one.cost, one.dimension, one.name, one)
        for dimension in DIMENSIONS
        for place, one in enumerate(
            one for one in ranked[dimension] if one.name and one.cost > 0
        )
    ]
    return [one for *_, one in sorted(placed, key=lambda place: place[:4])[:most]]


def _ranked(costs: _Costs, before: _Costs) -> dict[str, list[Driver]]:
    """Return the drivers of each dimension, dearest first."""
    ranked = {}
    for dimension, by_name in costs.items():
        total = sum(by_name.values(), _ZERO)
        earlier = before.get(dimension, {})
        ranked[dimension] = [
            Driver(
                dimension,
                name,
                by_name[name],
                earlier.get(name, _ZERO),
                share(by_name[name], total),
            )
            for name in sorted(by_name, key=lambda name: (-by_name[name], name))
        ]
    return ranked


def _costs_of(budget: Budget, first: date, last: date) -> _Costs:
    costs: dict[str, dict[str, Decimal]] = {name: {} for name in DIMENSIONS}
    for *names, cost in _spend_by_dimensions(budget, first, last):
        for dimension, name in zip(DIMENSIONS, names, strict=True):
            of = costs[dimension]
            of[name] = of.get(name, _ZERO) + cost
    return costs


def _spend_by_dimensions(
    budget: Budget, first: date, last: date
) -> Iterator[tuple[Any, ...]]:
    """Yield the values of DIMENSIONS and their cost on the UTC days [first, last).

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
    names = [f"attribution__{dimension}" for dimension in DIMENSIONS]
    for spend in (days, deltas):
        yield from spend.order_by().values_list(*names).annotate(Sum("cost"))
