"""What a period comes to if something changes from now on. Pure.

What was spent already stays. What is still to be spent is forecast as ever; of that
one distribution every scenario is a multiple (growth, reduction, other models), moved
by what is added for certain. So intervals and probabilities are as good as the
forecast's, and what is assumed is taken as it is said.
"""

from dataclasses import dataclass
from decimal import Decimal

from forecasts.assumptions import Assumptions
from forecasts.courses import RECOMMENDED, Interval, Known, interval_of, rest_of
from forecasts.estimates import Estimate
from lib.money import quantize


@dataclass(frozen=True, slots=True)
class ScenarioOutcome:
    """What a period comes to under some assumptions; amounts in one currency."""

    projected: Interval
    delta: Decimal  # of what is expected, to the current rate
    limit: Decimal | None
    probability: Decimal | None  # share: that it passes the limit, if there is one
    recommended: Decimal  # enough in RECOMMENDED of the ways it may come


def outcome_of(
    known: Known,
    steps: int,
    assumed: Assumptions,
    *,
    confidence: float,
    switched: Decimal = Decimal(1),
) -> ScenarioOutcome:
    """Forecast *steps* days, today among them, with what is *assumed*.

    *switched*: what the assumed switches of models make of costs, as a factor; see
    `forecasts.swaps`.
    """
    rest = rest_of(known, steps)
    factor = assumed.factor * switched
    added = quantize(assumed.added)
    spent = known.spent_with(steps)  # what is due stays, whatever is assumed

    def comes_to(rest_cost: Decimal) -> Decimal:
        return spent + quantize(rest_cost * factor) + added

    usual = interval_of(rest, confidence)
    projected = Interval(
        comes_to(usual.middle), comes_to(usual.lower), comes_to(usual.upper)
    )
    limit = known.limit if assumed.limit is None else assumed.limit
    return ScenarioOutcome(
        projected,
        projected.middle - (spent + usual.middle),
        limit,
        None if limit is None else _likely(rest, factor, limit - spent - added),
        comes_to(quantize(Decimal(rest.quantile(RECOMMENDED)))),
    )


def _likely(rest: Estimate, factor: Decimal, left: Decimal) -> Decimal:
    """Return how likely *factor* times *rest* is more than is *left*."""
    if left < 0 or not factor:
        return Decimal(left < 0)
    return quantize(Decimal(rest.probability_above(float(left / factor))))
