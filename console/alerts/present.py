"""Where the budget of an alert stands by now, beside what it was when it fired."""

from collections.abc import Iterable
from datetime import datetime

from alerts.models import Alert
from budgets.models import Budget
from budgets.status import BudgetStatus, statuses
from lib.money import format_money, format_percent


def standing_of(alerts: Iterable[Alert], now: datetime) -> dict[int, BudgetStatus]:
    """Return where the budgets stand in the periods of their *alerts*, by id.

    What is about a period that is over is left out. Two or three queries for each
    organization.
    """
    present = {
        alert.budget_id: alert
        for alert in alerts
        if alert.period_starts_at <= now < alert.period_ends_at
    }
    found: dict[int, BudgetStatus] = {}
    for organization in {alert.organization for alert in present.values()}:
        budgets: list[Budget] = [
            alert.budget
            for alert in present.values()
            if alert.organization_id == organization.pk
        ]
        found |= statuses(budgets, organization, at=now)
    return {
        pk: one
        for pk, one in found.items()
        if one.window.start == present[pk].period_starts_at
    }


def now_words(found: BudgetStatus, locale: str) -> str:
    """Say what is spent by now: "$22,712.71 of $15,000.00, 151 %"."""
    status, currency = found.status, found.budget.currency
    spent = format_money(status.total_spend, currency, locale)
    text = f"{spent} of {format_money(status.limit, currency, locale)}"
    if status.utilization is None:
        return text
    return f"{text}, {format_percent(status.utilization, locale)}"
