"""What rules name that no call of their budget can ever be. Reads two tables."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from budgets.models import Budget
from budgets.scopes import BudgetScope
from controls.types import ControlAction, Rule
from ledger.identity import one_name
from ledger.patterns import may_meet

_MOST_NAMED = 5


def hints_on(budget: Budget, rules: Sequence[Rule]) -> list[str]:
    """Say which of *rules* can never have an effect, by what *budget* counts at all.

    A budget counts what is in its own scope, and what is in those below it. One query.
    """
    if not rules:
        return []
    rows = Budget.objects.filter(
        organization=budget.organization_id,
        tree_id=budget.tree_id,
        lft__gte=budget.lft,
        rght__lte=budget.rght,
        archived_at=None,
    )
    stored = rows.order_by().values_list("scope", flat=True)
    scopes = [BudgetScope.of(scope) for scope in stored]
    return [hint for rule in rules for hint in _hints(rule, scopes)]


def _hints(rule: Rule, scopes: Sequence[BudgetScope]) -> Iterator[str]:
    form = rule.trigger.wire
    if not any(_may_hold(form, dict(scope.values)) for scope in scopes):
        only = _only(scopes, rule.trigger.names)
        yield (
            f"“{rule.trigger.text}” never holds here: {rule.budget_name} counts "
            f"{only} only."
        )
    elif (models := _named(rule)) and not any(
        _may_be(dict(scope.values), "model", models) for scope in scopes
    ):
        yield (
            f"{_listed(models)} can't be asked for here: {rule.budget_name} counts "
            f"{_only(scopes, {'model'})} only."
        )


def _named(rule: Rule) -> list[str]:
    """Return the models that a rule has an effect on alone."""
    match rule.action:
        case ControlAction.MODEL_DOWNGRADE:
            return list(rule.downgrades)
        case ControlAction.MODEL_BLOCKLIST if not rule.allowed_models:
            return list(rule.blocked_models)
    return []


_Values = Mapping[str, frozenset[str]]  # by dimension, of a scope


def _may_hold(form: Any, values: _Values) -> bool:
    """Tell whether a trigger could hold for a call of these values; True if unsure."""
    match form:
        case ["and", *parts]:
            return all(_may_hold(part, values) for part in parts)
        case ["or", *parts]:
            return any(_may_hold(part, values) for part in parts)
        case ["==", {"name": str(name)}, str(text)]:
            return _may_be(values, name, [text])
        case ["in", {"name": str(name)}, ["list", *texts]]:
            return _may_be(values, name, [text for text in texts if text == str(text)])
    return True


def _may_be(values: _Values, name: str, texts: Sequence[str]) -> bool:
    wanted = values.get(name)
    if wanted is None:
        return True
    if name == "model":
        return any(may_meet(one, text) for one in wanted for text in texts)
    return any(one_name(name, text) in wanted for text in texts)


def _only(scopes: Sequence[BudgetScope], names: frozenset[str] | set[str]) -> str:
    """Say what scopes have of those dimensions: "environment prod"."""
    found: dict[str, set[str]] = {}
    for scope in scopes:
        for dimension, wanted in scope.values:
            if dimension in names:
                found.setdefault(dimension, set()).update(wanted)
    return " and ".join(
        f"{dimension} {_listed(sorted(wanted))}" for dimension, wanted in found.items()
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
