"""Periods and backfills in the admin: what is only read."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.tenants import OrganizationFilter, ReadOnlyAdmin
from budgets.models import Backfill, BudgetPeriod
from ledger.lists import count_column, money_column
from lib.humanize import stretch
from lib.money import format_percent
from lib.periods import Window


@admin.register(BudgetPeriod)
class BudgetPeriodAdmin(ReadOnlyAdmin):
    empty_words = (
        "A budget's period opens with its first usage, or when its first day begins. "
        "What it may spend, and has spent, stands here, also once it is over."
    )
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
