"""What a message says of an alert's period: figures as it fired, or as they are now."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from alerts.models import Alert, RuleType
from budgets.status import BudgetStatus, statuses
from budgets.thresholds import Basis
from forecasts.endings import with_endings
from lib.money import share


@dataclass(frozen=True, slots=True)
class AlertFigures:
    """What a message says of the alert's period; money in the budget's currency."""

    spent: Decimal
    limit: Decimal
    projected: Decimal | None  # None: the period is over
    reserved: Decimal | None = None  # None: the alert is not about it

    @property
    def used(self) -> Decimal | None:
        return share(self.spent + (self.reserved or Decimal(0)), self.limit)


def figures_of(
    alert: Alert, event: str, now: datetime, status: BudgetStatus | None = None
) -> AlertFigures:
    """Return the figures to tell: at the start those that it fired with."""
    reserved = _reserved(alert)
    if not alert.period_starts_at <= now < alert.period_ends_at:
        return AlertFigures(alert.spent, alert.limit, None, reserved)
    found = status or _standing(alert, now)
    status_now = found.status
    if event == "fired" or not _is_of(alert, found):
        projected = _projected(alert) or status_now.projected_spend
        return AlertFigures(alert.spent, alert.limit, projected, reserved)
    return AlertFigures(
        status_now.total_spend,
        status_now.limit,
        status_now.projected_spend,
        None if reserved is None else status_now.reserved,
    )


def _reserved(alert: Alert) -> Decimal | None:
    """Return what was set aside when it fired; None: it is not about that."""
    return _number(alert, "reserved") if alert.basis == Basis.COMMITTED else None


def _projected(alert: Alert) -> Decimal | None:
    """Return what the forecast was that it fired by; None: it is about none."""
    is_of_one = alert.type == RuleType.FORECAST or alert.basis == Basis.FORECAST
    return _number(alert, "projected") if is_of_one else None


def _number(alert: Alert, name: str) -> Decimal | None:
    number = (alert.details.get("numbers") or {}).get(name)
    return None if number is None else Decimal(str(number))


def _standing(alert: Alert, now: datetime) -> BudgetStatus:
    found = statuses([alert.budget], alert.organization, at=now)
    return with_endings(alert.organization, found, now)[alert.budget_id]


def _is_of(alert: Alert, found: BudgetStatus) -> bool:
    return found.window.start == alert.period_starts_at
