"""The course that spend is forecast to take, day by day and in sum. Pure."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from forecasts.dues import NO_DUES, Dues
from forecasts.estimates import Estimate, Fitted, fitted
from forecasts.series import ALL_ALIKE, Quiet
from lib.money import quantize

RECOMMENDED = (
    0.9  # share of the ways it may come that a recommended amount is enough for
)
LIKELY, SURELY = 0.8, 0.95  # confidences that are told and kept
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
    quiet: Quiet = ALL_ALIKE  # today is step 0
    dues: Dues = NO_DUES  # what is to come beside what the days say

    def due(self, steps: int, *, after: int = 0) -> Decimal:
        """Return what falls due in *steps* days, today among them, but the first."""
        start = self.today + after * _DAY
        return self.dues.between(start, self.today + steps * _DAY)

    def spent_with(self, steps: int) -> Decimal:
        """Return what counts already, and what is due in *steps* days for certain."""
        return self.spent + self.due(steps)


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
    left = _left(known, steps)
    total, spent = rest_of(known, steps), known.spent_with(steps)
    days = [rest_of(known, 1), *_fitted(known, steps).steps()[1:]]
    return Course(
        interval_of(total, confidence, spent),
        None if left is None else quantize(Decimal(_likely(total, left))),
        spent + _money(total.quantile(RECOMMENDED)),
        _passing(known, steps, (1 - confidence) / 2),
        [
            (
                known.today + place * _DAY,
                interval_of(day, confidence, known.due(place + 1, after=place)),
            )
            for place, day in enumerate(days)
        ],
    )


@dataclass(frozen=True, slots=True)
class SaidForecast:
    """What is kept of a forecast: of the period's total, and how it goes on.

    What is expected at a later moment of the day: what is spent by then, the part of
    *today* that is left, and the *rest*.
    """

    expected: Decimal
    likely: tuple[Decimal, Decimal]  # where it lies with 80 %
    surely: tuple[Decimal, Decimal]  # with 95 %
    probability: float  # share: that it passes the limit
    today: Decimal  # all of it
    rest: Decimal  # the days after today


def said_of(known: Known, steps: int) -> SaidForecast:
    """Return what is to be kept of a forecast of *steps* days, today among them."""
    days = _fitted(known, steps)
    total, left = days.total(part=known.part), _left(known, steps)
    spent = known.spent_with(steps)
    rest = _money(days.total(part=0).middle)

    def between(confidence: float) -> tuple[Decimal, Decimal]:
        tail = (1 - confidence) / 2
        lower, upper = total.quantile(tail), total.quantile(1 - tail)
        return spent + _money(lower), spent + _money(upper)

    return SaidForecast(
        spent + _money(total.middle),
        between(LIKELY),
        between(SURELY),
        0.0 if left is None else _likely(total, left),
        _money(days.total().middle) - rest,
        rest + known.due(steps, after=1),
    )


def total_of(known: Known, steps: int, *, confidence: float) -> Interval:
    """Return what is spent by the end of *steps* days, with what counts already."""
    return interval_of(rest_of(known, steps), confidence, known.spent_with(steps))


def weekdays_of(known: Known) -> list[float]:
    """Return what each weekday costs as a share of an even day, today's first.

    Of whole weeks of days that are over; all 1 where too few are known.
    """
    series = _fitted(known, 1).series
    return list(series.coming) if series else [1.0] * _WEEK


def holiday_of(known: Known) -> float:
    """Return what a holiday costs as a share of an even day."""
    series = _fitted(known, 1).series
    return series.quiet if series else 1.0


def ends_of(
    known: Known, steps: int, *, confidence: float, most: int
) -> list[tuple[date, Interval]]:
    """Return what is spent by the ends of days, with what counts already.

    Of the *steps* days from today on, the last among them; of many days, *most* at
    even distances. What stands later is never less: spend is not given back.
    """
    every = -(-steps // most)
    ends: list[tuple[date, Interval]] = []
    for days in range(steps, 0, -every):
        found = interval_of(rest_of(known, days), confidence, known.spent_with(days))
        if ends:
            after = ends[-1][1]
            found = Interval(
                min(found.middle, after.middle),
                min(found.lower, after.lower),
                min(found.upper, after.upper),
            )
        ends.append((known.today + (days - 1) * _DAY, found))
    return ends[::-1]


def rest_of(known: Known, steps: int) -> Estimate:
    """Return what the next *steps* days cost together: of today, what is to come."""
    return _fitted(known, steps).total(part=known.part)


def interval_of(
    estimate: Estimate, confidence: float, spent: Decimal = _ZERO
) -> Interval:
    """Return where *estimate* lies with *confidence*, with what is *spent* already."""
    tail = (1 - confidence) / 2
    return Interval(
        spent + _money(estimate.middle),
        spent + _money(estimate.quantile(tail)),
        spent + _money(estimate.quantile(1 - tail)),
    )


def _fitted(known: Known, steps: int) -> Fitted:
    return fitted(tuple(map(float, known.days)), steps, _WEEK, known.quiet)


def _left(known: Known, steps: int) -> float | None:
    """Return what is left of the limit when what is due in *steps* days is paid."""
    if known.limit is None:
        return None
    return float(known.limit - known.spent_with(steps))


def _passing(known: Known, steps: int, tail: float) -> Passing:
    def first(cost: Callable[[Estimate], float]) -> date | None:
        """Return the first day by whose end *cost* is more than what is left."""
        if known.limit is None:
            return None
        if known.limit < known.spent:
            return known.today
        place = bisect_left(
            range(1, steps + 1),
            x=True,
            key=lambda days: cost(rest_of(known, days)) > (_left(known, days) or 0),
        )
        return known.today + place * _DAY if place < steps else None

    return Passing(
        expected=first(lambda estimate: estimate.middle),
        earliest=first(lambda estimate: estimate.quantile(1 - tail)),
        latest=first(lambda estimate: estimate.quantile(tail)),
    )


def _likely(total: Estimate, left: float) -> float:
    return total.probability_above(left) if left >= 0 else 1.0


def _money(estimate: float) -> Decimal:
    return quantize(Decimal(estimate))
