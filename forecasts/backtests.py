"""How well forecasts did: those made, and those that would have been. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import dropwhile
from statistics import median

from forecasts.courses import Known, said_of
from forecasts.quiet import quiet_of
from forecasts.series import Quiet

MOST_FORECASTS = 20  # that are told of
LEAST_DAYS = 14  # of history before the first that is tried
_PART_AHEAD = 4  # a forecast looks ahead at most a fourth of what is known
_DAY = timedelta(days=1)
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class PastForecast:
    """What was said of the days from *made_on* on, and what came of it."""

    made_on: date
    days: int  # that it was about
    expected: Decimal
    likely: tuple[Decimal, Decimal]  # where it was to lie with 80 %
    surely: tuple[Decimal, Decimal]  # with 95 %
    came: Decimal

    @property
    def held(self) -> bool:
        return self.likely[0] <= self.came <= self.likely[1]

    @property
    def held_surely(self) -> bool:
        return self.surely[0] <= self.came <= self.surely[1]

    @property
    def error(self) -> float | None:
        """The share of what came by which it was wrong; None: nothing came."""
        return float(abs(self.expected - self.came) / self.came) if self.came else None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How well some forecasts did, oldest first."""

    forecasts: Sequence[PastForecast]

    @property
    def held(self) -> int:
        return sum(1 for one in self.forecasts if one.held)

    @property
    def held_surely(self) -> int:
        return sum(1 for one in self.forecasts if one.held_surely)

    @property
    def error(self) -> float | None:
        """The median error, a share; None where nothing is known of any."""
        errors = [one.error for one in self.forecasts if one.error is not None]
        return median(errors) if errors else None


def backtest(
    days: Sequence[Decimal],
    today: date,
    steps: int,
    *,
    lately: int,
    holidays: str = "",
) -> Accuracy:
    """Forecast what of *days* is known by now, each time from what was known before.

    *days* are over, oldest first, from the first with spend. Each forecast looks
    *steps* days ahead, fewer in a short history, and *lately* days back, and knows the
    *holidays* of a place. Up to MOST_FORECASTS at even distances: those of long steps
    overlap.
    """
    ahead = max(1, min(steps, len(days) // _PART_AHEAD))
    last = len(days) - ahead
    if last < LEAST_DAYS:
        return Accuracy(())
    count = min(MOST_FORECASTS, last - LEAST_DAYS + 1)
    places = [
        last - (last - LEAST_DAYS) * one // max(count - 1, 1) for one in range(count)
    ]
    tried = []
    for place in reversed(places):
        made_on = today - (len(days) - place) * _DAY
        before = days[max(place - lately, 0) : place]
        quiet = quiet_of(holidays, made_on)
        tried.append(_tried(before, made_on, days[place : place + ahead], quiet))
    return Accuracy(tried)


def _tried(
    before: Sequence[Decimal], made_on: date, came: Sequence[Decimal], quiet: Quiet
) -> PastForecast:
    ahead = len(came)
    history = list(dropwhile(lambda cost: not cost, before)) or list(before)
    known = Known(history, made_on, part=1, spent=_ZERO, limit=_ZERO, quiet=quiet)
    said = said_of(known, ahead)
    return PastForecast(
        made_on,
        ahead,
        said.expected,
        said.likely,
        said.surely,
        came=sum(came, _ZERO),
    )
