"""What explains a budget's spend: the models, projects and users that moved it."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet, Sum

from budgets.models import Budget, Coverage
from lib.money import COUNTED, share

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
    cost: Decimal  # organization's currency; what the budget counts, if no money
    previous: Decimal
    share: Decimal | None  # of what all cost

    @property
    def change(self) -> Decimal:
        return self.cost - self.previous


def currency_of(budget: Budget) -> str:
    """Return what the drivers of *budget* are told in: the organization's currency, or
    what it counts in place of money."""
    if budget.currency in COUNTED:
        return str(budget.currency)
    return str(budget.organization.currency)


def drivers_of(budget: Budget, start: datetime, end: datetime) -> list[Driver]:
    """Return the greatest of each dimension in [start, end), dearest first.

    Compared with as long a time before. By whole UTC days, in the organization's
    currency, so at the ends it may differ by hours from the budget's own zone. Four
    queries.
    """
    first, last = start.date(), (end - timedelta(microseconds=1)).date() + _DAY
    costs = _costs_of_each([budget], first, last)[budget.pk]
    before = _costs_of_each([budget], first - (last - first), first)[budget.pk]
    ranked = _ranked(costs, before)
    return [one for dimension in DIMENSIONS for one in ranked[dimension][:MOST]]


def top_drivers(
    budget: Budget, start: datetime, end: datetime, *, most: int
) -> list[Driver]:
    """Return the *most* that cost most: first the greatest of each dimension.

    As `drivers_of`, but for what carries no name or cost nothing, and for the time
    before, of which nothing is asked. Two queries.
    """
    return top_drivers_of([budget], start, end, most=most)[budget.pk]


def top_drivers_of(
    budgets: Collection[Budget], start: datetime, end: datetime, *, most: int
) -> Mapping[int, list[Driver]]:
    """Return `top_drivers` of each of *budgets*, all of one organization, by id.

    Two queries, however many budgets.
    """
    first, last = start.date(), (end - timedelta(microseconds=1)).date() + _DAY
    costs = _costs_of_each(budgets, first, last)
    return {budget.pk: _greatest(costs[budget.pk], most) for budget in budgets}


def _greatest(costs: _Costs, most: int) -> list[Driver]:
    ranked = _ranked(costs, {})
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


def _costs_of_each(
    budgets: Collection[Budget], first: date, last: date
) -> Mapping[int, _Costs]:
    """Return the costs of *budgets* on the UTC days [first, last), by id."""
    units = {budget.pk: budget.currency for budget in budgets}
    costs: dict[int, dict[str, dict[str, Decimal]]] = defaultdict(
        lambda: {name: {} for name in DIMENSIONS}
    )
    for pk, *names, cost, tokens, requests in _spend_by_dimensions(
        budgets, first, last
    ):
        counted = {"tokens": Decimal(tokens), "requests": Decimal(requests)}
        spent = counted.get(units[pk], cost)
        for dimension, name in zip(DIMENSIONS, names, strict=True):
            of = costs[pk][dimension]
            of[name] = of.get(name, _ZERO) + spent
    return costs


def covered_spend(
    budgets: Collection[Budget], first: date, last: date
) -> Iterator[tuple[QuerySet[Coverage], str]]:
    """Yield what *budgets* cover on the UTC days [first, last), joined to its spend.

    With the name of what is joined, below `attribution`: of days that are rolled up,
    and of what is not yet.
    """
    organization_ids = {budget.organization_id for budget in budgets}
    earlier = Coverage.objects.filter(
        budget=OuterRef("budget"),
        attribution=OuterRef("attribution"),
        starts_at__lt=OuterRef("starts_at"),
    )
    # One row for each pair, though it may be covered in several stretches.
    covered = Coverage.objects.filter(
        ~Exists(earlier), budget__in=[budget.pk for budget in budgets]
    )
    days = covered.filter(
        attribution__dailyspend__organization__in=organization_ids,
        attribution__dailyspend__day__gte=first,
        attribution__dailyspend__day__lt=last,
    )
    deltas = covered.filter(
        attribution__spenddelta__organization__in=organization_ids,
        attribution__spenddelta__currency="",
        attribution__spenddelta__starts_at__gte=_midnight(first),
        attribution__spenddelta__starts_at__lt=_midnight(last),
    )
    yield days.order_by(), "dailyspend"
    yield deltas.order_by(), "spenddelta"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _spend_by_dimensions(
    budgets: Collection[Budget], first: date, last: date
) -> Iterator[tuple[Any, ...]]:
    """Yield ids of *budgets* with values of DIMENSIONS, and their cost, tokens and
    requests on the UTC days.

    The same values may come twice.
    """
    names = [f"attribution__{dimension}" for dimension in DIMENSIONS]
    for rows, spend in covered_spend(budgets, first, last):
        sums = rows.values_list("budget_id", *names)
        of = f"attribution__{spend}"
        tokens = F(f"{of}__input_tokens") + F(f"{of}__output_tokens")
        yield from sums.annotate(
            Sum(f"{of}__cost"), tokens=Sum(tokens), n=Sum(f"{of}__requests")
        )
