"""What a day's or an hour's spend usually is, and how far from it is unusual.

Pure. Made for spend with a rhythm, bursts and slow growth. The history is freed of its
rhythm (each weekday's usual share of its week); what then remains has a level, the mean
of the last two weeks, and a spread, the standard deviation of the last four. A jump
widens the band for four weeks, so that one event is told once and not every day. Below,
a jump counts for no more than the deepest fall, and the band is no narrower than a part
of the deepest fall of eight weeks: holidays come back. Hours have a level of a day and
no rhythm: one found in a few days of them would raise more alarms than it explains.

Floats are fine here: a band is an estimate, no amount. Sums are written out, for those
of `statistics` are exact and many times as slow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, cycle, islice
from math import sqrt

WINDOW = 56  # steps that are looked at
WARM_UP = 14  # steps of history without which nothing is said
SEASON = 7
SPREAD = 28  # days that the spread is taken over

WIDTHS = {"low": 1.4, "medium": 1.0, "high": 0.7}  # of the band, by sensitivity

_SPREADS = 3.0  # half a medium band
LEAST_UP, LEAST_DOWN = 0.10, 0.15  # of the level: the least spread
_FALL = 0.3  # of the deepest fall: the least spread below
_PRIOR = 2  # weeks of an even rhythm that a weekday's share begins with
_LEAST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Pace:
    """How the steps of a history follow each other; all in steps."""

    season: int  # that a rhythm takes, 1 for none
    level: int  # that the level is the mean of
    spread: int  # that the spread is taken over


DAYS = Pace(SEASON, level=14, spread=SPREAD)
HOURS = Pace(season=1, level=24, spread=WINDOW)


@dataclass(frozen=True, slots=True)
class Band:
    """What is usual in one step; `lower` is negative where no drop would be unusual."""

    expected: float
    lower: float
    upper: float

    def score(self, cost: float) -> float:
        """Return how far *cost* is from what is expected: 1 at an edge of the band."""
        edge = self.upper if cost > self.expected else self.lower
        if cost == self.expected or edge == self.expected:
            return 0.0
        return (cost - self.expected) / (edge - self.expected)


@dataclass(frozen=True, slots=True)
class Usual:
    """What a history says of the steps after it."""

    shares: Sequence[float]  # of the level, from the step after it on, then over again
    level: float
    up: float  # the spread above the level
    down: float

    def band(self, *, width: float = 1.0, least: float = 0.0, ahead: int = 0) -> Band:
        """Return the band for the step after the history, or *ahead* steps later.

        *width* stretches it (see WIDTHS); within *least* of what is expected nothing
        is unusual.
        """
        share = self.shares[ahead % len(self.shares)]
        expected, reach = share * self.level, share * _SPREADS * width
        return Band(
            expected,
            expected - max(reach * self.down, least),
            expected + max(reach * self.up, least),
        )


def usual_of(history: Sequence[float], *, pace: Pace = DAYS) -> Usual | None:
    """Return what is usual after *history*, which is oldest first.

    None while it is shorter than WARM_UP.
    """
    if len(history) < WARM_UP:
        return None
    days = history[-WINDOW:]
    shares = _rhythm(days, pace.season)
    phases = islice(cycle(shares), -len(days) % pace.season, None)
    flat = [day / share for day, share in zip(days, phases, strict=False)]
    level, lately = _mean(flat[-pace.level :]), flat[-pace.spread :]
    # What rose further than anything fell says nothing of how far it may fall.
    crest = 2 * _mean(lately) - min(lately)
    return Usual(
        shares,
        level,
        up=max(_deviation(lately), LEAST_UP * abs(level)),
        down=max(
            _deviation([min(day, crest) for day in lately]),
            LEAST_DOWN * abs(level),
            _FALL * (_median(flat) - min(flat)),
        ),
    )


def _rhythm(days: Sequence[float], season: int) -> list[float]:
    """Return each phase's usual share of the level; phase 0 is the day to be judged."""
    count = len(days)
    if count < 2 * season:
        return [1.0] * season
    levels = _levels(days, season)
    ratios = [
        day / level if level > 0 else 1.0
        for day, level in zip(days, levels, strict=True)
    ]
    shares = []
    for phase in range(season):
        found = ratios[(phase + count) % season :: season]
        share = (_median(found) * len(found) + _PRIOR) / (len(found) + _PRIOR)
        shares.append(max(share, _LEAST_SHARE))
    return shares


def _levels(days: Sequence[float], season: int) -> list[float]:
    """Return the mean of the season around each day, of less at the ends."""
    half, count = season // 2, len(days)
    sums = [0.0, *accumulate(days)]
    whole = 2 * half + 1
    begin = [sums[end] / end for end in range(half + 1, whole)]
    middle = [
        (after - before) / whole
        for before, after in zip(sums, sums[whole:], strict=False)
    ]
    end = [
        (sums[count] - sums[start]) / (count - start)
        for start in range(count - whole + 1, count - half)
    ]
    return begin + middle + end


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def _median(numbers: Sequence[float]) -> float:
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def _deviation(numbers: Sequence[float]) -> float:
    mean = _mean(numbers)
    return sqrt(sum([(number - mean) ** 2 for number in numbers]) / len(numbers))
