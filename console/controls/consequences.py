"""What a change of rules does to calls, told before it is saved."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from budgets.models import Budget, Enforcement
from budgets.rollup import hours_of
from console.asking import Consequence, Consequences
from console.controls.budgets import path_to
from console.controls.edits import Rules
from console.controls.holding import hangs_on_the_call, holding
from console.controls.sentences import effect_on
from console.controls.trials import AT_ONCE, uses_in
from controls.configuration import proposed
from controls.replay import Proposal, last_period, replay
from controls.types import ControlAction, Rule
from controls.wording import occasion_of, stop_notes, summary_of

_DAY = timedelta(days=1)
_NONE = "none"


def consequences_of(
    budget: Budget, before: Rules, after: Rules, now: datetime
) -> Consequences:
    """Return what follows when *budget* has the rules *after* instead of *before*.

    Rules that only tell people stop nothing, so nothing is asked of them. Eight queries
    at most, and those of a dry run where few calls were made.
    """
    old, new = _acting(budget, before), _acting(budget, after)
    changes = list(_changes(old, new))
    if not changes:
        return Consequences(_moves(old, new))
    told = [
        *_started(budget, old, new, now),
        *_ended(budget, old, new, now),
        *_limit(budget, old, new),
        *_tried(budget, after, now),
    ]
    return Consequences(changes, told, needs_reason=True)


_ById = Mapping[Any, Rule]  # the rules that do something to calls, in their order


def _acting(budget: Budget, rules: Rules) -> _ById:
    found = proposed(budget, rules)
    return {
        given.get("id") or place: rule
        for place, (given, rule) in enumerate(zip(rules, found, strict=True))
        if rule.action is not ControlAction.NOTIFY
    }


def _changes(old: _ById, new: _ById) -> Iterator[tuple[str, str, str]]:
    for key in {**old, **new}:
        before, after = old.get(key), new.get(key)
        words = [summary_of(rule) if rule else _NONE for rule in (before, after)]
        if words[0] != words[1]:
            rule = after or before
            yield (rule.action.label if rule else "", words[0], words[1])


def _moves(old: _ById, new: _ById) -> list[tuple[str, str, str]]:
    """Say which rules change places: the first that has something to say decides."""
    return [
        ("Asked first", summary_of(old[one]), summary_of(new[other]))
        for one, other in zip(old, new, strict=False)
        if one != other and one in new and other in old
    ][:1]


def _held(budget: Budget, rules: _ById, now: datetime) -> set[Any]:
    """Return the keys of the rules that hold at this moment for every call."""
    ids = holding(path_to(budget), list(rules.values()), now)
    return {key for key, one in rules.items() if one.id in ids or not one.trigger.names}


def _started(
    budget: Budget, old: _ById, new: _ById, now: datetime
) -> Iterator[Consequence]:
    """Say what rules that are new, or otherwise than before, do from now on."""
    other = {key: one for key, one in new.items() if not _is_same(one, old.get(key))}
    held = _held(budget, other, now)
    for key in sorted(other, key=lambda key: key not in held):  # those first
        rule = other[key]
        does, occasion = effect_on(budget.name, rule), occasion_of(rule.trigger)
        if occasion == "always":
            words = f"From now on {does}."
        elif key in held:
            words = f"From now on {does}, {occasion}: that holds at this moment."
        elif hangs_on_the_call(rule):
            words = f"From now on, {occasion}, {does}."
        else:
            words = f"{does[0].upper()}{does[1:]} {occasion}: not at this moment."
        yield Consequence(f"starts {key} {key in held}", words)


def _ended(
    budget: Budget, old: _ById, new: _ById, now: datetime
) -> Iterator[Consequence]:
    """Say what goes through again, for rules that stand in its way now."""
    gone = {key: one for key, one in old.items() if not _is_same(one, new.get(key))}
    for key in _held(budget, gone, now):
        words = summary_of(gone[key]).rstrip(".")
        yield Consequence(
            f"ends {key}",
            f"“{words}” ends. What it stood in the way of goes through, where nothing "
            "else stops it.",
        )


def _is_same(one: Rule, other: Rule | None) -> bool:
    return other is not None and summary_of(one) == summary_of(other)


def _limit(budget: Budget, old: _ById, new: _ById) -> Iterator[Consequence]:
    """Say what becomes of the limit."""
    was, is_hard = (any(r.is_hard_stop for r in rules.values()) for rules in (old, new))
    if is_hard and not was:
        for note in stop_notes(budget.name, new.values()):
            yield Consequence("hard", note)
    elif was and not is_hard:
        words = "Its amount stays a hard limit; the budget's form changes that."
        yield Consequence("stays hard", words)


def _tried(budget: Budget, after: Rules, now: datetime) -> Iterator[Consequence]:
    """Say what the rules would have done to the last period."""
    window = last_period(budget, now)
    uses = uses_in(budget, window)
    if uses > AT_ONCE:
        words = f"{uses:,} calls of the last period are too many to try while you wait."
        yield Consequence("untried", f"{words} The dry run tries them.")
    elif uses:
        is_hard = budget.enforcement == Enforcement.HARD
        proposal = Proposal(rules=proposed(budget, after), is_hard=is_hard)
        yield Consequence("tried", replay(budget, proposal, window).sentence)


def used_lately(budget: Budget, now: datetime) -> str:
    """Say how many calls were charged to *budget* in the last 24 hours. One query."""
    count = sum(hour.requests for hour in hours_of([budget], now - _DAY, now))
    if not count:
        return "None of its calls were charged in the last 24 hours."
    calls = "1 call was" if count == 1 else f"{count:,} calls were"
    return f"{calls} charged to it in the last 24 hours."
