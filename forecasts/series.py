"""Spend, step by step: freed of corrections, scale and rhythm. Pure."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import accumulate
from math import isfinite, log1p, sqrt
from operator import mul
from typing import NamedTuple

MOST_STEPS = 182  # that are looked at: half a year of days, a week of hours

_FADING = 0.75  # of what a step says of the mean, a season later
_PRIOR = 0.25  # seasons of an even rhythm that a phase's share begins with
_LEAST_LEVEL = 0.1  # of the mean: less around a step tells no rhythm
_LEAST_SHARE = 0.05  # a step with less is not divided by it
_QUIET_PRIOR = 2.0  # quiet steps that count as much as those of quiet phases


class Quiet(NamedTuple):
    """Steps that are like those of some phases, whatever their own one: holidays."""

    steps: frozenset[int]  # 0 is the first ahead; those of the history are negative
    phases: tuple[int, ...]  # 0 is that of the first step ahead


ALL_ALIKE = Quiet(frozenset(), ())


@dataclass(frozen=True, slots=True)
class Series:
    """A history in units of its own mean; every list is oldest first."""

    mean: float  # money a step, by the weights
    weights: Sequence[float]  # what a step says of mean and scatter; 1 for the newest
    costs: Sequence[float]
    shares: Sequence[float]  # of an even step's cost, each step's by its phase
    coming: Sequence[float]  # the shares of the season after the history
    quiet: float  # the share of a quiet step, whatever its phase

    def scatter(self) -> float:
        """Return the standard deviation of log(1 + cost), freed of the rhythm."""
        logs = [
            log1p(cost / max(share, _LEAST_SHARE))
            for cost, share in zip(self.costs, self.shares, strict=True)
        ]
        total = sum(self.weights)
        mean = sum(map(mul, self.weights, logs)) / total
        squares = [(log - mean) ** 2 for log in logs]
        return sqrt(sum(map(mul, self.weights, squares)) / total)


def series_of(
    history: Sequence[float], season: int, quiet: Quiet = ALL_ALIKE
) -> Series | None:
    """Return *history* made ready; None where nothing was spent.

    Raises:
        ValueError: It is empty, or a number in it is not finite.
    """
    if not history:
        raise ValueError("history is empty: give one cost a step, oldest first.")
    if season < 1:
        raise ValueError(f"season is {season}: give the steps in one, 1 for none.")
    lately = history[-MOST_STEPS:]
    for place, cost in enumerate(lately):
        if not isfinite(cost):
            raise ValueError(f"history[{place - len(lately)}] is {cost}, no number.")
    largest = max(abs(cost) for cost in lately)
    if not largest:
        return None
    # Divided by the largest first: sums of huge numbers would be infinite.
    settled = settle([cost / largest for cost in lately])
    count, fading = len(settled), _FADING ** (1 / season)
    weights = [fading ** (count - place - 1) for place in range(count)]
    mean = sum(map(mul, weights, settled)) / sum(weights)
    if not mean * largest:
        return None
    costs = [cost / mean for cost in settled]
    places = {count + step for step in quiet.steps if -count <= step < 0}
    coming, quiet_share = _rhythm(costs, season, quiet.phases, places)
    shares = [coming[(place - count) % season] for place in range(count)]
    for place in places:
        shares[place] = quiet_share
    return Series(mean * largest, weights, costs, shares, coming, quiet_share)


def settle(costs: Sequence[float]) -> list[float]:
    """Take negative costs, which correct earlier ones, off those just before them.

    What is not used up by them is dropped: refunds do not go on.
    """
    settled: list[float] = []
    for cost in costs:
        owed = max(-cost, 0.0)
        settled.append(max(cost, 0.0))
        place = len(settled) - 2
        while owed > 0 and place >= 0:
            taken = min(owed, settled[place])
            settled[place] -= taken
            owed -= taken
            place -= 1
    return settled


def _rhythm(
    costs: Sequence[float],
    season: int,
    phases: Sequence[int],
    quiet: AbstractSet[int],
) -> tuple[list[float], float]:
    """Return each phase's share of an even step, and that of a quiet step.

    Phase 0 comes after the last cost. Classical decomposition by ratios to the moving
    mean of a season, shrunken to an even rhythm by a quarter of a season of it. The
    steps at the places *quiet* are left out, and shrunken to the mean of *phases*;
    one with more than an even step tells of no quiet. Even below two seasons.
    """
    count = len(costs)
    if count < 2 * season:
        return [1.0] * season, 1.0
    levels = _moving_means(costs, season)
    least = _LEAST_LEVEL * sum(levels) / count
    ratios = [
        cost / max(level, least) for cost, level in zip(costs, levels, strict=True)
    ]
    shares = []
    for phase in range(season):
        places = range((count + phase) % season, count, season)
        found = [ratios[place] for place in places if place not in quiet]
        shares.append((sum(found) + _PRIOR) / (len(found) + _PRIOR))
    usual = sum(shares[phase] for phase in phases) / len(phases) if phases else 1.0
    most = max(usual, 1.0)
    calm = sum(min(ratios[place], most) for place in quiet) + _QUIET_PRIOR * usual
    even = sum(shares) / season
    return (
        [share / even for share in shares],
        calm / (len(quiet) + _QUIET_PRIOR) / even,
    )


def _moving_means(costs: Sequence[float], season: int) -> list[float]:
    """Return the mean of the season around each step, moved inwards at the ends."""
    sums = [0.0, *accumulate(costs)]
    last = len(costs) - season
    means = []
    for place in range(len(costs)):
        first = min(max(place - season // 2, 0), last)
        means.append((sums[first + season] - sums[first]) / season)
    return means
