"""Which models, projects and users moved a budget, in money."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypedDict

from budgets.drivers import DIMENSIONS, costs_by
from budgets.models import Budget
from lib.money import share, wire

_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)


class NotedDriver(TypedDict):
    """One model, project or user, as an alert's details keep it."""

    dimension: str
    name: str
    amount: str  # organization's currency, ten places
    share: str | None  # of what all cost; None: of nothing


def top_drivers(
    budget: Budget, start: datetime, end: datetime, now: datetime, n: int = 3
) -> list[NotedDriver]:
    """Return the *n* that cost most in [start, end): first the greatest of each kind.

    By whole UTC days up to *now*, so at the ends it may differ by hours from the
    budget's own zone. What carries no name is left out. Two queries.
    """
    first = start.date()
    last = (min(end, now) - _MICROSECOND).date() + _DAY
    costs: dict[str, dict[str, Decimal]] = {name: {} for name in DIMENSIONS}
    total = Decimal(0)
    for *names, cost in costs_by(budget, first, last, *DIMENSIONS):
        total += cost
        for dimension, name in zip(DIMENSIONS, names, strict=True):
            of = costs[dimension]
            of[name] = of.get(name, Decimal(0)) + cost
    ranked = [
        (place, -cost, dimension, name)
        for dimension in DIMENSIONS
        for place, (name, cost) in enumerate(_dearest(costs[dimension], n))
    ]
    return [
        NotedDriver(
            dimension=dimension,
            name=name,
            amount=wire(-cost) or "",
            share=wire(share(-cost, total)),
        )
        for _, cost, dimension, name in sorted(ranked)[:n]
    ]


def _dearest(costs: dict[str, Decimal], n: int) -> list[tuple[str, Decimal]]:
    named = [pair for pair in costs.items() if pair[0] and pair[1] > 0]
    return sorted(named, key=lambda pair: (-pair[1], pair[0]))[:n]
