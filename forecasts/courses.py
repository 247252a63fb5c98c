"""The course that spend is forecast to take, day by day and in sum. Pure."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
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
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Known:
    """What a course begins with; amounts in one currency."""

    days: Sequence[Decimal]  # that are over, oldest first, from the first with spend
    today: date
    part: float  # of today that is to come, a share
    spent: Decimal  # what counts already
    limit: Decimal | None


@dataclass(frozen=True, slots=True)
class Interval:
    """A cost as it is expected, and where it lies with the confidence asked for."""

    middle: Decimal
    lower: Decimal
    upper: Decimal


@dataclass(frozen=True, slots=True)
class Passing:
    """On which day the limit is passed, with the confidence asked for; None: not in
    these days."""

    expected: date | None
    earliest: date | None
    latest: date | None


@dataclass(frozen=True, slots=True)
class Course:
    """What is spent by the end of some days, with what counts already."""

    total: Interval
    probability: Decimal | None  # share: that it passes the limit, if there is one
    recommended: Decimal
    passing: Passing
    days: Sequence[tuple[date, Interval]]  # today first, as far as it is to come


def course_of(known: Known, steps: int, *, confidence: float) -> Course:
    """Forecast *steps* days, today among them, with intervals of *confidence*."""
    ahead = _Ahead(known, (1 - confidence) / 2)
    total, left = ahead.of(steps), ahead.left
    first = ahead.of(1)
    days = [first, *fitted(ahead.costs, steps, _WEEK).steps()[1:]]
    return Course(
        ahead.interval(total, known.spent),
        None if left is None else _likely(total, left),
        known.spent + _money(total.quantile(RECOMMENDED)),
        ahead.passing(steps),
        [
            (known.today + place * _DAY, ahead.interval(day, _ZERO))
            for place, day in enumerate(days)
        ],
    )


def ends_of(
    known: Known, steps: int, *, confidence: float, most: int
) -> list[tuple[date, Interval]]:
    """Return what is spent by the ends of days, with what counts already.

    Of the *steps* days from today on, the last among them; of many days, *most* at
    even distances. What stands later is never less: spend is not given back.
    """
    ahead = _Ahead(known, (1 - confidence) / 2)
    every = -(-steps // most)
    ends: list[tuple[date, Interval]] = []
    for days in range(steps, 0, -every):
        found = ahead.interval(ahead.of(days), known.spent)
        if ends:
            after = ends[-1][1]
            found = Interval(
                min(found.middle, after.middle),
                min(found.lower, after.lower),
                min(found.upper, after.upper),
            )
        ends.append((known.today + (days - 1) * _DAY, found))
    return ends[::-1]


class _Ahead:
    """The totals of the days to come, and their intervals."""

    def __init__(self, known: Known, tail: float) -> None:
        self.costs = tuple(float(day) for day in known.days)
        self.left = None if known.limit is None else float(known.limit - known.spent)
        self.tail = tail
        self._known = known

    def of(self, days: int) -> Estimate:
        return fitted(self.costs, days, _WEEK).total(part=self._known.part)

    def interval(self, estimate: Estimate, spent: Decimal) -> Interval:
        return Interval(
            spent + _money(estimate.middle),
            spent + _money(estimate.quantile(self.tail)),
            spent + _money(estimate.quantile(1 - self.tail)),
        )

    def passing(self, steps: int) -> Passing:
        def upper(estimate: Estimate) -> float:
            return estimate.quantile(1 - self.tail)

        def lower(estimate: Estimate) -> float:
            return estimate.quantile(self.tail)

        return Passing(
            expected=self._first(steps, lambda estimate: estimate.middle),
            earliest=self._first(steps, upper),
            latest=self._first(steps, lower),
        )

    def _first(self, steps: int, cost: Callable[[Estimate], float]) -> date | None:
        """Return the first day by whose end *cost* is more than what is left."""
        left = self.left
        if left is None:
            return None
        if left < 0:
            return self._known.today
        days = range(1, steps + 1)
        place = bisect_left(days, x=True, key=lambda ahead: cost(self.of(ahead)) > left)
        return self._known.today + place * _DAY if place < steps else None


def _likely(total: Estimate, left: float) -> Decimal:
    return quantize(Decimal(total.probability_above(left) if left >= 0 else 1))


def _money(estimate: float) -> Decimal:
    return quantize(Decimal(estimate))
