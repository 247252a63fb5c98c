"""Finding the budget that somebody names."""

from django.db.models import QuerySet

from accounts.access import visible_to
from accounts.types import Caller
from budgets.models import Budget
from lib.lookups import row_or_404


def budgets_of(caller: Caller) -> QuerySet[Budget]:
    """Return the budgets that *caller* may see, with what is told of each."""
    rows = Budget.objects.select_related("organization", "parent", "owner")
    return visible_to(caller, rows)


def budget_or_404(uid: str, caller: Caller) -> Budget:
    """Return the budget *uid*.

    Raises:
        NotFound: there is none that *caller* may see.
    """
    return row_or_404(budgets_of(caller), uid, missing="There is no such budget.")
