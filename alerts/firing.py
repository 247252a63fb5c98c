"""Alerts that begin: what was crossed, what may fire, who is told."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Max, QuerySet

from alerts.detections import facts_of_period, finding_of
from alerts.events import event_of
from alerts.models import Alert, AlertEvent
from alerts.policies import oversight_of
from alerts.rules import evaluate_threshold
from alerts.ruleset import ruleset_for
from alerts.schedule import ESCALATE, plan_next
from alerts.steps import freeze_steps
from alerts.types import EffectiveRule, Finding
from budgets.models import Budget, BudgetPeriod
from budgets.types import Crossing
from lib.periods import Window
from lib.queue import enqueue_once
from notifications.steps import Step, due, next_at

_WHOLE = Decimal(1)
_Key = tuple[int, str, datetime]  # budget, key, start of the period


def rules_of(
    budgets: Iterable[Budget],
) -> Mapping[tuple[int, Decimal], EffectiveRule]:
    """Return the thresholds that watch *budgets*. A query for each level above."""
    chosen = list(budgets)
    ruleset = ruleset_for(chosen)
    return {
        (budget.pk, rule.threshold or _WHOLE): rule
        for budget in chosen
        for rule in ruleset.thresholds(budget)
    }


def finding_of_crossing(
    budget: Budget,
    crossing: Crossing,
    period: BudgetPeriod,
    rule: EffectiveRule,
    now: datetime,
) -> Finding | None:
    """Return what *crossing* raises; None where the limit has no shares."""
    window = Window(period.starts_at, period.ends_at)
    facts = facts_of_period(
        budget, window, spent=crossing.spent, limit=crossing.limit, now=now
    )
    match = evaluate_threshold(rule, facts)
    return None if match is None else finding_of(rule, facts, match)


def rearm_crossed(
    organization_id: int, found: Mapping[int, Sequence[Finding]], now: datetime
) -> None:
    """Re-arm what a person resolved: a crossing shows that it had ended since."""
    wanted = {
        (budget_id, one.key, one.period_starts_at)
        for budget_id, findings in found.items()
        for one in findings
    }
    done = _held(organization_id, wanted).filter(resolved_at__isnull=False)
    ids = [pk for *key, pk in done.values_list(*_KEY, "pk") if tuple(key) in wanted]
    if ids:
        Alert.objects.filter(pk__in=ids, rearmed_at=None).update(rearmed_at=now)


_KEY = ("budget_id", "key", "period_starts_at")


def _held(organization_id: int, keys: Iterable[_Key]) -> QuerySet[Alert]:
    """Return the alerts that may keep those of *keys* from firing, and some more."""
    budget_ids, names, starts = zip(*keys, strict=True)
    return (
        Alert.objects.holding_back()
        .filter(
            organization=organization_id,
            budget__in=set(budget_ids),
            key__in=set(names),
            period_starts_at__in=set(starts),
        )
        .order_by()
    )


def raise_alerts(
    budget: Budget, findings: Sequence[Finding], *, now: datetime
) -> list[Alert]:
    """Raise the alerts of one budget; the first that can be tells for all of them."""
    free = _free(budget, findings, now)
    if not free:
        return []
    told = [(one.channels, one.recipients) for one in free]
    steps = freeze_steps(oversight_of(budget), told, now=now)
    alerts = [
        _alert(budget, finding, now, steps if place == 0 else [])
        for place, finding in enumerate(free)
    ]
    Alert.objects.bulk_create(alerts, ignore_conflicts=True)
    uids = [alert.uid for alert in alerts]
    rows = Alert.objects.with_names().filter(uid__in=uids)
    made = list(rows.order_by("-threshold", "pk"))
    if made:
        if not any(alert.steps for alert in made):  # another was quicker with the first
            _hand_over(made[0], steps)
        _record_fired(made, now)
        enqueue_once(ESCALATE)
        plan_next(steps, due(steps, 0, now), now)
    return made


def _hand_over(alert: Alert, steps: list[Step]) -> None:
    alert.steps, alert.next_step_at = steps, next_at(steps, 0)
    alert.save(update_fields=["steps", "next_step_at"])


def _free(budget: Budget, findings: Sequence[Finding], now: datetime) -> list[Finding]:
    """Leave out what is open or not re-armed, and what is cooling down."""
    wanted = [(budget.pk, one.key, one.period_starts_at) for one in findings]
    held = set(_held(budget.organization_id, wanted).values_list(*_KEY))
    free = [one for one, key in zip(findings, wanted, strict=True) if key not in held]
    cooling = [one.key for one in free if one.cooldown_s]
    if not cooling:
        return free
    last = dict(
        Alert.objects.filter(
            organization=budget.organization_id, budget=budget, key__in=cooling
        )
        .order_by()
        .values_list("key")
        .annotate(Max("fired_at"))
    )
    return [
        one
        for one in free
        if one.key not in last
        or not one.cooldown_s
        or last[one.key] + timedelta(seconds=one.cooldown_s) <= now
    ]


def _alert(budget: Budget, finding: Finding, now: datetime, steps: list[Step]) -> Alert:
    return Alert(
        organization_id=budget.organization_id,
        budget=budget,
        key=finding.key,
        period_starts_at=finding.period_starts_at,
        period_ends_at=finding.period_ends_at,
        rule_id=finding.rule_id,
        type=finding.type,
        severity=finding.severity,
        threshold=finding.threshold,
        value=finding.value,
        spent=finding.spent,
        limit=finding.limit,
        message=finding.message[:500],
        details=finding.details,
        fired_at=now,
        steps=steps,
        next_step_at=next_at(steps, 0),
    )


def _record_fired(made: Sequence[Alert], now: datetime) -> None:
    first = made[0]
    AlertEvent.objects.bulk_create(
        event_of(
            alert,
            AlertEvent.Kind.FIRED,
            now,
            text=""
            if alert.steps
            else f"Passed together with what is told: {first.message}",
        )
        for alert in made
    )
