"""Who owns a budget, itself or by one above it, and is told what happens to it."""

from collections.abc import Sequence

from accounts.people import finance_admins
from budgets.models import Budget


def path_of(budget: Budget) -> tuple[Budget, ...]:
    """Return *budget* and those above it, the root last, each with its owner."""
    rows = budget.get_ancestors(ascending=True, include_self=True)
    return tuple(rows.select_related("owner"))


def usual_recipients(path: Sequence[Budget]) -> tuple[str, ...]:
    """Return the mail address of whoever owns the first of *path* that is owned.

    Where nobody does: of those who look after the organization's money.
    """
    for budget in path:
        if budget.owner is not None and budget.owner.is_active:
            return (budget.owner.email,)
    return finance_admins(path[0].organization_id)
