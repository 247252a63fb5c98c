"""The budgets that the guardrails of one concern: above it and below it."""

from budgets.models import Budget


def path_to(budget: Budget) -> list[Budget]:
    """Return the budgets above *budget*, the topmost first, and itself. One query, or
    none where nothing is above it."""
    return [*budget.get_ancestors(), budget] if budget.parent_id else [budget]


def below(budget: Budget) -> int:
    """Return how many budgets in use are below it."""
    return int(budget.get_descendants().filter(archived_at=None).count())


def of_and_below(budget: Budget, count: int) -> str:
    """Say whom it concerns: "ML Team and the 2 budgets below it"."""
    if not count:
        return budget.name
    budgets = "budget" if count == 1 else f"{count} budgets"
    return f"{budget.name} and the {budgets} below it"
