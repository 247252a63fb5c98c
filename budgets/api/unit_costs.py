"""What one of something cost a budget, as the API answers it."""

from typing import Annotated

from budgets.models import Budget
from budgets.unit_costs import INTERVALS, Per, UnitCost, UnitCosts
from lib.answers import Moment, Money, Out, choices, note
from lib.money import wire


class UnitCostTotalOut(Out, frozen=True):
    """All of the time that was asked for."""

    cost: Money
    count: Annotated[int, note("Of users and tags: each once.")]
    unit_cost: Money | None


class UnitCostPointOut(Out, frozen=True):
    """One day, week or month, as far as it was asked for."""

    start: Moment
    end: Annotated[Moment, note("Exclusive.")]
    cost: Money
    count: int
    unit_cost: Annotated[Money | None, note("Null: the count is 0.")]


class UnitCostsOut(Out, frozen=True):
    """What one cost; money in the budget's currency."""

    budget: Annotated[str, note("Its id.")]
    per: str
    interval: Annotated[str, choices(INTERVALS)]
    currency: str
    total: UnitCostTotalOut
    points: list[UnitCostPointOut]


def unit_costs_out(
    budget: Budget, per: Per, interval: str, found: UnitCosts
) -> UnitCostsOut:
    return UnitCostsOut(
        budget=str(budget.uid),
        per=str(per),
        interval=interval,
        currency=budget.currency,
        total=UnitCostTotalOut(
            wire(found.total.cost), found.total.count, wire(found.total.each)
        ),
        points=[_point_out(point) for point in found.points],
    )


def _point_out(point: UnitCost) -> UnitCostPointOut:
    return UnitCostPointOut(
        start=point.window.start,
        end=point.window.end,
        cost=wire(point.cost),
        count=point.count,
        unit_cost=wire(point.each),
    )
