"""The rules and kill switches of an organization, as a process remembers them."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from django.utils import timezone

from accounts.revisions import Revision, RevisionPart, open_revision
from approvals.exceptions import rule_exceptions
from budgets.scopes import BudgetScope
from controls.expressions import read_saved
from controls.models import ControlRule, KillSwitch, RuleAction
from controls.types import ControlAction, Rule
from ledger.identity import person_named
from ledger.types import Dimensions, Tags
from lib.money import to_units
from lib.periods import Window

logger = logging.getLogger("controls")


@dataclass(frozen=True, slots=True)
class Switch:
    """That a budget is switched off, and what whoever did it said."""

    budget_id: int
    budget_uid: str
    budget_name: str
    message: str


class Lift(NamedTuple):
    """That a rule does not hold for calls in a scope, as was approved."""

    scope: BudgetScope
    until: datetime  # exclusive


class InForce(NamedTuple):
    """The rules that hold for one kind of call."""

    rules: tuple[Rule, ...]
    until: datetime | None  # when one is back that does not hold meanwhile
    lifted: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Ruleset:
    """What guards the budgets of one organization, as of one revision."""

    revision: int | None
    switches: Mapping[int, Switch]  # by budget
    _rules: Mapping[int, tuple[Rule, ...]]  # by budget
    lifts: Mapping[str, tuple[Lift, ...]]  # by the rule's uid

    def for_budgets(self, budget_ids: Iterable[int]) -> tuple[Rule, ...]:
        """Return the rules of all these budgets, in the order of *budget_ids*.

        Give those that a call charges, the deepest first: then the nearest rule of an
        action comes first.
        """
        rules = self._rules
        if not rules:
            return ()
        return tuple(rule for pk in budget_ids for rule in rules.get(pk, ()))

    def in_force(
        self,
        budget_ids: Iterable[int],
        dimensions: Dimensions,
        tags: Tags,
        at: datetime,
    ) -> InForce:
        """Return which rules of these budgets hold for a call at a moment."""
        rules = self.for_budgets(budget_ids)
        if not self.lifts:
            return InForce(rules, None, ())
        ends = {
            rule.id: max(lift.until for lift in lifts)
            for rule in rules
            if (lifts := self._lifts(rule, dimensions, tags, at))
        }
        return InForce(
            tuple(rule for rule in rules if rule.id not in ends),
            min(ends.values(), default=None),
            tuple(rule for rule in rules if rule.id in ends),
        )

    def _lifts(
        self, rule: Rule, dimensions: Dimensions, tags: Tags, at: datetime
    ) -> list[Lift]:
        return [
            lift
            for lift in self.lifts.get(rule.uid, ())
            if at < lift.until and lift.scope.matches(dimensions._asdict(), tags)
        ]

    def passes(self, budget_id: int, user: str, lifted: Sequence[Rule] = ()) -> bool:
        """Tell whether the limit of a budget, though hard by a rule, does not bind
        *user*, whom the rule exempts; nor anybody while it is among the *lifted*."""
        return any(user in rule.passing for rule in self._rules.get(budget_id, ())) or (
            any(rule.budget_id == budget_id and rule.is_by_it for rule in lifted)
        )

    @property
    def lifted_scopes(self) -> tuple[BudgetScope, ...]:
        """For what rules do not hold."""
        return tuple(lift.scope for lifts in self.lifts.values() for lift in lifts)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules there are."""
        return tuple(rule for rules in self._rules.values() for rule in rules)


def rules_of(
    rows: Iterable[ControlRule],
    currency: str,
    approved: Mapping[int, Window] = MappingProxyType({}),
) -> tuple[Rule, ...]:
    """Return what *rows* say, which have their budgets at hand.

    *currency* is the organization's; *approved*, by rule, when those may act that need
    approval.
    """
    chosen = list(rows)
    exempt: dict[int, set[str]] = defaultdict(set)
    for row in chosen:
        users = row.config.get("exempt_users", ())
        exempt[row.budget_id].update(map(person_named, users))
    return tuple(
        _rule_of(row, frozenset(exempt[row.budget_id]), currency, approved.get(row.pk))
        for row in chosen
    )


def _read(at: Revision) -> Ruleset:
    organization = at.organization
    found = ControlRule.objects.filter(organization=organization)
    rows = list(found.select_related("budget"))
    some = any(row.config.get("needs_approval") for row in rows)
    approved = RuleAction.objects.windows(organization.pk) if some else {}
    by_budget: dict[int, list[Rule]] = defaultdict(list)
    rules = rules_of(rows, organization.currency, approved)
    for rule in rules:
        by_budget[rule.budget_id].append(rule)
        if problem := rule.trigger.problem:
            logger.error("The rule %s never holds. %s", rule.uid, problem)
    switches = KillSwitch.objects.filter(organization=organization)
    return Ruleset(
        at.number,
        {
            row.budget_id: Switch(
                row.budget_id, str(row.budget.uid), row.budget.name, row.message
            )
            for row in switches.select_related("budget")
        },
        {budget_id: tuple(rules) for budget_id, rules in by_budget.items()},
        _lifts_of(organization.pk, {rule.uid: rule for rule in rules}),
    )


def _lifts_of(
    organization_id: int, rules: Mapping[str, Rule]
) -> dict[str, tuple[Lift, ...]]:
    """Return which *rules* do not hold for what. Whoever decides about a budget decides
    about its own rules, and about those of no other."""
    lifts: dict[str, list[Lift]] = defaultdict(list)
    for one in rule_exceptions(organization_id, timezone.now()):
        rule = rules.get(one.rule)
        if rule is not None and rule.budget_id == one.budget_id:
            lifts[rule.uid].append(Lift(BudgetScope.of(one.scope), one.until))
    return {uid: tuple(many) for uid, many in lifts.items()}


RULES = RevisionPart(_read)


def open_ruleset(organization_id: int, number: int | None = None) -> Ruleset:
    """Return what guards the organization at revision *number*, or at the present one.

    No query while nothing has changed, else four. Call it in a transaction that holds
    the organization's lock, with the revision read in it.
    """
    return open_revision(organization_id, number).get(RULES)


def _rule_of(
    row: ControlRule, exempt: frozenset[str], currency: str, approved: Window | None
) -> Rule:
    config, action = row.config, ControlAction(row.action)
    most_cost = config.get("max_cost_per_hour")
    return Rule(
        id=row.pk,
        uid=str(row.uid),
        budget_id=row.budget_id,
        budget_uid=str(row.budget.uid),
        budget_name=row.budget.name,
        action=action,
        trigger=read_saved(row.trigger),
        notify=row.notify or action is ControlAction.NOTIFY,
        exempt_users=exempt,
        message=config.get("message", ""),
        downgrades=config.get("downgrades", {}),
        blocked_models=tuple(config.get("blocked_models", ())),
        allowed_models=tuple(config.get("allowed_models", ())),
        max_requests_per_minute=config.get("max_requests_per_minute"),
        max_cost_per_hour=None if most_cost is None else to_units(Decimal(most_cost)),
        currency=currency,
        hardens=row.hardens,
        needs_approval=config.get("needs_approval", False),
        approved=approved,
    )
