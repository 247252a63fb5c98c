"""Setting up what guards a budget: its rules, and its kill switch."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import QuerySet

from accounts.audit import current_actor
from accounts.locks import hold_alone, hold_trees
from accounts.versions import Seen, check_seen
from budgets.enforcement import note_stop
from budgets.errors import IsArchived
from budgets.models import Budget, Enforcement
from controls.expressions import read_saved
from controls.hints import hints_on
from controls.models import ControlRule, KillSwitch
from controls.ruleset import rules_of
from controls.stops import stops_at_the_amount
from controls.types import ControlAction, Rule
from controls.wording import stop_notes, summary_of
from lib.errors import Invalid

_FIELDS = ("trigger", "action", "config", "notify", "position", "hardens")

Given = Mapping[str, Any]  # a rule as `ControlRuleIn` made it of the wire


@transaction.atomic
def configure(
    budget: Budget, rules: Sequence[Given], *, seen: Seen | None = None
) -> list[str]:
    """Give *budget* these rules in the place of its own; say which those dropped are.

    A rule stays itself, with what it has counted and told, where its id is given or
    one with the same action and trigger is there. One that stops all calls at the whole
    amount makes it a hard limit, which it stays when the rule is taken away.

    Raises:
        Invalid: an id is no rule of the budget's.
        IsArchived: the budget is no longer in use.
        ChangedMeanwhile: its rules are none of the versions *seen*.
    """
    budget = _held(budget, trees=True)
    check_seen(history_of_rules(budget), seen)
    if rules and budget.is_template:
        raise Invalid.field(
            "rules",
            f"“{budget.name}” is a template and has no spend of its own for rules to "
            "look at. Give them to a budget above it, or to one that it made.",
            code="is_template",
        )
    rows = list(ControlRule.objects.filter(budget=budget))
    kept, hardens = _matched(rows, rules), _hardens(budget, rows)
    stays = {one.pk for one in kept if one}
    gone = [row for row in rows if row.pk not in stays]
    dropped = rules_of(gone, budget.organization.currency)
    for row in gone:
        row.delete()
    for position, (found, given) in enumerate(zip(kept, rules, strict=True)):
        _save_if_changed(
            found or ControlRule(organization_id=budget.organization_id, budget=budget),
            {**given, "position": position, "hardens": hardens and _is_stop(given)},
        )
    stops = [given["trigger"] for given in rules if _is_stop(given)]
    note_stop(budget, stops[0] if stops else "")
    budget.organization.touch()
    return [summary_of(rule) for rule in dropped]


def history_of_rules(budget: Budget) -> QuerySet[Any]:
    """Return the history of the rules that *budget* has and had."""
    rows: QuerySet[Any] = ControlRule.history.filter(budget_id=budget.pk)
    return rows


def history_of_switch(budget: Budget) -> QuerySet[Any]:
    """Return when the kill switch of *budget* was used."""
    rows: QuerySet[Any] = KillSwitch.history.filter(budget_id=budget.pk)
    return rows


@transaction.atomic
def switch_off(
    budget: Budget, message: str = "", *, now: datetime, seen: Seen | None = None
) -> None:
    """Stop every call that *budget* is charged for; repeatable.

    Raises:
        IsArchived: the budget is no longer in use.
        ChangedMeanwhile: its switch is none of the versions *seen*.
    """
    budget = _held(budget)
    check_seen(history_of_switch(budget), seen)
    found = KillSwitch.objects.filter(budget=budget).first()
    if found is not None and found.message == message:
        return
    switch = found or KillSwitch(
        organization_id=budget.organization_id, budget=budget, since=now
    )
    switch.message, switch.actor = message, current_actor()
    switch.save()
    budget.organization.touch()


@transaction.atomic
def switch_on(budget: Budget, *, seen: Seen | None = None) -> None:
    """Let calls through again, where nothing else stops them; repeatable.

    Raises:
        ChangedMeanwhile: its switch is none of the versions *seen*.
    """
    hold_alone(budget.organization_id)
    check_seen(history_of_switch(budget), seen)
    for switch in KillSwitch.objects.filter(budget=budget):
        switch.delete()
        budget.organization.touch()


def own_rules(budget: Budget) -> tuple[Rule, ...]:
    """Return the rules of *budget* itself, in their order."""
    rows = ControlRule.objects.filter(budget=budget).select_related("budget")
    return rules_of(rows, budget.organization.currency)


def proposed(budget: Budget, rules: Sequence[Given]) -> tuple[Rule, ...]:
    """Return *rules* as if *budget* had them; nothing is written."""
    hardens = _hardens(budget, ControlRule.objects.filter(budget=budget))
    rows = [
        ControlRule(
            pk=-place,  # like no other
            uid=given.get("id") or uuid4(),
            organization_id=budget.organization_id,
            budget=budget,
            hardens=hardens and _is_stop(given),
            **{name: given[name] for name in ("trigger", "action", "config", "notify")},
        )
        for place, given in enumerate(rules, 1)
    ]
    return rules_of(rows, budget.organization.currency)


def _is_stop(given: Given) -> bool:
    """Tell whether a rule stops all calls at the whole amount."""
    is_block = given["action"] == ControlAction.BLOCK
    if given["config"].get("needs_approval"):
        return False  # people have the last word
    return is_block and stops_at_the_amount(read_saved(given["trigger"]))


def _hardens(budget: Budget, rows: Iterable[ControlRule]) -> bool:
    """Tell whether it is by such rules alone, of now or to come, that the limit of
    *budget* is hard."""
    return budget.enforcement == Enforcement.SOFT or any(row.hardens for row in rows)


def controls_of(budget: Budget) -> dict[str, Any]:
    """Return the rules of *budget* and of those above it, in `configure`'s shape."""
    path = list(budget.get_ancestors(ascending=True, include_self=True))
    rows = ControlRule.objects.filter(budget__in=path).select_related("budget")
    chosen = list(rows)
    effective = rules_of(chosen, budget.organization.currency)
    own = [rule for rule in effective if rule.budget_id == budget.pk]
    by_budget: dict[int, list[dict[str, Any]]] = {one.pk: [] for one in path}
    for row, rule in zip(chosen, effective, strict=True):
        by_budget[row.budget_id].append(_rule_body(row, rule))
    return {
        "budget": str(budget.uid),
        "enforcement": path[0].enforcement,
        "notes": stop_notes(budget.name, own),
        "warnings": hints_on(budget, own),
        "rules": by_budget[budget.pk],
        "inherited": [
            {**body, "from": _named(above)}
            for above in path[1:]
            for body in by_budget[above.pk]
        ],
        "kill_switch": kill_switch_of(budget),
    }


