"""Alerts that begin: what was crossed, what may fire, who is told."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby

from django.db.models import Max, QuerySet

from alerts.detections import facts_of_period, finding_of
from alerts.events import event_of
from alerts.models import Alert, AlertEvent
from alerts.policies import Oversight, oversights_of
from alerts.ruleset import ruleset_for
from alerts.schedule import ESCALATE, plan_first
from alerts.shares import evaluate_share
from alerts.steps import freeze_steps
from alerts.types import EffectiveRule, Finding
from budgets.models import Budget, BudgetPeriod
from budgets.thresholds import Basis
from budgets.types import Crossing
from lib.periods import Window
from lib.queue import enqueue_once
from notifications.steps import LadderStep, next_at

_WHOLE = Decimal(1)
_Key = tuple[int, str, datetime]  # budget, key, start of the period
_Found = tuple[Budget, Sequence[Finding]]


def rules_of(
    budgets: Iterable[Budget],
) -> Mapping[tuple[int, Decimal], EffectiveRule]:
    """Return the thresholds by which what *budgets* spend is watched.

    A query for each level above.
    """
    chosen = list(budgets)
    ruleset = ruleset_for(chosen)
    return {
        (budget.pk, rule.threshold or _WHOLE): rule
        for budget in chosen
        for rule in ruleset.thresholds(budget)
        if rule.basis is Basis.SPENT
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
    match = evaluate_share(rule, facts)
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
    return raise_all([(budget, findings)], now=now)


def raise_all(found: Iterable[_Found], *, now: datetime) -> list[Alert]:
    """Raise the alerts of many budgets, all of one organization.

    As `raise_alerts` of each, in as many queries for thousands as for one: a query for
    each level of the tree, about ten more, and what the database takes at a time.
    """
    free = _free(list(found), now)
    if not free:
        return []
    oversights = oversights_of(budget for budget, _ in free)
    steps = {
        budget.pk: _steps(oversights[budget.pk], findings, now)
        for budget, findings in free
    }
    alerts = [
        _alert(budget, finding, now, steps[budget.pk] if place == 0 else [])
        for budget, findings in sorted(free, key=lambda one: one[0].pk)
        for place, finding in enumerate(findings)
    ]
    made = _insert(alerts)
    if made:
        _record_fired(made, steps, now)
        enqueue_once(ESCALATE)
        plan_first([alert.steps for alert in made], now)
    return made


def _insert(alerts: Sequence[Alert]) -> list[Alert]:
    """Insert those of *alerts* that no other keeps from it; return them, in order."""
    Alert.objects.bulk_create(alerts, ignore_conflicts=True)
    rows = Alert.objects.filter(uid__in=[alert.uid for alert in alerts])
    ids = dict(rows.order_by().values_list("uid", "pk"))
    made = [alert for alert in alerts if alert.uid in ids]
    for alert in made:
        alert.pk = ids[alert.uid]
    return made


def _steps(
    oversight: Oversight, findings: Sequence[Finding], now: datetime
) -> list[LadderStep]:
    told = [(one.channels, one.recipients) for one in findings]
    return freeze_steps(oversight, told, now=now)


def _free(found: Sequence[_Found], now: datetime) -> list[_Found]:
    """Leave out what is open or not re-armed, and what is cooling down."""
    if not any(findings for _, findings in found):
        return []
    organization_id = found[0][0].organization_id
    keys = [_key(budget, one) for budget, findings in found for one in findings]
    held = set(_held(organization_id, keys).values_list(*_KEY))
    last = _last_fired(found)

    def is_free(budget: Budget, one: Finding) -> bool:
        fired_at = last.get((budget.pk, one.key)) if one.cooldown_s else None
        cools = timedelta(seconds=one.cooldown_s)
        is_cooling = fired_at is not None and fired_at + cools > now
        return _key(budget, one) not in held and not is_cooling

    left = [
        (budget, [one for one in findings if is_free(budget, one)])
        for budget, findings in found
    ]
    return [(budget, findings) for budget, findings in left if findings]


def _key(budget: Budget, finding: Finding) -> _Key:
    return budget.pk, finding.key, finding.period_starts_at


def _last_fired(found: Sequence[_Found]) -> dict[tuple[int, str], datetime]:
    """Return when what cools down fired last, by budget and key."""
    cooling = {
        (budget.pk, one.key)
        for budget, findings in found
        for one in findings
        if one.cooldown_s
    }
    if not cooling:
        return {}
    rows = Alert.objects.filter(
        organization=found[0][0].organization_id,
        budget__in={budget_id for budget_id, _ in cooling},
        key__in={key for _, key in cooling},
    )
    last = rows.order_by().values_list("budget_id", "key").annotate(Max("fired_at"))
    return {(budget_id, key): fired_at for budget_id, key, fired_at in last}


def _alert(
    budget: Budget, finding: Finding, now: datetime, steps: list[LadderStep]
) -> Alert:
    return Alert(
        organization_id=budget.organization_id,
        budget=budget,
        key=finding.key,
        period_starts_at=finding.period_starts_at,
        period_ends_at=finding.period_ends_at,
        rule_id=finding.rule_id,
        type=finding.type,
        basis=finding.basis,
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


def _record_fired(
    made: Sequence[Alert], steps: Mapping[int, list[LadderStep]], now: datetime
) -> None:
    events: list[AlertEvent] = []
    for budget_id, group in groupby(made, key=lambda alert: alert.budget_id):
        own = list(group)
        if not any(alert.steps for alert in own):  # another was quicker with the first
            _hand_over(own[0], steps[budget_id])
        beside = f"Passed together with what is told: {own[0].message}"
        events += [
            event_of(
                alert, AlertEvent.Kind.FIRED, now, text="" if alert.steps else beside
            )
            for alert in own
        ]
    AlertEvent.objects.bulk_create(events)


def _hand_over(alert: Alert, steps: list[LadderStep]) -> None:
    alert.steps, alert.next_step_at = steps, next_at(steps, 0)
    alert.save(update_fields=["steps", "next_step_at"])
