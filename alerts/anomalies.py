"""Unusual days and hours: what is usual, and what is far from it. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from alerts.conditions import NAMES, Compared, compared, read_saved
from alerts.types import EffectiveRule, Facts, Match, details_of, hours_in
from forecasts.detectors import (
    DAYS,
    HOURS,
    LEAST_DOWN,
    LEAST_UP,
    SPREAD,
    WIDTHS,
    Pace,
    Usual,
    usual_of,
)
from lib.humanize import clock
from lib.money import format_percent, quantize
from lib.periods import DAY, HOUR

SPREADS = Decimal(3)  # that a band of medium sensitivity reaches, either way
HOURLY, DAILY = "hourly", "daily"  # windows of such a rule

_ZERO = Decimal(0)
_LEAST_PLAN = Decimal("0.02")  # of an even step's plan: less is no anomaly
_CONDITION_STEPS = 7  # of history, without which a mean says nothing
# After a step's end: then its last records are in.
_SETTLED = {DAILY: HOUR, HOURLY: HOUR / 6}


def evaluate_anomaly(rule: EffectiveRule, facts: Facts) -> Match | None:
    """Tell of a day, or hour, that cost much more, or much less, than such do.

    The present one is evaluated by what was spent so far, which can only be too much;
    so is the one before until its last records are in, then as a whole. Without a
    condition `forecasts.detectors` says what is usual, after 14 steps of history before
    the last one; with one, its `mean` and `stddev` are those of the 28 steps before,
    after seven. What somebody said was fine, is.
    """
    steps = _hours if rule.window == HOURLY else _days
    for step in steps(facts):
        found = _Evaluation(rule, facts, step).match()
        if found is not None:
            return found
    return None


class _History:
    """The steps before the last one, and what they say is usual."""

    def __init__(self, costs: Sequence[Decimal], pace: Pace) -> None:
        self.costs, self.pace = costs, pace

    @cached_property
    def usual(self) -> Usual | None:
        return usual_of([float(cost) for cost in self.costs], pace=self.pace)


class _Step(NamedTuple):
    """One day or hour as it is judged."""

    at: date | datetime  # the day, or when the hour began
    zone: ZoneInfo
    cost: Decimal  # so far, where it is not whole
    history: _History
    before: Sequence[Decimal]  # the steps before this one
    ahead: int  # steps after the history
    is_whole: bool
    fine: Mapping[Any, Decimal]  # what was called usual, by when, and what it cost

    @property
    def is_hour(self) -> bool:
        return isinstance(self.at, datetime)

    @property
    def noun(self) -> str:
        return "hour" if self.is_hour else "day"

    @property
    def when(self) -> str:
        """Say when it is: "on Monday, 9 November"."""
        if isinstance(self.at, datetime):
            local = self.at.astimezone(self.zone)
            return f"on {_day_words(local.date())} from {local:%H:%M} on"
        return f"on {self.at:%A}, {_day_words(self.at)}"

    @property
    def such(self) -> str:
        return "hours" if self.is_hour else f"{self.at:%A}s"


def _days(facts: Facts) -> list[_Step]:
    """Return today and yesterday."""
    *before, cost = facts.days or (_ZERO,)
    history = _History(before, DAYS)
    is_settled = facts.now - facts.today_began_at >= _SETTLED[DAILY]
    today, yesterday, zone = facts.today, facts.today - DAY, facts.zone
    spent, fine = facts.today_spent, facts.fine
    return [
        _Step(today, zone, spent, history, facts.days, 1, is_whole=False, fine=fine),
        _Step(yesterday, zone, cost, history, before, 0, is_settled, fine),
    ]


def _hours(facts: Facts) -> list[_Step]:
    """Return the present hour and the one before; none where they are not known."""
    began = facts.hour_began_at
    if began is None:
        return []
    *before, cost = facts.hours or (_ZERO,)
    history = _History(before, HOURS)
    is_settled = facts.now - began >= _SETTLED[HOURLY]
    zone, spent, fine = facts.zone, facts.hour_spent, facts.fine_hours
    return [
        _Step(began, zone, spent, history, facts.hours, 1, is_whole=False, fine=fine),
        _Step(began - HOUR, zone, cost, history, before, 0, is_settled, fine),
    ]


class _Evaluation:
    """One step held against what is usual, reckoned as far as it is asked for."""

    def __init__(self, rule: EffectiveRule, facts: Facts, step: _Step) -> None:
        self.rule, self.facts, self.step = rule, facts, step

    def match(self) -> Match | None:
        rule, step = self.rule, self.step
        if step.at in step.fine or not self._is_known():
            return None
        numbers = _Numbers(self)
        found = self._by_condition(numbers) if rule.condition else self._by_band()
        if found is None or self._is_usual(numbers["expected"]):
            return None
        band = self.band
        formula = rule.condition or "cost < lower or cost > upper"
        told = {name: numbers[name] for name in NAMES["anomaly"]}
        return Match(
            *found,
            self._sentence(),
            {
                **details_of(formula, told, (band.lower, band.expected, band.upper)),
                step.noun: step.at.isoformat(),
                "explained": self.explained(numbers),
            },
        )

    @property
    def usual(self) -> Usual | None:
        return self.step.history.usual

    @cached_property
    def moments(self) -> dict[str, Decimal]:
        """The mean, standard deviation and median of the steps before."""
        costs = sorted(self.step.before[-SPREAD:])
        count = len(costs)
        mean = sum(costs, _ZERO) / count
        squares = sum(((cost - mean) ** 2 for cost in costs), _ZERO)
        return {
            "mean": quantize(mean),
            "stddev": quantize((squares / (count - 1)).sqrt()),
            "median": quantize((costs[(count - 1) // 2] + costs[count // 2]) / 2),
        }

    @cached_property
    def least(self) -> Decimal:
        """What is no anomaly, however narrow the band: a part of the even plan."""
        window = self.facts.window
        step = 1 if self.step.is_hour else 24
        plan = self.facts.limit * step / hours_in(window.end - window.start)
        return max(plan * _LEAST_PLAN, _ZERO)

    @cached_property
    def band(self) -> "_UsualBand":
        if self.usual is None:  # too short a history for a band, though not for a mean
            mean = self.moments["mean"]
            return _UsualBand(mean, mean, mean).widened(self.step.fine)
        found = self.usual.band(
            width=WIDTHS[self.rule.sensitivity or "medium"],
            least=float(self.least),
            ahead=self.step.ahead,
        )
        band = _UsualBand(
            _estimate(found.lower), _estimate(found.expected), _estimate(found.upper)
        )
        return band.widened(self.step.fine)

    def _is_known(self) -> bool:
        if self.rule.condition:
            return len(self.step.before) >= _CONDITION_STEPS
        return self.usual is not None

    def _by_condition(self, numbers: "_Numbers") -> Compared | None:
        condition = read_saved(self.rule.condition, "anomaly")
        found = compared(condition, numbers, "cost")
        if found is None or self.step.is_whole:
            return found
        # What is true of a step in which nothing was spent yet says nothing.
        numbers["cost"] = _ZERO
        is_empty = condition.holds(numbers)
        numbers["cost"] = self.step.cost
        return None if is_empty else found

    def _by_band(self) -> Compared | None:
        cost, band = self.step.cost, self.band
        if cost > band.upper:
            return cost, band.upper
        if self.step.is_whole and cost < band.lower:
            return cost, band.lower
        return None

    def _is_usual(self, expected: Decimal) -> bool:
        """Tell whether somebody said that such an amount is usual."""
        cost = self.step.cost
        return any(
            expected < cost <= amount or expected > cost >= amount
            for amount in self.step.fine.values()
        )

    def _sentence(self) -> str:
        step = self.step
        spent = "has already spent" if step.ahead else "spent"
        usual = max(self.band.expected, _ZERO)
        return (
            f"{self.facts.name} {spent} {self.facts.money(step.cost)} {step.when}; "
            f"about {self.facts.money(usual)} is usual."
        )

    def explained(self, numbers: Mapping[str, Decimal]) -> str:
        """Say in plain words how it was judged."""
        words = self._condition_words(numbers) if self.rule.condition else self._words()
        named = self.band.named
        if named is None:
            return words
        at, amount = named
        local = at.astimezone(self.step.zone) if isinstance(at, datetime) else at
        on = _day_words(local)
        if isinstance(local, datetime):
            on = clock(local, self.step.zone)
        bound = "up to" if amount > self.band.expected else "down to"
        return f"{words} Since {on} was called usual, {bound} {self._money(amount)} is."

    def _condition_words(self, numbers: Mapping[str, Decimal]) -> str:
        step = self.step
        condition = read_saved(self.rule.condition, "anomaly")
        count = min(len(step.before), SPREAD)
        words = {
            "mean": f"the mean of the {count} {step.noun}s before",
            "stddev": f"the standard deviation of the {count} {step.noun}s before",
            "median": f"the median of the {count} {step.noun}s before",
            "expected": f"what is expected of such a {step.noun}",
            "lower": "the least that is usual",
            "upper": "the most that is usual",
        }
        named = [
            f"{name} is {what}, {self._money(numbers[name])}"
            for name, what in words.items()
            if name in condition.names
        ]
        return f"The rule tells when {self.rule.condition}: {'; '.join(named)}."

    def _words(self) -> str:
        usual, step, band = self.usual, self.step, self.band
        if usual is None:
            return ""
        pace = step.history.pace
        share = Decimal(usual.shares[step.ahead % len(usual.shares)])
        level = (
            f"the mean of {self._before(pace.level)}, "
            f"{self._money(_estimate(usual.level))}"
        )
        if pace.season > 1:
            level += f", times {share:.2f} as {step.such} go"
        reach = self._reach_words(pace)
        return f"Usual is {self._range(band)}: {level}, give or take {reach}."

    def _reach_words(self, pace: Pace) -> str:
        times = SPREADS * Decimal(str(WIDTHS[self.rule.sensitivity or "medium"]))
        up, down = (format_percent(_estimate(one)) for one in (LEAST_UP, LEAST_DOWN))
        floor = f"at least {up} up and {down} down"
        plan = f", but at least {self._money(self.least)}" if self.least else ""
        return (
            f"{times.normalize():f} times how far {self._before(pace.spread)} strayed "
            f"({floor}){plan}"
        )

    def _before(self, most: int) -> str:
        """Name the steps that are looked at: "the 14 days before"."""
        count = min(len(self.step.history.costs), most)
        return f"the {count} {self.step.noun}s before"

    def _range(self, band: "_UsualBand") -> str:
        if band.lower <= 0:
            return f"up to {self._money(band.upper)}"
        return f"{self._money(band.lower)} to {self._money(band.upper)}"

    def _money(self, amount: Decimal) -> str:
        return self.facts.money(amount)


class _UsualBand(NamedTuple):
    lower: Decimal
    expected: Decimal
    upper: Decimal
    named: tuple[date | datetime, Decimal] | None = (
        None  # what was called usual and widened it
    )

    def widened(self, fine: Mapping[Any, Decimal]) -> "_UsualBand":
        """Return the band with all in it that was called usual."""
        found = self
        for at, amount in fine.items():
            if amount > found.upper:
                found = found._replace(upper=amount, named=(at, amount))
            elif amount < found.lower:
                found = found._replace(lower=amount, named=(at, amount))
        return found


class _Numbers(dict[str, Decimal]):
    """What a condition may ask of a step, reckoned when it is asked for."""

    def __init__(self, evaluation: _Evaluation) -> None:
        super().__init__(cost=evaluation.step.cost)
        self._evaluation = evaluation

    def __missing__(self, name: str) -> Decimal:
        if name in ("mean", "stddev", "median"):
            self.update(self._evaluation.moments)
        else:
            band = self._evaluation.band
            self.update(lower=band.lower, expected=band.expected, upper=band.upper)
        return self[name]


def _day_words(day: date) -> str:
    return f"{day.day} {day:%B}"


def _estimate(amount: float) -> Decimal:
    return quantize(Decimal(amount))
