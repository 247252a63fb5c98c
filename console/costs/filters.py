"""Which cost records are listed."""

from django.db.models import Exists, OuterRef, Q

from budgets.models import Budget, Coverage
from console.budgets.filters import BudgetFilter


class ChargedFilter(BudgetFilter):
    """The cost records a budget is charged for."""

    def belongs(self, budget: Budget) -> Q | Exists:
        covered = Coverage.objects.filter(
            budget=budget,
            attribution=OuterRef("attribution"),
            starts_at__lte=OuterRef("timestamp"),
            ends_at__gt=OuterRef("timestamp"),
        )
        return Exists(covered)
