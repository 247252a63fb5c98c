"""Rules in words that developers and finance understand. Pure."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache

from controls.expressions import ALWAYS
from controls.types import ControlAction, Rule
from lib.humanize import lasting
from lib.money import COUNTED, format_money, format_percent, from_units
from lib.rules.expressions import Expression

_PLACES = ("environment", "project", "team", "department")


def summary_of(rule: Rule) -> str:
    """Say the whole rule: "From 90 % of the amount: use b instead of a." """
    approved = ", once people approve it" if rule.needs_approval else ""
    return f"{_begun(rule)}{approved}: {effect_of(rule)}."


def act_of(rule: Rule) -> str:
    """Say what *rule* does and when, whether or not that needs approval."""
    return f"{_begun(rule)}: {effect_of(rule)}."


def _begun(rule: Rule) -> str:
    begin = occasion_of(rule.trigger)
    return f"{begin[0].upper()}{begin[1:]}"


@lru_cache(maxsize=4_096)
def occasion_of(trigger: Expression) -> str:
    """Say when *trigger* holds, where that is simple: "from 90 % of the amount"."""
    if trigger.problem:
        return "never (its trigger can't be read)"
    if trigger.text == ALWAYS:
        return "always"
    match trigger.wire:
        case [sign, {"name": name}, {"number": number}] if (
            name == "budget_percentage" and sign in {">=", ">"}
        ):
            word = "from" if sign == ">=" else "above"
            return f"{word} {format_percent(Decimal(number))} of the amount"
        case ["==", {"name": str(name)}, str(value)] if name in _PLACES:
            return f"in {name} {value}"
        case ["==", {"name": "user" | "provider" as name}, str(value)]:
            return f"for {name} {value}"
        case ["==", {"name": "model"}, str(value)]:
            return f"for {value}"
    return f"while {trigger.text}"


def effect_of(rule: Rule) -> str:
    """Say what *rule* does: "use gpt-3.5-turbo instead of gpt-4"."""
    match rule.action:
        case ControlAction.BLOCK:
            return "block all calls" + _exemptions(rule.exempt_users)
        case ControlAction.MODEL_BLOCKLIST:
            return _models(rule)
        case ControlAction.MODEL_DOWNGRADE:
            pairs = [f"{new} instead of {old}" for old, new in rule.downgrades.items()]
            return f"use {_listed(pairs)}"
        case ControlAction.RATE_LIMIT:
            return f"allow {limits_of(rule)}"
        case ControlAction.NOTIFY:
            return "tell people"


def stop_notes(name: str, rules: Iterable[Rule]) -> list[str]:
    """Say what rules of the budget *name* that stop all calls at its amount come to."""
    stops = [rule for rule in rules if rule.is_hard_stop]
    if not stops:
        return []
    notes = [
        f"The amount of {name} is a hard limit, since a rule blocks calls "
        f"{occasion_of(stops[0].trigger)}: no call that asks passes it, however many "
        "ask at once. It stays one when the rule is removed."
    ]
    if stops[0].exempt_users:
        users = _listed(sorted(stops[0].exempt_users))
        notes.append(
            f"Exempt from it, as from the rules: {users}."
            if stops[0].passing
            else f"It was hard before and has no exemptions: it holds for {users}, too."
        )
    return notes


def limits_of(rule: Rule) -> str:
    """Say a rate limit: "10 requests a minute and $50.00 an hour"."""
    limits = []
    if (most := rule.max_requests_per_minute) is not None:
        limits.append(f"{most:,} request{'' if most == 1 else 's'} a minute")
    if rule.max_cost_per_hour is not None:
        limits.append(f"{_money(rule.max_cost_per_hour, rule)} an hour")
    return _listed(limits)


def why_stopped(rule: Rule, model: str) -> str:
    if rule.action is ControlAction.BLOCK:
        return rule.message or f"Blocked by {_origin(rule)}."
    allowed = f" Allowed: {', '.join(rule.allowed_models)}." * bool(rule.allowed_models)
    return f"{model} may not be used, by {_origin(rule)}.{allowed}"


def why_downgraded(rule: Rule, model: str, instead: str) -> str:
    return f"{instead} is to be used instead of {model}, by {_origin(rule)}."


def why_limited(rule: Rule, cost: int, wait: int | None) -> str:
    """Say why to wait for *wait* seconds; None: a call of *cost* never fits."""
    limit = f"{limits_of(rule)} are allowed by {_origin(rule)}"
    if wait is None:
        return f"A call of {_money(cost, rule)} is too much: {limit}."
    return f"Only {limit}; try again in {lasting(timedelta(seconds=wait))}."


def why_no_room(name: str, left: int, currency: str) -> str:
    """Say why a call that costs something does not fit what the budget *name* has."""
    if currency in COUNTED:
        return _why_too_many(name, left, currency)
    if left < 0:
        return f"{_passed(name, left, currency)}: only what costs nothing is allowed."
    if left == 0:
        return f"{name} has nothing left, and the call may cost something."
    words = _formatted(left, currency)
    return f"{name} has {words} left, which is less than the call may cost."


def _why_too_many(name: str, left: int, currency: str) -> str:
    if left < 0:
        return f"{_passed(name, left, currency)}."
    if left == 0:
        return f"{name} has no {currency} left."
    words = _formatted(left, currency)
    return f"{name} has {words} left, which is less than the call may take."


def why_none_unpriced(name: str, left: int, currency: str) -> str:
    """Say why a call without a price is not made where the limit is passed."""
    return f"{_passed(name, left, currency)}, and no price is known for the call."


def why_run_is_spent(name: str, cap: int, left: int, units: int, currency: str) -> str:
    """Say why a call of *units* does not fit what the cap of the run *name* has."""
    of_cap = f"its cap of {_formatted(cap, currency)}"
    if left < 0:
        past = _formatted(-left, currency)
        return f"The run “{name}” is {past} past {of_cap}."
    if left == 0:
        return f"The run “{name}” has nothing left of {of_cap}."
    words = _formatted(left, currency)
    most = _formatted(units, currency)
    return f"The run “{name}” has {words} left of {of_cap}; the call may cost {most}."


def why_no_lease(name: str, left: int, currency: str) -> str:
    """Say why a lease has nothing of what the budget *name* has."""
    if left < 0:
        return why_no_room(name, left, currency)
    return f"{name} has nothing left to set aside."


def _passed(name: str, left: int, currency: str) -> str:
    return f"{name} is {_formatted(-left, currency)} past its limit"


def _origin(rule: Rule) -> str:
    return f"a rule of {rule.budget_name} ({occasion_of(rule.trigger)})"


def _models(rule: Rule) -> str:
    parts = []
    if rule.blocked_models:
        parts.append(f"block {_listed(rule.blocked_models)}")
    if rule.allowed_models:
        parts.append(f"allow only {_listed(rule.allowed_models)}")
    return _listed(parts)


def _exemptions(users: frozenset[str]) -> str:
    return f", except of {_listed(sorted(users))}" if users else ""


def _money(units: int, rule: Rule) -> str:
    return _formatted(units, rule.currency)


@lru_cache(maxsize=1_024)  # a limit that is reached is said at every call
def _formatted(units: int, currency: str) -> str:
    return format_money(from_units(units), currency)


def _listed(parts: Sequence[str]) -> str:
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last
