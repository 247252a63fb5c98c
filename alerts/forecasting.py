"""What a period will have cost at its end, from what its days have cost so far.

Pure. A better method only has to be a `Method`.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from math import sqrt
from statistics import NormalDist, fmean
from typing import Protocol

from alerts.types import Facts
from costops.lib.money import quantize

LEAST_DAYS = 3  # of history, without which nothing is said
_DAYS = 28  # that the run rate is taken over: whole weeks
_DAY = timedelta(days=1)
_DRIFT = 1.5  # days are not independent: sums stray more than their sum of variances
_LEAST_SPREAD = 0.05  # of the rate
_NORMAL = NormalDist()
_TENTH = _NORMAL.inv_cdf(0.9)


@dataclass(frozen=True, slots=True)
class Outlook:
    """The spend projected to the period's end, with an 80 % interval."""

    projected: Decimal
    lower: Decimal
    upper: Decimal
    probability: Decimal  # share: that it passes the limit
    method: str  # for people: "run rate of the last 28 days"


class Method(Protocol):
    """A way to look ahead; None when there is too little to go by."""

    def __call__(self, facts: Facts, /) -> Outlook | None: ...


def run_rate(facts: Facts) -> Outlook | None:
    """Go on at the mean of the last 28 days; the spread of days gives the interval."""
    days = [float(day) for day in facts.days[-_DAYS:]]
    if len(days) < LEAST_DAYS:
        return None
    rate = fmean(days)
    left = (facts.window.end - facts.now) / _DAY  # days
    spread = max(
        sqrt(sum((day - rate) ** 2 for day in days) / (len(days) - 1)),
        _LEAST_SPREAD * abs(rate),
    )
    # Of the days to come, and of the mean that was taken for their rate.
    strays = spread * _DRIFT * sqrt(left * (1 + left / len(days)))
    spent = float(facts.spent)
    projected = spent + max(rate, 0.0) * left
    return Outlook(
        projected=_money(projected),
        lower=_money(max(projected - _TENTH * strays, min(spent, projected))),
        upper=_money(projected + _TENTH * strays),
        probability=_probability(facts, projected, strays),
        method=f"run rate of the last {len(days)} days",
    )


def _probability(facts: Facts, projected: float, strays: float) -> Decimal:
    if facts.spent > facts.limit:
        return Decimal(1)
    over = projected - float(facts.limit)
    if not strays:
        return Decimal(over > 0)
    return quantize(Decimal(_NORMAL.cdf(over / strays)))


def _money(estimate: float) -> Decimal:
    return quantize(Decimal(estimate))
