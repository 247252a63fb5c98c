"""Makers of rules, policies and alerts, for tests of whatever shows them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from alerts.models import (
    Alert,
    AlertRule,
    EscalationPolicy,
    MaintenanceWindow,
    RuleType,
    usual_window,
)
from alerts.services import observe, raise_alert
from alerts.types import Finding
from budgets.charging import Charging
from budgets.models import Budget, BudgetPeriod
from budgets.status import statuses
from budgets.types import Crossing

NOVEMBER = datetime(2026, 11, 10, 12, tzinfo=UTC)


def make_rule(
    budget: Budget, kind: str = RuleType.VELOCITY, **values: Any
) -> AlertRule:
    values = {"window": usual_window(kind), **values}
    return AlertRule.objects.create(
        organization=budget.organization, budget=budget, type=kind, **values
    )


def level(minutes: int, *recipients: str, **more: Any) -> dict[str, Any]:
    """Return a level of a ladder, by mail."""
    return {
        "delay": minutes * 60,
        "recipients": list(recipients),
        "channels": ["email"],
        "hours": None,
        **more,
    }


def make_policy(
    budget: Budget, *levels: dict[str, Any], **values: Any
) -> EscalationPolicy:
    return EscalationPolicy.objects.create(
        organization=budget.organization,
        budget=budget,
        levels=list(levels)
        or [level(0, "lead@acme.example"), level(30, "cto@acme.example")],
        **values,
    )


def silence(budget: Budget, reason: str = "Load test") -> MaintenanceWindow:
    """Keep what is told of *budget* back for this hour and the next."""
    return MaintenanceWindow.objects.create(
        organization=budget.organization,
        budget=budget,
        starts_at=ago(hours=1),
        ends_at=ago(hours=-1),
        reason=reason,
    )


def fire(budget: Budget, *, now: datetime | None = None, **values: Any) -> Alert:
    """Raise an alert of *budget*, as of *now*: 80 % of its limit by default."""
    now = now or timezone.now()
    (found,) = statuses([budget], budget.organization, at=now).values()
    limit = found.status.limit
    share = values.pop("threshold", Decimal("0.8"))
    spent = values.pop("spent", limit * (share or Decimal("0.5")))
    sentence = f"{budget.name} has spent ${spent:,.2f} of ${limit:,.2f}."
    finding = Finding(
        **{
            "rule_id": None,
            "key": f"threshold:{share}",
            "type": RuleType.THRESHOLD,
            "severity": "warning",
            "threshold": share,
            "value": share or Decimal("0.5"),
            "spent": spent,
            "limit": limit,
            "period_starts_at": found.window.start,
            "period_ends_at": found.window.end,
            "message": sentence,
            "details": {"sentence": sentence},
            **values,
        }
    )
    alert = raise_alert(budget.organization, budget, finding, now=now)
    assert alert is not None
    return alert


def cross(budget: Budget, spent: str, *shares: str, now: datetime = NOVEMBER) -> None:
    """Pass *shares* of the limit, as charging notices it."""
    period = _period(budget)
    BudgetPeriod.objects.filter(pk=period).update(spent=Decimal(spent))
    crossings = [
        Crossing(budget.pk, period, Decimal(share), Decimal(spent), budget.amount)
        for share in shares
    ]
    observe(budget.organization_id, crossings, now=now)


def _period(budget: Budget) -> int:
    charging = Charging(budget.organization)
    window = charging.index.budgets[budget.pk].window_at(NOVEMBER)
    period, _ = BudgetPeriod.objects.get_or_create(
        organization=budget.organization,
        budget=budget,
        starts_at=window.start,
        defaults={"ends_at": window.end, "amount": budget.amount},
    )
    return period.pk


def ago(**length: float) -> datetime:
    return timezone.now() - timedelta(**length)
