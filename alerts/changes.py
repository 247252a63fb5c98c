"""Which version of what watches a budget somebody saw, and what a change drops."""

from collections.abc import Iterable
from hashlib import sha256
from operator import attrgetter

from accounts.versions import (
    ChangedMeanwhile,
    LastChange,
    Seen,
    history_of,
    last_change,
)
from alerts.models import AlertRule, EscalationPolicy, RuleType
from alerts.ruleset import of_budget, of_rule
from alerts.types import EffectiveRule
from budgets.models import Budget
from budgets.thresholds import Basis
from lib.money import format_percent


def version_of(budget: Budget) -> str:
    """Return which version the rules, thresholds and escalation of *budget* are now.

    Three queries at most. Other changes of the budget make no new one.
    """
    ids = "-".join(last.version for last in _last_changes(budget))
    shares = sha256(repr(budget.alerts).encode()).hexdigest()[:12]
    return f"{ids or 0}-{shares}"


def check_seen(budget: Budget, seen: Seen | None) -> None:
    """Refuse a change by somebody who *seen* other versions only; None: any will do.

    Raises:
        ChangedMeanwhile: it says by whom and when.
    """
    if seen is None or version_of(budget) in seen:
        return
    changes = [*_last_changes(budget), last_change(history_of(budget))]
    last = max(filter(None, changes), key=attrgetter("at"), default=None)
    raise ChangedMeanwhile.by(last)


def _last_changes(budget: Budget) -> list[LastChange]:
    found = (
        last_change(AlertRule.history.filter(budget_id=budget.pk)),
        last_change(EscalationPolicy.history.filter(budget_id=budget.pk)),
    )
    return [last for last in found if last is not None]


def own_rules(budget: Budget) -> list[EffectiveRule]:
    """Return the rules written down for *budget*, and then its own thresholds."""
    own = [of_rule(rule) for rule in AlertRule.objects.filter(budget=budget)]
    written = {rule.key for rule in own}
    return own + [rule for rule in of_budget(budget) if rule.key not in written]


def dropped(before: Iterable[EffectiveRule], budget: Budget) -> list[str]:
    """Say which of the rules *before* the budget has no more."""
    kept = {rule.key for rule in own_rules(budget)}
    return [_words(rule) for rule in before if rule.key not in kept]


def share_words(rule: EffectiveRule, locale: str = "en_US") -> str:
    """Say which share of the limit a threshold is about, and what comes to it."""
    share = f"{format_percent(rule.threshold, locale)} of the limit"
    match rule.basis:
        case Basis.COMMITTED:
            return f"{share} spent and set aside"
        case Basis.FORECAST:
            likely = format_percent(rule.probability, locale)
            return f"{share} by the period's end, {likely} likely"
    return share


def _words(rule: EffectiveRule) -> str:
    if rule.type == RuleType.THRESHOLD and rule.threshold is not None:
        return share_words(rule)
    return str(RuleType(rule.type).label)
