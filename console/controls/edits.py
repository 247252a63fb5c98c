"""Changing one rule of a budget among its others, whoever else changes them."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.locks import hold_alone, hold_trees
from budgets.models import Budget
from controls.api.rule_schemas import MOST
from controls.configuration import Given, configure
from controls.models import ControlRule
from lib.errors import Conflict, Invalid

Rules = list[dict[str, Any]]


class RuleGone(Conflict):
    """Somebody removed the rule since it was shown."""

    code = "rule_gone"


def given_of(row: ControlRule) -> dict[str, Any]:
    """Return *row* as `configure` takes it."""
    return {
        "id": row.uid,
        "trigger": row.trigger,
        "action": row.action,
        "config": row.config,
        "notify": row.notify,
    }


def own_rows(budget: Budget) -> Sequence[ControlRule]:
    """Return the rules of the budget itself, in their order."""
    return list(ControlRule.objects.filter(budget=budget))


def with_rule(rules: Rules, given: Given) -> Rules:
    """Return *rules* with *given* in the place of the one with its id, or at the end.

    Raises:
        RuleGone: there is no rule with its id.
        Invalid: there are too many.
    """
    uid = given.get("id")
    if uid is None:
        if len(rules) >= MOST:
            raise Invalid(f"A budget has at most {MOST} rules: remove one first.")
        return [*rules, dict(given)]
    _found(rules, uid)
    return [dict(given) if one["id"] == uid else one for one in rules]


def without_rule(rules: Rules, uid: UUID) -> Rules:
    return [one for one in rules if one["id"] != uid]


def moved(rules: Rules, uid: UUID, *, down: bool) -> Rules:
    """Return *rules* with one before, or after, the next with the same action.

    Raises:
        RuleGone: there is no rule with the id.
    """
    action = _found(rules, uid)["action"]
    places = [place for place, one in enumerate(rules) if one["action"] == action]
    mine = next(place for place in places if rules[place]["id"] == uid)
    number = places.index(mine) + (1 if down else -1)
    if 0 <= number < len(places):
        other = places[number]
        rules = list(rules)
        rules[mine], rules[other] = rules[other], rules[mine]
    return rules


def with_missing(rules: Rules, wanted: Sequence[Given]) -> Rules:
    """Return *rules* and those of *wanted* that do not repeat one of them."""
    known = {(one["action"], one["trigger"]) for one in rules}
    for given in wanted:
        if (given["action"], given["trigger"]) not in known:
            rules = with_rule(rules, given)
    return rules


@transaction.atomic
def edit(budget: Budget, change: Callable[[Rules], Rules]) -> None:
    """Give *budget* what *change* makes of its rules as they are at this moment.

    Raises:
        Refusal: *change* refuses, or the budget can have no rules.
    """
    hold_trees()
    hold_alone(budget.organization_id)
    configure(budget, change([given_of(row) for row in own_rows(budget)]))


def _found(rules: Rules, uid: UUID) -> dict[str, Any]:
    found = next((one for one in rules if one["id"] == uid), None)
    if found is None:
        raise RuleGone("This rule was removed meanwhile. Add it anew if it is needed.")
    return found
