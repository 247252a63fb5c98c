"""The course that spend is forecast to take, day by day and in sum. Pure."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from forecasts.estimates import Estimate, fitted
from lib.money import quantize

RECOMMENDED = (
    0.9  # share of the ways it may come that a recommended amount is enough for
)
_WEEK = 7
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Known:
    """What a course begins with; amounts in one currency."""

    days: Sequence[Decimal]  # that are over, oldest first, from the first with spend
    today: date
    part: float  # of today that is to come, a share
    spent: Decimal  # what counts already
    limit: Decimal


@dataclass(frozen=True, slots=True)
class Interval:
    """A cost as it is expected, and where it lies with the confidence asked for."""

    middle: Decimal
    lower: Decimal
    upper: Decimal


@dataclass(frozen=True, slots=True)
class Course:
    """What is spent by the end of some days, with what counts already."""

    total: Interval
    probability: Decimal  # share: that it passes the limit
    recommended: Decimal
    exceeded_on: date | None  # None: not in these days, as they are expected
    days: Sequence[tuple[date, Interval]]  # today first, as far as it is to come


def course_of(known: Known, steps: int, *, confidence: float) -> Course:
    """Forecast *steps* days, today among them, with intervals of *confidence*."""
    costs = tuple(float(day) for day in known.days)
    tail = (1 - confidence) / 2

    def interval(estimate: Estimate, spent: Decimal = Decimal(0)) -> Interval:
        return Interval(
            spent + _money(estimate.middle),
            spent + _money(estimate.quantile(tail)),
            spent + _money(estimate.quantile(1 - tail)),
        )

    def ahead(days: int) -> Estimate:
        return fitted(costs, days, _WEEK).total(part=known.part)

    total, left = ahead(steps), float(known.limit - known.spent)
    passes = (
        0
        if left < 0
        else bisect_left(
            range(1, steps + 1), x=True, key=lambda days: ahead(days).middle > left
        )
    )
    first = fitted(costs, 1, _WEEK).total(part=known.part)
    days = [first, *fitted(costs, steps, _WEEK).steps()[1:]]
    return Course(
        interval(total, known.spent),
        quantize(Decimal(total.probability_above(left) if left >= 0 else 1)),
        known.spent + _money(total.quantile(RECOMMENDED)),
        known.today + passes * _DAY if passes < steps else None,
        [(known.today + place * _DAY, interval(day)) for place, day in enumerate(days)],
    )


def _money(estimate: float) -> Decimal:
    return quantize(Decimal(estimate))
