"""What is to come, from what was spent so far. Pure.

All look ahead from a history of equal steps: days, or hours with a season of 24. They
take floats and give floats, for these are estimates and no amounts. What is expected is
the middle: as likely to be passed as not. Days stray together, so a total's interval is
measured as that of a total and is no sum of the days'. `forecasts.levels` says how what
is expected comes about, `forecasts.estimates` how sure that is.
"""

from collections.abc import Sequence
from math import isnan

from forecasts.estimates import fitted


def forecast(
    history: Sequence[float], horizon: int, level: float, season: int = 7
) -> tuple[list[float], list[float], list[float]]:
    """Return what each of the next *horizon* steps costs: middle, lower, upper.

    *history* is oldest first, a cost a step, with zeros where nothing was spent;
    negative ones are taken off those before. Each step is between lower and upper with
    a probability of *level*; all zero where nothing was spent. *season*: steps that a
    rhythm takes, 1 for none.

    Raises:
        ValueError: *history* is empty or has what is no finite number, or *horizon*,
            *level* or *season* is out of its range.
    """
    tail = _tail(level)
    steps = fitted(tuple(history), horizon, season).steps()
    return (
        [step.middle for step in steps],
        [step.quantile(tail) for step in steps],
        [step.quantile(1 - tail) for step in steps],
    )


def forecast_total(
    history: Sequence[float], horizon: int, level: float, season: int = 7
) -> tuple[float, float, float]:
    """Return what the next *horizon* steps cost together: middle, lower, upper.

    Given and raised as in `forecast`.
    """
    tail = _tail(level)
    total = fitted(tuple(history), horizon, season).total()
    return total.middle, total.quantile(tail), total.quantile(1 - tail)


def probability_exceeded(
    history: Sequence[float], horizon: int, limit: float, season: int = 7
) -> float:
    """Return how likely the next *horizon* steps cost more than *limit* together.

    By the distribution that the intervals of `forecast_total` are of; given and raised
    as in `forecast`.
    """
    if isnan(limit):
        raise ValueError("limit is no number.")
    return fitted(tuple(history), horizon, season).total().probability_above(limit)


def _tail(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}: give a share, such as 0.8 for 80 %.")
    return (1 - level) / 2
