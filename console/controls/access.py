"""Who may change what guards a budget."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts.permissions import Action
from accounts.tenants import person
from budgets.models import Budget
from budgets.permissions import may


def may_write(
    request: HttpRequest, budget: Budget, action: Action = Action.GUARD
) -> bool:
    """Tell whether the person may do *action* to what guards *budget*."""
    if budget.archived_at is not None:
        return False
    return may(person(request), action, budget)


def require_write(
    request: HttpRequest, budget: Budget, action: Action = Action.GUARD
) -> None:
    """Refuse who may not do *action* to what guards *budget*.

    Raises:
        PermissionDenied: it is not theirs to do, or the budget is archived.
    """
    if not may_write(request, budget, action):
        raise PermissionDenied