def kill_switch_of(budget: Budget) -> dict[str, Any]:
    """Return whether calls of *budget* are stopped, by itself or from above."""
    path = budget.get_ancestors(ascending=True, include_self=True)
    rows = KillSwitch.objects.filter(budget__in=path).select_related("budget")
    by_budget = {row.budget_id: row for row in rows}
    own = by_budget.pop(budget.pk, None)
    return {
        "budget": str(budget.uid),
        **_switch_body(own),
        "inherited": [
            {**_switch_body(row), "from": _named(row.budget)}
            for row in by_budget.values()
        ],
    }


def _held(budget: Budget, *, trees: bool = False) -> Budget:
    """Return *budget* as it is once nobody else decides or changes anything.

    *trees*: it may be saved, which takes their lock, too.
    """
    if trees:
        hold_trees()
    hold_alone(budget.organization_id)
    held = Budget.objects.select_related("organization").get(pk=budget.pk)
    if held.archived_at is not None:
        raise IsArchived(f"“{held.name}” is archived: no call is charged to it.")
    return held


def _matched(
    rows: list[ControlRule], rules: Sequence[Given]
) -> list[ControlRule | None]:
    """Return for each of *rules* the one of *rows* that it is; each once."""
    left = {row.uid: row for row in rows}
    found: list[ControlRule | None] = []
    for place, given in enumerate(rules):
        uid = given.get("id")
        if uid is not None and uid not in left:
            raise Invalid.field(
                f"rules.{place}.id",
                "There is no such rule of this budget, or it comes twice. Leave the "
                "id out for a new one.",
                code="unknown_rule",
            )
        found.append(left.pop(uid) if uid is not None else None)
    for place, given in enumerate(rules):
        if found[place] is None:
            found[place] = _same(left, given)
    return found


def _same(left: dict[Any, ControlRule], given: Given) -> ControlRule | None:
    for uid, row in left.items():
        if (row.action, row.trigger) == (given["action"], given["trigger"]):
            return left.pop(uid)
    return None


def _save_if_changed(row: ControlRule, given: Given) -> None:
    changed = [name for name in _FIELDS if getattr(row, name) != given[name]]
    for name in changed:
        setattr(row, name, given[name])
    if changed or row.pk is None:
        row.save()


def _rule_body(row: ControlRule, rule: Rule) -> dict[str, Any]:
    return {
        "id": str(row.uid),
        "trigger": row.trigger,
        "action": row.action,
        "config": row.config,
        "notify": row.notify,
        "summary": summary_of(rule),
    }


def _switch_body(row: KillSwitch | None) -> dict[str, Any]:
    return {
        "active": row is not None,
        "message": row.message if row else "",
        "actor": row.actor if row else None,
        "since": row.since if row else None,
    }


def _named(budget: Budget) -> dict[str, str]:
    return {"id": str(budget.uid), "name": budget.name}
