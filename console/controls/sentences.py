"""What guards a budget, in one sentence and in the order of effect."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from controls.types import ControlAction, Rule
from controls.wording import limits_of, occasion_of

_ORDER = {action: place for place, action in enumerate(ControlAction)}
_MOST_SAID = 5  # rules in the sentence
_LATER = Decimal(1000)  # than any share: a rule that hangs on something else


def in_order(rules: Iterable[Rule], nearness: Mapping[int, int]) -> list[Rule]:
    """Return *rules* as they take effect: by action, the nearest budget's first.

    *nearness* has the place of each budget, counted from the one at hand upwards.
    """
    return sorted(
        rules, key=lambda rule: (_ORDER[rule.action], nearness[rule.budget_id])
    )


def sentence_of(name: str, rules: Sequence[Rule]) -> str:
    """Say what *rules* do to the calls of the budget *name*, the gentlest first."""
    if not rules:
        return f"No rule guards {name}."
    said = sorted(rules, key=lambda rule: (_share(rule), -_ORDER[rule.action]))
    parts = [f"{_occasion(rule)}{_effect(rule)}" for rule in said[:_MOST_SAID]]
    if more := len(said[_MOST_SAID:]):
        parts.append(f"and {more} more rule{'' if more == 1 else 's'}")
    return f"{name}: {'; '.join(parts)}."


def _share(rule: Rule) -> Decimal:
    match rule.trigger.wire:
        case [">=" | ">", {"name": "budget_percentage"}, {"number": str(number)}]:
            return Decimal(number)
    return _LATER


def _occasion(rule: Rule) -> str:
    words = occasion_of(rule.trigger)
    if words == "always":
        return ""
    return f"{words}, " if words.startswith("while ") else f"{words} "


def _effect(rule: Rule) -> str:
    match rule.action:
        case ControlAction.BLOCK:
            return "calls are blocked"
        case ControlAction.MODEL_BLOCKLIST:
            return _models(rule)
        case ControlAction.MODEL_DOWNGRADE:
            (old, new), *others = rule.downgrades.items()
            more = f" (and {len(others)} more)" if others else ""
            return f"{old} becomes {new}{more}"
        case ControlAction.RATE_LIMIT:
            return f"at most {limits_of(rule)}"
        case ControlAction.NOTIFY:
            return "people are told"


def effect_on(name: str, rule: Rule) -> str:
    """Say what *rule* does to calls of the budget *name*: which are refused."""
    match rule.action:
        case ControlAction.BLOCK:
            return f"all calls of {name} are refused"
        case ControlAction.MODEL_BLOCKLIST if rule.allowed_models:
            models = _some(rule.allowed_models)
            return f"calls of {name} are refused, but for those of {models}"
        case ControlAction.MODEL_BLOCKLIST:
            return f"calls of {name} to {_some(rule.blocked_models)} are refused"
        case ControlAction.MODEL_DOWNGRADE:
            return f"calls of {name} go on with a cheaper model: {_effect(rule)}"
        case ControlAction.RATE_LIMIT:
            return f"calls of {name} wait beyond {limits_of(rule)}"
        case ControlAction.NOTIFY:
            return f"people are told of calls of {name}"


def _models(rule: Rule) -> str:
    if rule.allowed_models:
        return f"only {_some(rule.allowed_models)} may be used"
    verb = "is" if len(rule.blocked_models) == 1 else "are"
    return f"{_some(rule.blocked_models)} {verb} blocked"


def _some(models: Sequence[str]) -> str:
    if len(models) <= 2:
        return " and ".join(models)
    return f"{models[0]}, {models[1]} and {len(models) - 2} more"
