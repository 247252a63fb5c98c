"""Recommended amounts, as the API answers them."""

from typing import Annotated

from budgets.models import Budget, Priority
from budgets.reallotment import versions_of
from forecasts.advice import Advice, Recommended
from forecasts.courses import RECOMMENDED
from lib.answers import Money, Out, choices, note
from lib.money import wire
from lib.periods import Cadence


class RecommendationOut(Out, frozen=True):
    """The amount that is recommended for one budget, in its currency."""

    budget: Annotated[str, note("Its id.")]
    name: str
    parent: Annotated[str | None, note("Whose amount this one is part of.")]
    currency: str
    period: Annotated[str, choices(Cadence)]
    priority: Annotated[str, choices(Priority.values)]
    present_amount: Money
    recommended_amount: Money
    difference: Annotated[Money, note("Negative: less than now.")]
    allocated: Annotated[Money, note("To those it is parted among.")]
    unallocated: Money
    needed: Annotated[
        Money, note("Enough with the probability of recommended_quantile.")
    ]
    forecasted_cost: Annotated[
        Money | None, note("Of its next whole period. Null: too little is known.")
    ]
    average_spend: Annotated[Money | None, note("Of up to three periods before.")]
    history_days: int
    floor: Money | None
    cap: Money | None
    reason: str
    version: Annotated[str, note("To be sent along with a new amount.")]


class LeftOutOut(Out, frozen=True):
    """A budget that nothing is recommended for."""

    budget: Annotated[str, note("Its id.")]
    name: str
    reason: str


class RecommendationsOut(Out, frozen=True):
    """Amounts that add up at every level of the tree."""

    recommended_quantile: float
    left: Annotated[Money, note("Of the total: what no budget at the top needs.")]
    recommendations: Annotated[
        list[RecommendationOut], note("Each before those below it.")
    ]
    left_out: list[LeftOutOut]


def advice_out(found: Advice) -> RecommendationsOut:
    budgets = {line.budget.pk: line.budget for line in found.lines}
    versions = versions_of(budgets)
    return RecommendationsOut(
        recommended_quantile=RECOMMENDED,
        left=wire(found.left),
        recommendations=[
            _line_out(
                line,
                budgets.get(line.budget.parent_id or 0),
                versions.get(line.budget.pk, "0"),
            )
            for line in found.lines
        ],
        left_out=[
            LeftOutOut(str(budget.uid), budget.name, reason)
            for budget, reason in found.left_out
        ],
    )


def _line_out(
    line: Recommended, parent: Budget | None, version: str
) -> RecommendationOut:
    budget, share, need = line.budget, line.share, line.need
    return RecommendationOut(
        budget=str(budget.uid),
        name=budget.name,
        parent=str(parent.uid) if parent and line.is_part else None,
        currency=budget.currency,
        period=budget.period,
        priority=budget.priority,
        present_amount=wire(budget.amount),
        recommended_amount=wire(share.amount),
        difference=wire(line.difference),
        allocated=wire(share.amount - share.kept),
        unallocated=wire(share.kept),
        needed=wire(need.amount),
        forecasted_cost=wire(need.expected),
        average_spend=wire(need.average),
        history_days=need.days,
        floor=wire(line.bounds.floor),
        cap=wire(line.bounds.cap),
        reason=line.reason,
        version=version,
    )
