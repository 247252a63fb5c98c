"""Budgets in the admin: the tree, the form, and what is only read."""

from decimal import Decimal
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.html import format_html

from accounts.access import visible_to
from accounts.scopes import Scope
from accounts.tenants import (
    OrganizationFilter,
    ReadOnlyAdmin,
    TenantHistoryAdmin,
    person,
)
from budgets.models import Backfill, Budget, BudgetPeriod, Coverage
from console.budgets.form_page import (
    add_page,
    change_page,
    preview_part,
    progress_part,
)
from console.budgets.move_page import archive_page, move_page
from console.budgets.tree_page import conflicts_part, tree_page
from console.pages import Pages, row_of
from ledger.admin import CostRecordAdmin
from ledger.lists import count_column, money_column
from lib.humanize import stretch
from lib.money import format_percent
from lib.periods import Window


@admin.register(Budget)
class BudgetAdmin(Pages, TenantHistoryAdmin):
    """The tree in place of a list, and pages of its own; nothing is ever deleted."""

    heads_to_list = False
    # Further pages of a budget, from the floors above: label, and name of the URL.
    tools: ClassVar[list[tuple[str, str]]] = []
    write_scope = Scope.BUDGETS_WRITE
    search_fields = ("name",)
    fields = (
        *("organization", "name", "parent", "owner", "note", "scope", "amount"),
        *("currency", "period", "timezone", "starts_at", "ends_at"),
        *("warning_threshold", "critical_threshold", "alerts", "enforcement"),
        *("rollover_mode", "rollover_cap"),
    )

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("tree/", tree_page, "tree"),
            self.url("conflicts/", conflicts_part, "conflicts"),
            self.url("preview/", preview_part, "preview"),
            self.url("<int:budget_id>/progress/", progress_part, "progress"),
            self.url("<int:budget_id>/move/", move_page, "move"),
            self.url("<int:budget_id>/archive/", archive_page, "archive"),
            *super().get_urls(),
        ]

    def page(self, request: HttpRequest, **context: Any) -> dict[str, Any]:
        return super().page(request, tools=self.tools, **context)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        return redirect("admin:budgets_budget_tree")

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return add_page(request, self)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        return change_page(request, self, object_id)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields  # a past version is read, whoever reads it


@admin.register(BudgetPeriod)
class BudgetPeriodAdmin(ReadOnlyAdmin):
    list_filter = (OrganizationFilter, "closed_at")
    list_select_related = ("budget",)
    search_fields = ("budget__name",)
    ordering = ("-starts_at", "budget")
    sortable_by = ()
    fields = (
        *("budget", "starts_at", "ends_at", "amount", "carried_over", "adjusted"),
        *("spent", "reserved", "late_spend", "requests", "unpriced_requests"),
        "closed_at",
    )

    def get_list_display(self, request: HttpRequest) -> Any:
        def amount(field: str, label: str) -> Any:
            return money_column(field, label, _currency_of, request)

        return (
            *("budget", "days"),
            amount("limit", "Limit"),
            amount("spent", "Spent"),
            amount("reserved", "Reserved"),
            amount("carried_over", "Carried over"),
            count_column("requests", "Requests"),
            "state",
        )

    @admin.display(description="period")
    def days(self, obj: BudgetPeriod) -> str:
        window = Window(obj.starts_at, obj.ends_at)
        return stretch(window, ZoneInfo(obj.budget.timezone))

    @admin.display(description="state")
    def state(self, obj: BudgetPeriod) -> str:
        return "closed" if obj.closed_at else "open"


def _currency_of(period: BudgetPeriod) -> str:
    return period.budget.currency


@admin.register(Backfill)
class BackfillAdmin(ReadOnlyAdmin):
    list_display = ("organization", "progress", "counted", "created_at")
    list_filter = (OrganizationFilter,)
    list_select_related = ("organization",)
    fields = ("organization", "progress", "counted", "done_until", "until")

    @admin.display(description="progress")
    def progress(self, obj: Backfill) -> str:
        return format_html(
            '<progress max="1" value="{}"></progress> {}',
            f"{obj.share_done:.3f}",
            format_percent(Decimal(str(obj.share_done))),
        )

    @admin.display(description="records")
    def counted(self, obj: Backfill) -> str:
        return f"{obj.done:,} of about {obj.total:,}"


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


CostRecordAdmin.list_filter.append(ChargedFilter)
