"""Rounds in which the contenders take turns, so that a busy machine slows all alike."""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from tqdm import tqdm


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to do the work: *prepare* is not timed, *run* is, with what it returned.

    Where *run* returns a number, it has taken the time itself, in seconds.
    """

    prepare: Callable[[], Any]
    run: Callable[[Any], object]
    units: int = 1  # how much work a run is: records, requests, budgets


@dataclass(slots=True)
class Rates:
    """Units per second of each contender, round by round."""

    by_name: dict[str, list[float]] = field(default_factory=dict)

    def median(self, name: str) -> float:
        return median(self.by_name[name])

    def ratio(self, name: str, base: str) -> float:
        """Return the median over the rounds of what *name* does for each of *base*."""
        pairs = zip(self.by_name[name], self.by_name[base], strict=True)
        return median(ours / theirs for ours, theirs in pairs)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; *better* says which side of the target is good."""

    what: str
    measured: float
    target: float | None = None
    better: str = "more"
    rate: str = ""

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        if self.better == "more":
            return self.measured >= self.target
        return self.measured <= self.target


def take_turns(
    contenders: Mapping[str, Contender],
    *,
    rounds: int,
    label: str,
    clock: Callable[[], float] = time.perf_counter,
) -> Rates:
    """Run every contender once to warm up, then once in each of *rounds*."""
    rates = Rates({name: [] for name in contenders})
    with tqdm(total=(rounds + 1) * len(contenders), desc=label, leave=False) as bar:
        for turn in range(rounds + 1):
            for name, contender in contenders.items():
                material = contender.prepare()
                gc.collect()
                began = clock()
                told = contender.run(material)
                took = told if isinstance(told, float) else clock() - began
                if turn:
                    rates.by_name[name].append(contender.units / took)
                bar.update()
    return rates
