"""What the pages of guardrails have in common."""

from collections.abc import Iterable
from typing import Any, Protocol

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from accounts.access import organizations_of
from accounts.scopes import Scope
from accounts.tenants import may, person
from budgets.models import Budget
from budgets.paths import Way


class Pages(Protocol):
    """What these pages need of the admin that shows them."""

    def page(self, request: HttpRequest, **context: Any) -> dict[str, Any]: ...


def budgets_of(request: HttpRequest) -> QuerySet[Budget]:
    """Return the budgets that the person may see."""
    mine: QuerySet[Budget] = Budget.objects.filter(
        organization__in=organizations_of(person(request))
    )
    return mine.select_related("organization")


def budget_or_404(request: HttpRequest, budget_id: int | str) -> Budget:
    text = str(budget_id)
    known = text.isdecimal() and len(text) < 19
    found = budgets_of(request).filter(pk=text).first() if known else None
    if found is None:
        raise Http404("There is no such budget.")
    return found


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


def path_to(budget: Budget) -> list[Budget]:
    """Return the budgets above *budget*, the topmost first, and itself. One query, or
    none where nothing is above it."""
    return [*budget.get_ancestors(), budget] if budget.parent_id else [budget]


def way_of(path: Iterable[Budget]) -> Way:
    return [(one.pk, one.name) for one in path]


def path_words(way: Way) -> str:
    return " / ".join(name for _, name in way)


def below(budget: Budget) -> int:
    """Return how many budgets in use are below it."""
    return int(budget.get_descendants().filter(archived_at=None).count())


def of_and_below(budget: Budget, count: int) -> str:
    """Say whom it concerns: "ML Team and the 2 budgets below it"."""
    if not count:
        return budget.name
    budgets = "budget" if count == 1 else f"{count} budgets"
    return f"{budget.name} and the {budgets} below it"
