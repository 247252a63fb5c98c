"""The rules: pure functions from facts to a match, None while all is well.

`evaluate` picks by type. Thresholds are evaluated by amounts alone, but for those that
a forecast is held against (`alerts.shares`); all others by the clock too.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from alerts.conditions import EXAMPLES, NAMES, read_saved
from alerts.shares import SLACK, evaluate_share, period_end_words
from alerts.types import EffectiveRule, Facts, Match, details_of
from forecasts.detectors import SPREAD, WIDTHS, Usual, usual_of
from forecasts.outlooks import Method, Outlook, look_ahead
from lib.money import format_percent, quantize, share
from lib.periods import DAY, HOUR, WEEK
from lib.rules.expressions import Expression

ZERO = Decimal(0)
ONE = Decimal(1)

SLIDING = {"hourly": HOUR, "daily": DAY, "weekly": WEEK}  # by a spike rule's window
RECENT = DAY  # that spending rates are taken over
LIKELY = Decimal("0.5")  # probability from which a forecast tells

_WITHIN = {"hourly": "an hour", "daily": "24 hours", "weekly": "7 days"}
_PROFILED = 21  # days of history from which weekdays are told apart
_EVEN = 2  # weeks of even spend that a weekday's weight begins with
_LEAST_PLAN = Decimal("0.02")  # of an even day's plan: less is no anomaly
_CONDITION_DAYS = 7  # of history, without which a mean says nothing
_SETTLED = HOUR  # after midnight: the last records of the day before are in
_MOST = Decimal(10) ** 15  # a condition may reckon with more, nobody wants to read it
_MICROSECONDS = 3_600_000_000  # in an hour
_MICROSECOND = timedelta(microseconds=1)


def evaluate(
    rule: EffectiveRule,
    facts: Facts,
    *,
    held: bool = False,
    method: Method = look_ahead,
) -> Match | None:
    """Evaluate *facts* by *rule*; one that *held* before ends a little later."""
    match rule.type:
        case "threshold":
            return evaluate_share(rule, facts, held=held, method=method)
        case "forecast":
            return evaluate_forecast(rule, facts, held=held, method=method)
        case "velocity":
            return evaluate_velocity(rule, facts)
        case "anomaly":
            return evaluate_anomaly(rule, facts)
        case _:
            return evaluate_spike(rule, facts)


def evaluate_forecast(
    rule: EffectiveRule,
    facts: Facts,
    *,
    held: bool = False,
    method: Method = look_ahead,
) -> Match | None:
    """Tell when the period is likely to end over its limit.

    The rule's threshold is the probability from which it tells, 0.5 without one; an
    alert that is open ends only a tenth below that.
    """
    outlook = method(facts)
    if outlook is None:
        return None
    numbers = {
        "projected": outlook.projected,
        "probability": outlook.probability,
        "lower": outlook.lower,
        "upper": outlook.upper,
        "spent": facts.spent,
        "limit": facts.limit,
    }
    likely = LIKELY if rule.threshold is None else rule.threshold
    if rule.condition:
        compared = _compared(
            read_saved(rule.condition, rule.type), numbers, "projected"
        )
    elif outlook.probability >= likely - (SLACK if held else ZERO):
        compared = outlook.probability, likely
    else:
        compared = None
    if compared is None:
        return None
    formula = rule.condition or f"probability >= {likely.normalize():f}"
    band = outlook.lower, outlook.projected, outlook.upper
    return Match(
        *compared,
        _forecast_sentence(facts, outlook),
        {**details_of(formula, numbers, band), "method": outlook.method},
    )


def evaluate_velocity(rule: EffectiveRule, facts: Facts) -> Match | None:
    """Tell when money is spent faster than planned.

    `spending_rate` is what was spent in the last 24 hours, or since the period began,
    for each of these hours; never for fewer than 24 or a quarter of the period, so that
    the first minutes say nothing. `projected_rate` is the limit for each hour of the
    period; where three weeks of history tell weekdays apart, and a period has all of
    them, it is more on those on which more is usual. A limit of nothing has no plan:
    there the limit itself tells.
    """
    if facts.recent_from is None or facts.limit <= 0:
        return None
    total = facts.window.end - facts.window.start
    took = max(facts.now - facts.recent_from, min(RECENT, total / 4))
    rate = quantize(facts.recent / _hours(took))
    planned = quantize(facts.limit / _hours(total) * _weight(facts))
    numbers = {
        "spending_rate": rate,
        "projected_rate": planned,
        "spent": facts.spent,
        "limit": facts.limit,
        "utilization": share(facts.spent, facts.limit) or ZERO,
        "elapsed": quantize(_hours(facts.now - facts.window.start) / _hours(total)),
    }
    condition = read_saved(rule.condition or EXAMPLES["velocity"], "velocity")
    compared = _compared(condition, numbers, "spending_rate")
    if compared is None:
        return None
    return Match(
        *compared,
        f"{facts.name} spends {facts.money(rate)} an hour; its limit allows "
        f"{facts.money(planned)}.",
        details_of(condition.text, numbers),
    )


def evaluate_anomaly(rule: EffectiveRule, facts: Facts) -> Match | None:
    """Tell of a day that cost much more, or much less, than such days usually do.

    Today is evaluated by what was spent so far, which can only be too much; so is
    yesterday until an hour after midnight, then as a whole. Without a condition
    `detectors` says what is usual, after two weeks of history before yesterday; with
    one, its `mean` and `stddev` are those of the 28 days before, after one week. What
    somebody said was fine, is.
    """
    *before, cost = facts.days or (ZERO,)

    @cache
    def usual() -> Usual | None:
        return usual_of([float(day) for day in before])

    is_settled = facts.now - facts.today_began_at >= _SETTLED
    today = _Day(facts.today, facts.today_spent, facts.days, 1, is_whole=False)
    yesterday = _Day(facts.today - DAY, cost, before, 0, is_whole=is_settled)
    for day in (today, yesterday):
        found = _evaluate_day(rule, facts, day, usual)
        if found is not None:
            return found
    return None


def evaluate_spike(rule: EffectiveRule, facts: Facts) -> Match | None:
    """Tell when the last hour, 24 hours or 7 days have cost the rule's amount.

    The amount is taken in the budget's own currency.
    """
    value, threshold = facts.sliding.get(rule.window, ZERO), rule.threshold or ZERO
    if value <= 0 or value < threshold:
        return None
    within = _WITHIN[rule.window]
    return Match(
        value,
        threshold,
        f"{facts.name} has spent {facts.money(value)} within {within}; told from "
        f"{facts.money(threshold)} on.",
        {"formula": f"spent within {within} >= {threshold.normalize():f}"},
    )


class _Day(NamedTuple):
    date: date
    cost: Decimal  # so far, where it is not whole
    history: Sequence[Decimal]  # the days before
    ahead: int  # days after yesterday
    is_whole: bool


def _evaluate_day(
    rule: EffectiveRule, facts: Facts, day: _Day, usual: Callable[[], Usual | None]
) -> Match | None:
    if rule.condition:
        is_known = len(day.history) >= _CONDITION_DAYS
    else:
        is_known = usual() is not None
    if not is_known:
        return None
    numbers = _DayNumbers(rule, facts, day, usual)
    compared = (_by_condition if rule.condition else _by_band)(rule, day, numbers)
    if compared is None or _is_fine(facts, day, numbers["expected"]):
        return None
    formula = rule.condition or "cost < lower or cost > upper"
    band = numbers["lower"], numbers["expected"], numbers["upper"]
    told = {name: numbers[name] for name in NAMES["anomaly"]}
    return Match(
        *compared,
        _day_sentence(facts, day, numbers["expected"]),
        {**details_of(formula, told, band), "day": day.date.isoformat()},
    )


class _DayNumbers(dict[str, Decimal]):
    """What may be asked of a day, reckoned when it is asked for."""

    def __init__(
        self,
        rule: EffectiveRule,
        facts: Facts,
        day: _Day,
        usual: Callable[[], Usual | None],
    ) -> None:
        super().__init__(cost=day.cost)
        self._rule, self._facts, self._day, self._usual = rule, facts, day, usual

    def __missing__(self, name: str) -> Decimal:
        if name in ("mean", "stddev", "median"):
            self.update(_moments(self._day.history))
        else:
            self.update(self._band())
        return self[name]

    def _band(self) -> dict[str, Decimal]:
        usual, window = self._usual(), self._facts.window
        if usual is None:  # too short a history for a band, though not for a mean
            return dict.fromkeys(("lower", "expected", "upper"), self["mean"])
        plan = self._facts.limit * 24 / _hours(window.end - window.start)
        band = usual.band(
            width=WIDTHS[self._rule.sensitivity or "medium"],
            least=float(max(plan * _LEAST_PLAN, ZERO)),
            ahead=self._day.ahead,
        )
        return {
            "lower": _estimate(band.lower),
            "expected": _estimate(band.expected),
            "upper": _estimate(band.upper),
        }


_Compared = tuple[Decimal, Decimal | None]


def _by_condition(
    rule: EffectiveRule, day: _Day, numbers: _DayNumbers
) -> _Compared | None:
    condition = read_saved(rule.condition, "anomaly")
    compared = _compared(condition, numbers, "cost")
    if compared is None or day.is_whole:
        return compared
    # What is true of a day on which nothing was spent yet says nothing.
    numbers["cost"] = ZERO
    is_empty = condition.holds(numbers)
    numbers["cost"] = day.cost
    return None if is_empty else compared


def _by_band(rule: EffectiveRule, day: _Day, numbers: _DayNumbers) -> _Compared | None:
    if day.cost > numbers["upper"]:
        return day.cost, numbers["upper"]
    if day.is_whole and day.cost < numbers["lower"]:
        return day.cost, numbers["lower"]
    return None


def _is_fine(facts: Facts, day: _Day, expected: Decimal) -> bool:
    """Tell whether somebody said that the day is, or that such an amount is usual."""
    return day.date in facts.fine or any(
        expected < day.cost <= amount or expected > day.cost >= amount
        for amount in facts.fine.values()
    )


def _moments(history: Sequence[Decimal]) -> dict[str, Decimal]:
    days = sorted(history[-SPREAD:])
    count = len(days)
    mean = sum(days, ZERO) / count
    squares = sum(((day - mean) ** 2 for day in days), ZERO)
    return {
        "mean": quantize(mean),
        "stddev": quantize((squares / (count - 1)).sqrt()),
        "median": quantize((days[(count - 1) // 2] + days[count // 2]) / 2),
    }


def _weight(facts: Facts) -> Decimal:
    """Return what is usual in the recent hours, going by weekdays; 1: as in others."""
    is_short = facts.window.end - facts.window.start < WEEK
    if facts.recent_from is None or is_short or len(facts.days) < _PROFILED:
        return ONE
    start, midnight = facts.recent_from, facts.today_began_at
    today = _hours(facts.now - max(start, midnight))
    yesterday = _hours(max(midnight - start, timedelta()))
    if not today + yesterday:
        return ONE
    weighed = today * _weekday(facts, 7) + yesterday * _weekday(facts, 1)
    return weighed / (today + yesterday)


def _weekday(facts: Facts, ago: int) -> Decimal:
    """Return what the weekday *ago* days ago usually costs, by the mean of all."""
    mean = sum(facts.days, ZERO) / len(facts.days)
    if mean <= 0:
        return ONE
    same = facts.days[-ago::-7]
    weight = (sum(same, ZERO) / mean + _EVEN) / (len(same) + _EVEN)
    return max(weight, ZERO)


def _compared(
    condition: Expression, numbers: Mapping[str, Decimal], name: str
) -> _Compared | None:
    """Return the number called *name* and what it is compared with, if it holds."""
    if not condition.holds(numbers):
        return None
    value, sides = numbers[name], condition.sides(numbers)
    if sides is None or value not in sides:
        return value, None
    left, right = sides
    other = right if left == value else left
    return value, quantize(other) if abs(other) < _MOST else None


def _forecast_sentence(facts: Facts, outlook: Outlook) -> str:
    return (
        f"{facts.name} is projected to spend {facts.money(outlook.projected)} of "
        f"{facts.money(facts.limit)} by {period_end_words(facts)}; the probability of "
        f"passing the limit is {format_percent(outlook.probability)}."
    )


def _day_sentence(facts: Facts, day: _Day, expected: Decimal) -> str:
    spent = "has already spent" if day.date == facts.today else "spent"
    on = f"{day.date:%A}, {day.date.day} {day.date:%B}"
    return (
        f"{facts.name} {spent} {facts.money(day.cost)} on {on}; about "
        f"{facts.money(max(expected, ZERO))} is usual."
    )


def _estimate(amount: float) -> Decimal:
    return quantize(Decimal(amount))


def _hours(took: timedelta) -> Decimal:
    return Decimal(took // _MICROSECOND) / _MICROSECONDS
