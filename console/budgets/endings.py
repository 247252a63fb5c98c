"""What a period comes to, beside the form that changes its budget."""

from datetime import datetime

from budgets.figures import Position, Status
from budgets.models import Budget
from console.budgets.tree import Outline
from forecasts.endings import endings_of


def foreseen(
    budget: Budget, position: Position, status: Status, now: datetime
) -> Status:
    """Return *status* with what is forecast in place of the run rate. One query."""
    if now not in position.window:
        return status
    endings = endings_of(budget.organization, {budget: position}, now)
    return status.ending_at(endings[budget.pk])


def ending_words(status: Status, how: str, currency: str, outline: Outline) -> str:
    """Say what it comes to; *how*: "It is expected to end". "": that is not known."""
    if status.status == "EXCEEDED":
        over = outline.money(-status.remaining_budget, currency)
        return f"That is {over} more than the amount."
    if not status.projected_spend:
        return ""
    ends = outline.money(status.projected_spend, currency)
    if status.projected_overrun:
        over = outline.money(status.projected_overrun, currency)
        return f"{how} at {ends}, {over} over the amount."
    return f"{how} at {ends}, inside the amount."
