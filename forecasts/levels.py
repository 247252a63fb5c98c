"""How high spend is, by several simple forecasters that are weighed. Pure.

Each is an exponentially weighted mean (simple exponential smoothing, its weights made
to add up to 1 in a short history too) with another memory; two have a damped trend.
None is best for all series, and a history is too short to choose one: they are
averaged in logarithms, with weights by how well each did at half a season's distance in
the history itself. What stands far above what is expected counts for no more than a few
mean errors (winsorizing): a burst is no level.

Costs are in units of the history's mean, and distances those of log(1 + cost): shares
of what is spent where that is much, money where it is little.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from math import exp, expm1, log, log1p, sqrt
from operator import mul
from statistics import median

from forecasts.series import Series

_WEEK = 7  # steps of the season that memories and damping are stated for

# The weight of the newest day, and the weight that the forecaster begins with.
_MEMORIES = ((0.04, 1), (0.08, 2), (0.15, 4), (0.25, 4), (0.4, 2), (0.65, 1))
_PRIOR = sum(weight for _, weight in _MEMORIES)
_TRENDS = ((2, 0), (3, 1))  # places of a level, and of a slower one it moves away from
_TREND_WEIGHT = 1
_TREND_SEASONS = 4  # of history: in less a trend can't be told from a burst
_DAMPING = 0.9  # of the trend, a day
_LEAST_LEFT = 0.2  # of a level, however steep it falls

_MOST_ERRORS = 4.0  # mean errors that a rise counts for
_LEAST_RISE = 0.3  # of the level, and of the mean: as much counts in any case
_TRUST = 1.5  # how strongly errors speak against the weights to begin with
_FADING = 0.95  # of what an error says, a step
_LEAST_ERROR = 0.01
_OUTLIER, _OUTLIER_FROM = 4.0, 0.05  # median errors that an error counts for at most

Logs = Sequence[float]


@dataclass(frozen=True, slots=True)
class Levels:
    """What is expected of an even step, and how sure the forecasters are."""

    expected: float
    apart: float  # the forecasters' standard deviation from it


@dataclass(frozen=True, slots=True)
class _Smoothed:
    """A level after each step, and how many steps old it is in the mean."""

    levels: Sequence[float]
    ages: Sequence[float]


class _Forecaster:
    """One way to say what comes; its logs are those of 1 + what it expects."""

    def __init__(
        self, weight: float, levels: Sequence[float], trend: Sequence[float] = ()
    ) -> None:
        self.weight = weight
        self._levels = levels
        self._trend = trend  # a step; empty for none
        self._logs = [] if trend else [log1p(level) for level in levels]

    def logs(self, reach: float) -> Logs:
        """Return what was expected after each step, *reach* steps of trend ahead."""
        return self._logs or [
            log1p(max(level + reach * trend, _LEAST_LEFT * level))
            for level, trend in zip(self._levels, self._trend, strict=True)
        ]

    def last(self, reach: float) -> float:
        """Return what is expected after the last step."""
        if self._logs:
            return self._logs[-1]
        level = self._levels[-1]
        return log1p(max(level + reach * self._trend[-1], _LEAST_LEFT * level))


def levels_of(series: Series, season: int, horizon: int) -> Levels:
    """Return what *series* says of the mean of the next *horizon* steps."""
    forecasters = _forecasters(series, season)
    count = len(series.costs)
    start = max(2, min(season, count // 3))  # steps before the first that is judged
    judged = max(count - start, 0) // 2
    near = max(1, min(season // 2, judged))
    damping = _DAMPING ** (_WEEK / season)

    def logs(steps: int) -> list[Logs]:
        reach = _reach(damping, steps)
        return [forecaster.logs(reach) for forecaster in forecasters]

    weights = _weights(
        [forecaster.weight for forecaster in forecasters],
        _errors(logs(near), _means_after(series, near, start), start),
        near,
    )
    reach = _reach(damping, horizon)
    ahead = [forecaster.last(reach) for forecaster in forecasters]
    expected = _dot(weights, ahead)
    apart = sum(
        weight * (level - expected) ** 2
        for (_, weight), level in zip(_MEMORIES, ahead, strict=False)
    )
    return Levels(
        expected=max(expm1(expected), 0.0),
        apart=sqrt(apart / _PRIOR),
    )


def _forecasters(series: Series, season: int) -> list[_Forecaster]:
    smoothed = [
        _smooth(series, season, (1 - memory) ** (_WEEK / season))
        for memory, _ in _MEMORIES
    ]
    found = [
        _Forecaster(weight, one.levels)
        for (_, weight), one in zip(_MEMORIES, smoothed, strict=True)
    ]
    if len(series.costs) >= _TREND_SEASONS * season:
        for place, slower in _TRENDS:
            level = smoothed[place]
            trend = _trend(level, smoothed[slower])
            found.append(_Forecaster(_TREND_WEIGHT, level.levels, trend))
    return found


def _smooth(series: Series, season: int, kept: float) -> _Smoothed:
    """*kept*: the share of a weight that is left a step later."""
    spent = weight = strayed = age = level = 0.0
    levels: list[float] = []
    ages: list[float] = []
    first = max(season // 2, 1)  # steps that begin a level
    for place, share in enumerate(series.shares):
        cost = series.costs[place]
        if place < first:
            error = abs(cost - share) / 2
        else:
            error = cost - level * share
            if error > _LEAST_RISE * share:
                least = _LEAST_RISE * max(level, 1.0)
                most = max(_MOST_ERRORS * strayed / weight, least) * share
                if error > most:
                    cost, error = cost - error + most, most
            elif error < 0:
                error = -error
        left = kept * weight
        weight = left + share
        age = left * (age + 1) / weight
        spent = kept * spent + cost
        strayed = kept * strayed + error
        level = spent / weight
        levels.append(level)
        ages.append(age)
    return _Smoothed(levels, ages)


def _trend(level: _Smoothed, slower: _Smoothed) -> Sequence[float]:
    """Return how fast the level moves away from the slower one, a step."""
    return [
        (one - other) / max(age - younger, 1.0)
        for one, other, age, younger in zip(
            level.levels, slower.levels, slower.ages, level.ages, strict=True
        )
    ]


def _reach(damping: float, steps: int) -> float:
    """Return how many steps' trend the mean of the next *steps* is away.

    The trend of the step i ahead is damping^i of what it was (Gardner and McKenzie).
    """
    gone = damping**steps
    far = damping / (1 - damping)
    return far * (1 - (1 - gone) * damping / (1 - damping) / steps)


def _means_after(series: Series, steps: int, start: int) -> Logs:
    """Return the logs of the means of the *steps* after each step from *start* on."""
    costs = [0.0, *accumulate(series.costs)]
    shares = [0.0, *accumulate(series.shares)]
    return [
        log1p((costs[end] - costs[end - steps]) / (shares[end] - shares[end - steps]))
        for end in range(start + steps, len(costs))
    ]


def _errors(expected: Sequence[Logs], found: Logs, start: int) -> list[list[float]]:
    return [
        [mean - log for mean, log in zip(found, logs[start - 1 :], strict=False)]
        for logs in expected
    ]


def _weights(
    begin: Sequence[float], errors: Sequence[Sequence[float]], steps: int
) -> list[float]:
    """Return the forecasters' weights, of sum 1, by their *errors* over *steps*.

    Bayesian model averaging under normal errors, of which later ones say more; errors
    that overlap count once.
    """
    if not errors[0]:
        return [weight / sum(begin) for weight in begin]
    squares = [[error * error for error in one] for one in errors]
    most = (_OUTLIER * sqrt(median(chain(*squares))) + _OUTLIER_FROM) ** 2
    count = len(errors[0])
    says = [_FADING ** (count - place) for place in range(count)]
    heard = sum(says)
    trust = _TRUST * heard / steps / 2
    evidence = []
    for weight, one in zip(begin, squares, strict=True):
        heeded = [square if square < most else most for square in one]
        square = _dot(says, heeded) / heard + _LEAST_ERROR**2
        evidence.append(log(weight) - trust * log(square))
    best = max(evidence)
    weights = [exp(one - best) for one in evidence]
    return [weight / sum(weights) for weight in weights]


def _dot(weights: Sequence[float], numbers: Sequence[float]) -> float:
    total: float = sum(map(mul, weights, numbers))
    return total
