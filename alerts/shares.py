"""Thresholds: a share of the limit, and what is held against it. Pure.

What is spent alone, what is spent and set aside, or what is forecast to be spent by the
period's end.
"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from alerts.types import EffectiveRule, Facts, Match, details_of
from budgets.index import is_passed
from budgets.thresholds import USUAL_PROBABILITY, Basis
from forecasts.outlooks import Method, Outlook, look_ahead
from lib.humanize import when
from lib.money import format_percent, quantize, share

SLACK = Decimal("0.1")  # by which a probability must fall for an alert to end

_ZERO = Decimal(0)
_ONE = Decimal(1)
_MICROSECOND = timedelta(microseconds=1)


def evaluate_share(
    rule: EffectiveRule,
    facts: Facts,
    *,
    held: bool = False,
    method: Method = look_ahead,
) -> Match | None:
    """Tell when what the rule looks at comes to its share of the limit."""
    threshold = _ONE if rule.threshold is None else rule.threshold
    match rule.basis:
        case Basis.SPENT:
            return _spent(facts, threshold)
        case Basis.COMMITTED:
            return _committed(facts, threshold)
        case Basis.FORECAST:
            likely = rule.probability or USUAL_PROBABILITY
            least = likely - (SLACK if held else _ZERO)
            return _forecast(facts, threshold, likely, least, method)


def period_end_words(facts: Facts) -> str:
    """Name the last day of the period: "30 November"."""
    end = (facts.window.end - _MICROSECOND).astimezone(facts.zone)
    return f"{end.day} {end:%B}"


def _spent(facts: Facts, threshold: Decimal) -> Match | None:
    if not is_passed(facts.spent, facts.limit, threshold):
        return None
    used = share(facts.spent, facts.limit)
    return Match(
        _ONE if used is None else used,
        threshold,
        f"{facts.name} has spent {facts.money(facts.spent)} of "
        f"{facts.money(facts.limit)} {when(facts.window, facts.zone)}{_tail(used)}.",
        {"formula": f"spent >= limit * {threshold.normalize():f}"},
    )


def _committed(facts: Facts, threshold: Decimal) -> Match | None:
    committed = facts.spent + facts.reserved
    if not is_passed(committed, facts.limit, threshold):
        return None
    used = share(committed, facts.limit)
    numbers = {
        "spent": facts.spent,
        "reserved": facts.reserved,
        "limit": facts.limit,
    }
    return Match(
        _ONE if used is None else used,
        threshold,
        f"{facts.name} has spent {facts.money(facts.spent)} and set aside "
        f"{facts.money(facts.reserved)} of {facts.money(facts.limit)} "
        f"{when(facts.window, facts.zone)}{_tail(used)}.",
        details_of(f"spent + reserved >= limit * {threshold.normalize():f}", numbers),
    )


def _tail(used: Decimal | None) -> str:
    return "" if used is None else f", {format_percent(used)}"


def _forecast(
    facts: Facts, threshold: Decimal, likely: Decimal, least: Decimal, method: Method
) -> Match | None:
    """Tell when at least so much is spent by the end with a probability of *least*.

    What has come to the share already does so surely, be there a history or none.
    """
    amount = quantize(threshold * facts.limit)
    outlook = method(replace(facts, limit=amount))
    if is_passed(facts.spent, facts.limit, threshold):
        outlook = _sure(facts, outlook)
    if outlook is None or outlook.probability < least:
        return None
    numbers = numbers_of(facts, outlook)
    formula = (
        f"probability of (projected >= limit * {threshold.normalize():f}) "
        f">= {likely.normalize():f}"
    )
    used = share(outlook.projected, facts.limit)
    band = outlook.lower, outlook.projected, outlook.upper
    return Match(
        _ONE if used is None else used,
        threshold,
        f"{facts.name} is projected to spend {facts.money(outlook.projected)} of "
        f"{facts.money(facts.limit)} by {period_end_words(facts)}; the probability of "
        f"{format_percent(threshold)} or more of the limit is "
        f"{format_percent(outlook.probability)}.",
        {**details_of(formula, numbers, band), "method": outlook.method},
    )


def numbers_of(facts: Facts, outlook: Outlook) -> dict[str, Decimal]:
    """Return what an alert keeps of the forecast that it is told by."""
    return {
        "projected": outlook.projected,
        "probability": outlook.probability,
        "lower": outlook.lower,
        "upper": outlook.upper,
        "spent": facts.spent,
        "limit": facts.limit,
    }


def _sure(facts: Facts, outlook: Outlook | None) -> Outlook:
    if outlook is not None:
        return replace(outlook, probability=_ONE)
    spent = facts.spent
    return Outlook(spent, spent, spent, _ONE, "what is spent already")
