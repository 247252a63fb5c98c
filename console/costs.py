"""The cost records, which can also be those that a budget is charged for."""

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q

from budgets.models import Budget, Coverage
from console.budgets.filters import BudgetFilter
from ledger.admin import CostRecordAdmin
from ledger.models import CostRecord


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


@admin.register(CostRecord)
class ChargedRecordAdmin(CostRecordAdmin):
    list_filter = (*CostRecordAdmin.list_filter, ChargedFilter)
