"""Who may change what guards a budget."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts.scopes import Scope
from accounts.tenants import may
from budgets.models import Budget


def may_write(request: HttpRequest, budget: Budget) -> bool:
    """Tell whether the person may change what guards *budget*."""
    allowed = may(request, Scope.BUDGETS_WRITE, budget.organization)
    return allowed and budget.archived_at is None


def require_write(request: HttpRequest, budget: Budget) -> None:
    """Refuse who may not change what guards *budget*.

    Raises:
        PermissionDenied: their role allows it not, or the budget is archived.
    """
    if not may_write(request, budget):
        raise PermissionDenied
