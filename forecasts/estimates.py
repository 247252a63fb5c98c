"""How far estimates of spend may be wrong: their distribution. Pure.

An estimate's error is taken to be Student's t in log(1 + cost), in the unit that the
mean of the history is: symmetric for spend that hardly strays, skewed upwards for spend
that does, and never below zero. It has two degrees of freedom, and tails that are bent
by the length of the history: in a short one nothing shows that spend will change
altogether, and often enough it does.

Its scale is a product of powers: of how far the steps are from their level, of how far
apart the forecasters are, of the length of what is forecast and of that of the history.
Powers below 1 draw what one history shows towards what is usual. They were fitted by
maximum likelihood to public series (dev/benchmarks/README.md names them).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import asinh, exp, hypot, log1p, sinh, sqrt
from sys import float_info

from forecasts.levels import Levels, levels_of
from forecasts.series import ALL_ALIKE, Quiet, Series, series_of

_LEAST = 0.01  # distance: nothing is known better than by a hundredth
_FEWEST = 4  # steps: less history tells nothing of distances,
_ASSUMED = 0.3  # so that they are taken to be at least this
# How far out the tails go after a season of history, and by which power of the seasons
# that changes; seasons of the histories that both were fitted to.
_BEND, _BEND_KNOWN = 1.63, -0.235
_SHORTEST, _LONGEST = 1.0, 17.0
_MOST = 2.5  # distance that an end of an interval is away, at most: twelve times


@dataclass(frozen=True, slots=True)
class _Powers:
    """What the scale of an error is made of."""

    factor: float
    scatter: float  # of the steps' standard deviation from their level
    apart: float  # of the forecasters' from each other
    ahead: float  # of the seasons that are forecast
    known: float  # of the seasons that are known


_OF_TOTALS = _Powers(factor=0.97, scatter=0.51, apart=0.29, ahead=0.14, known=-0.35)
_OF_STEPS = _Powers(factor=1.12, scatter=0.75, apart=0.09, ahead=0.12, known=-0.3)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The distribution of what a step, or several together, will cost."""

    mean: float  # money: what a step of the history cost
    shares: float  # of an even step, all together: the unit of distances, in means
    expected: float  # what an even step will cost, in means
    scale: float  # of distances
    bend: float = 1.0  # of the tails; 1 is Student's t

    @property
    def middle(self) -> float:
        """The median, in money."""
        return self._money(self.expected)

    def quantile(self, share: float) -> float:
        """Return the cost that it stays below with a probability of *share*."""
        away = min(self.scale * _quantile(share, self.bend), _MOST)
        return self._money((self.expected + 1) * exp(away) - 1)

    def probability_above(self, limit: float) -> float:
        """Return how likely it is to cost more than *limit*."""
        if limit < 0 or not self.shares:
            return float(limit < 0)
        beyond = log1p(limit / self.mean / self.shares) - log1p(self.expected)
        return _cdf(-beyond / self.scale, self.bend)

    def _money(self, even: float) -> float:
        """Return what steps cost if an even one does *even*; no more than a float."""
        return min(max(even * self.shares, 0.0) * self.mean, float_info.max)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a history says of the steps after it."""

    horizon: int  # steps
    season: int
    series: Series | None  # none where nothing was spent
    levels: Levels
    scatter: float
    shares: Sequence[float]  # of an even step's cost, each step's ahead

    def total(self, *, part: float = 1.0) -> Estimate:
        """Return what all steps ahead come to; of the first one, *part* is ahead."""
        if self.series is None:
            return _NOTHING
        shares = sum(self.shares) - (1 - part) * self.shares[0]
        steps = self.horizon - (1 - part)
        return self._estimate(self.series, shares, _OF_TOTALS, steps)

    def steps(self) -> list[Estimate]:
        """Return what each step ahead costs."""
        if self.series is None:
            return [_NOTHING] * self.horizon
        return [
            self._estimate(self.series, share, _OF_STEPS, ahead)
            for ahead, share in enumerate(self.shares, start=1)
        ]

    def _estimate(
        self, series: Series, shares: float, powers: _Powers, steps: float
    ) -> Estimate:
        """Return it for steps of *shares* in all, the last of them *steps* ahead."""
        count = len(series.costs)
        known = count / self.season
        least = _LEAST if count >= _FEWEST else _ASSUMED
        return Estimate(
            series.mean,
            shares,
            self.levels.expected,
            scale=powers.factor
            * hypot(self.scatter, least) ** powers.scatter
            * hypot(self.levels.apart, least) ** powers.apart
            * (steps / self.season) ** powers.ahead
            * known**powers.known,
            bend=_BEND * min(max(known, _SHORTEST), _LONGEST) ** _BEND_KNOWN,
        )


@lru_cache(maxsize=16)  # one history is asked for several levels and limits
def fitted(
    history: tuple[float, ...], horizon: int, season: int, quiet: Quiet = ALL_ALIKE
) -> Fitted:
    """Return what *history* says of *horizon* steps, some of them *quiet*.

    Raises:
        ValueError: As of `series_of`, and where no steps lie ahead.
    """
    if horizon < 1:
        raise ValueError(f"horizon is {horizon}: give the steps ahead, at least 1.")
    series = series_of(history, season, quiet)
    if series is None:
        return Fitted(horizon, season, None, Levels(0.0, 0.0), 0.0, ())
    shares = [series.coming[ahead % season] for ahead in range(horizon)]
    for ahead in quiet.steps:
        if 0 <= ahead < horizon:
            shares[ahead] = series.quiet
    levels = levels_of(series, season, horizon)
    return Fitted(horizon, season, series, levels, series.scatter(), shares)


_NOTHING = Estimate(0.0, 0.0, 0.0, 0.0)


def _cdf(value: float, bend: float) -> float:
    """Return the probability of *value* or less."""
    unbent = sinh(asinh(value * sinh(bend * _KEPT) / sinh(_KEPT)) / bend)
    root = sqrt(2 + unbent * unbent)
    tail = 1 / (root * (root + abs(unbent)))
    return tail if value < 0 else 1 - tail


def _quantile(share: float, bend: float) -> float:
    """Return it of Student's t with two degrees, as far as its tails go by *bend*.

    Bent so that an interval of 80 % stays as it is: its ends are well known, what lies
    beyond is not.
    """
    away = asinh(_student(share))
    return sinh(_KEPT) * sinh(bend * away) / sinh(bend * _KEPT)


def _student(share: float) -> float:
    return (2 * share - 1) / sqrt(2 * share * (1 - share))


_KEPT = asinh(_student(0.9))
