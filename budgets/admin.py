"""Periods and backfills in the admin: what is only read."""

from decimal import Decimal
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.utils.html import format_html

from accounts.columns import money_column, number_column
from accounts.tenants import OrganizationFilter, ReadOnlyAdmin
from budgets.models import Backfill, BudgetPeriod
from ledger.addresses import records_address
from lib.humanize import stretch
from lib.money import format_percent
from lib.periods import Window


def _records_of(row: BudgetPeriod) -> str:
    window = Window(row.starts_at, row.ends_at)
    return records_address(row.organization.slug, window, budget=row.budget_id)


@admin.register(BudgetPeriod)
class BudgetPeriodAdmin(ReadOnlyAdmin):
    empty_words = (
        "A budget's period opens with its first usage, or when its first day begins. "
        "What it may spend, and has spent, stands here, also once it is over."
    )
    currency_path = "budget__currency"
    list_display = (
        *("budget", "days"),
        money_column("limit", "Limit", "budget__currency"),
        money_column("spent", "Spent", "budget__currency", door=_records_of),
        money_column("reserved", "Reserved", "budget__currency"),
        money_column("carried_over", "Carried over", "budget__currency"),
        number_column("requests", "Requests"),
        "state",
    )
    list_filter = (OrganizationFilter, "closed_at")
    list_select_related = ("budget", "organization")
    search_fields = ("budget__name",)
    ordering = ("-starts_at", "budget")
    sortable_by = ()
    fields = (
        *("budget", "starts_at", "ends_at", "amount", "carried_over", "adjusted"),
        *("spent", "reserved", "late_spend", "requests", "unpriced_requests"),
        "closed_at",
    )

    @admin.display(description="period")
    def days(self, obj: BudgetPeriod) -> str:
        window = Window(obj.starts_at, obj.ends_at)
        return stretch(window, ZoneInfo(obj.budget.timezone))

    @admin.display(description="state")
    def state(self, obj: BudgetPeriod) -> str:
        return "closed" if obj.closed_at else "open"


@admin.register(Backfill)
class BackfillAdmin(ReadOnlyAdmin):
    empty_words = (
        "When a budget's scope or place changes and there is much history, workers "
        "charge it anew. How far they are stands here; there is nothing to do."
    )
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
