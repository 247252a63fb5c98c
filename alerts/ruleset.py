"""Which rules watch a budget: its own, and those of the budgets above it.

Rules of one slot (a share of the limit, a sliding window, else a type) replace those
further up: whoever sets a slot for a budget sets it for all below. A rule that is
switched off empties its slot. The warning and critical threshold, the whole limit and
`Budget.alerts` are threshold rules of the budget alone; where a rule has the same
share, the rule's words and people are used.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from alerts.models import WINDOWED, AlertRule, RuleType, Severity
from alerts.types import EffectiveRule, Origin
from budgets.models import Budget
from budgets.thresholds import Basis, ShareWatched

__all__ = [
    "AlertRuleset",
    "EffectiveRule",
    "Origin",
    "effective_rules",
    "of_rule",
    "ruleset_for",
    "ruleset_of",
    "threshold_key",
]

_ONE = Decimal(1)


def effective_rules(budget: Budget) -> list[EffectiveRule]:
    """Return the rules that watch *budget*: thresholds ascending, then the others.

    A query for each level above, and one more.
    """
    return ruleset_for([budget]).of(budget)


def ruleset_for(budgets: Iterable[Budget]) -> "AlertRuleset":
    """Return the rules of *budgets* and of all above them, as `effective_rules`."""
    parents = {budget.pk: budget.parent_id for budget in budgets}
    while missing := {pk for pk in parents.values() if pk} - parents.keys():
        rows = Budget.objects.filter(pk__in=missing).order_by()
        parents |= dict(rows.values_list("pk", "parent_id"))
    return AlertRuleset(parents, AlertRule.objects.filter(budget__in=parents))


def ruleset_of(organization_id: int) -> "AlertRuleset":
    """Return the rules of all budgets of an organization. Two queries."""
    budgets = Budget.objects.filter(organization=organization_id).order_by()
    parents = dict(budgets.values_list("pk", "parent_id"))
    return AlertRuleset(parents, AlertRule.objects.filter(organization=organization_id))


@dataclass(slots=True)
class AlertRuleset:
    """The rules of a tree, given each budget's parent and the rules written down."""

    parents: Mapping[int, int | None]
    rules: Iterable[AlertRule]
    _own: dict[int, list[EffectiveRule]] = field(init=False)
    _merged: dict[int, tuple[EffectiveRule, ...]] = field(
        init=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        own = defaultdict(list)
        for rule in sorted(self.rules, key=lambda rule: rule.pk):
            own[rule.budget_id].append(of_rule(rule))
        self._own = dict(own)

    def of(self, budget: Budget) -> list[EffectiveRule]:
        """Return the rules that watch *budget*: thresholds ascending, then others."""
        others = [rule for rule in self.timed(budget) if rule.enabled]
        return [*self.thresholds(budget), *others]

    def timed(self, budget: Budget) -> tuple[EffectiveRule, ...]:
        """Return what the sweep evaluates by the clock, in use or not: all but the
        thresholds that amounts alone tell of.
        """
        own, written = of_budget(budget), self._written(budget.pk)
        if any(rule.is_timed for rule in own):
            nearest = _merge(self._own.get(budget.pk, ()), tuple(own))
            written = _merge(nearest, written)
        return tuple(rule for rule in written if rule.is_timed)

    def thresholds(self, budget: Budget) -> list[EffectiveRule]:
        """Return the shares of the limit that amounts come to, ascending."""
        by_slot = {rule.slot: rule for rule in built_in(budget)}
        by_slot |= {
            rule.slot: rule
            for rule in self._written(budget.pk)
            if rule.is_inherited_by(budget.pk)
        }
        by_slot |= {rule.slot: rule for rule in of_budget(budget)}
        by_slot |= {rule.slot: rule for rule in self._own.get(budget.pk, ())}
        found = [
            rule for rule in by_slot.values() if rule.enabled and not rule.is_timed
        ]
        return sorted(found, key=lambda rule: rule.threshold or _ONE)

    def _written(self, budget_id: int) -> tuple[EffectiveRule, ...]:
        """Return the rules written down for a budget or above it, nearest first."""
        known = self._merged.get(budget_id)
        if known is None:
            parent_id = self.parents.get(budget_id)
            above = () if parent_id is None else self._written(parent_id)
            known = self._merged[budget_id] = _merge(
                self._own.get(budget_id, ()), above
            )
        return known


def _merge(
    own: Sequence[EffectiveRule], above: tuple[EffectiveRule, ...]
) -> tuple[EffectiveRule, ...]:
    if not own:
        return above
    taken = {rule.slot for rule in own}
    return (*own, *(rule for rule in above if rule.slot not in taken))


def of_rule(rule: AlertRule) -> EffectiveRule:
    """Return *rule* as it watches its budget and those below."""
    key = f"{rule.type}:{rule.uid}"
    basis = Basis(rule.basis)
    if rule.type == RuleType.THRESHOLD:
        key = threshold_key(rule.threshold or _ONE, basis, rule.probability)
    return EffectiveRule(
        type=rule.type,
        key=key,
        budget_id=rule.budget_id,
        origin=Origin.RULE,
        severity=rule.severity,
        threshold=rule.threshold,
        condition=rule.condition,
        sensitivity=rule.sensitivity if rule.type == RuleType.ANOMALY else "",
        window=rule.window if rule.type in WINDOWED else "",
        channels=tuple(rule.channels),
        recipients=tuple(rule.recipients),
        message=rule.message,
        cooldown_s=rule.cooldown_s,
        rule_id=rule.pk,
        enabled=rule.enabled,
        basis=basis,
        probability=rule.probability,
    )


def of_budget(budget: Budget) -> list[EffectiveRule]:
    """Return the thresholds in `Budget.alerts`."""
    found = []
    for one in map(ShareWatched.of, budget.alerts):
        severity = severity_at(budget, one.share, one.basis)
        rule = replace(
            _plain(budget, one.share, Origin.BUDGET, severity),
            key=threshold_key(one.share, one.basis, one.probability),
            channels=one.channels,
            basis=one.basis,
            probability=one.probability,
        )
        found.append(rule)
    return found


def built_in(budget: Budget) -> list[EffectiveRule]:
    """Return what every budget is watched for; of equal shares the gravest is last."""
    return [
        _plain(budget, share, origin, severity)
        for share, origin, severity in (
            (budget.warning_threshold, Origin.WARNING, Severity.WARNING),
            (budget.critical_threshold, Origin.CRITICAL, Severity.CRITICAL),
            (_ONE, Origin.EXCEEDED, Severity.CRITICAL),
        )
    ]


def threshold_key(
    share: Decimal, basis: Basis = Basis.SPENT, probability: Decimal | None = None
) -> str:
    """Return the key of a share's alerts, however it was written: "threshold:0.8",
    "threshold:forecast:0.8:0.5".
    """
    numbers = [f"{one.normalize():f}" for one in (share, probability) if one]
    named = [] if basis is Basis.SPENT else [basis.value]
    return ":".join([RuleType.THRESHOLD, *named, *numbers])


def _plain(
    budget: Budget, share: Decimal, origin: Origin, severity: str
) -> EffectiveRule:
    return EffectiveRule(
        type=RuleType.THRESHOLD,
        key=threshold_key(share),
        budget_id=budget.pk,
        origin=origin,
        severity=severity,
        threshold=share,
    )


def severity_at(budget: Budget, share: Decimal, basis: Basis) -> str:
    """Return how grave *share* is; what is only expected is a warning at most."""
    if basis is Basis.FORECAST:
        return Severity.WARNING
    if share >= min(budget.critical_threshold, _ONE):
        return Severity.CRITICAL
    return Severity.WARNING if share >= budget.warning_threshold else Severity.INFO
