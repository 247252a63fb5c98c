"""Lists of what belongs to one budget."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, Q, QuerySet
from django.http import HttpRequest

from accounts.access import visible_to
from accounts.tenants import person
from budgets.models import Budget
from console.pages import row_of


class BudgetFilter(admin.SimpleListFilter):
    """What belongs to one budget: `?budget=ID`, where links lead."""

    title = "budget"
    parameter_name = "budget"
    template = "console/budgets/budget_filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        asked = self.value() or ""
        budgets = visible_to(person(request), Budget.objects.all())
        self.budget = row_of(budgets, asked)
        return []

    def has_output(self) -> bool:
        return self.value() is not None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        if self.budget is None:
            return queryset.none()
        mine = queryset.filter(organization=self.budget.organization_id)
        return mine.filter(self.belongs(self.budget))

    def belongs(self, budget: Budget) -> Q | Exists:
        """Return what is true of the rows that belong to *budget*."""
        raise NotImplementedError

    def choices(self, changelist: Any) -> Any:
        without = changelist.get_query_string(remove=["budget"])
        yield {"budget": self.budget, "without": without}
