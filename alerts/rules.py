"""The rules: pure functions from facts to a match, None while all is well.

`evaluate` picks by type. Thresholds are evaluated by amounts alone, but for those that
a forecast is held against (`alerts.shares`); all others by the clock too.
"""

from datetime import timedelta
from decimal import Decimal

from alerts.anomalies import evaluate_anomaly
from alerts.conditions import EXAMPLES, compared, read_saved
from alerts.shares import SLACK, evaluate_share, numbers_of, period_end_words
from alerts.types import EffectiveRule, Facts, Match, details_of, hours_in
from forecasts.outlooks import Method, Outlook, look_ahead
from lib.money import format_percent, quantize, share
from lib.periods import DAY, HOUR, WEEK

ZERO = Decimal(0)
ONE = Decimal(1)

SLIDING = {"hourly": HOUR, "daily": DAY, "weekly": WEEK}  # by a spike rule's window
RECENT = DAY  # that spending rates are taken over
LIKELY = Decimal("0.5")  # probability from which a forecast tells

_WITHIN = {"hourly": "an hour", "daily": "24 hours", "weekly": "7 days"}
_PROFILED = 21  # days of history from which weekdays are told apart
_EVEN = 2  # weeks of even spend that a weekday's weight begins with


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
    numbers = numbers_of(facts, outlook)
    likely = LIKELY if rule.threshold is None else rule.threshold
    if rule.condition:
        found = compared(read_saved(rule.condition, rule.type), numbers, "projected")
    elif outlook.probability >= likely - (SLACK if held else ZERO):
        found = outlook.probability, likely
    else:
        found = None
    if found is None:
        return None
    formula = rule.condition or f"probability >= {likely.normalize():f}"
    band = outlook.lower, outlook.projected, outlook.upper
    return Match(
        *found,
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
    rate = quantize(facts.recent / hours_in(took))
    planned = quantize(facts.limit / hours_in(total) * _weight(facts))
    numbers = {
        "spending_rate": rate,
        "projected_rate": planned,
        "spent": facts.spent,
        "limit": facts.limit,
        "utilization": share(facts.spent, facts.limit) or ZERO,
        "elapsed": quantize(hours_in(facts.now - facts.window.start) / hours_in(total)),
    }
    condition = read_saved(rule.condition or EXAMPLES["velocity"], "velocity")
    found = compared(condition, numbers, "spending_rate")
    if found is None:
        return None
    return Match(
        *found,
        f"{facts.name} spends {facts.money(rate)} an hour; its limit allows "
        f"{facts.money(planned)}.",
        details_of(condition.text, numbers),
    )


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


def _weight(facts: Facts) -> Decimal:
    """Return what is usual in the recent hours, going by weekdays; 1: as in others."""
    is_short = facts.window.end - facts.window.start < WEEK
    if facts.recent_from is None or is_short or len(facts.days) < _PROFILED:
        return ONE
    start, midnight = facts.recent_from, facts.today_began_at
    today = hours_in(facts.now - max(start, midnight))
    yesterday = hours_in(max(midnight - start, timedelta()))
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


def _forecast_sentence(facts: Facts, outlook: Outlook) -> str:
    return (
        f"{facts.name} is projected to spend {facts.money(outlook.projected)} of "
        f"{facts.money(facts.limit)} by {period_end_words(facts)}; the probability of "
        f"passing the limit is {format_percent(outlook.probability)}."
    )
