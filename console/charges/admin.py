"""Fixed charges in the admin: a list, a form to keep one, and a page of each."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from accounts.columns import NONE, money_column, money_words
from accounts.scopes import Scope
from accounts.tenants import OrganizationFilter, ServiceAdmin
from console.charges.form import COPIED, FixedChargeForm
from console.charges.page import (
    STATES,
    charge_page,
    days_words,
    end_page,
    today_of,
)
from console.pages import Pages
from console.templatetags.console import status
from ledger.models import FixedCharge
from lib.lookups import row_or_none

_WHO = ("department", "team", "project", "environment", "user", "tags")


@admin.register(FixedCharge)
class FixedChargeAdmin(Pages, ServiceAdmin):
    """Its terms never change: one is ended, or another stands in its place."""

    read_scope = Scope.COSTS_READ
    write_scope = Scope.ADMIN
    form = FixedChargeForm
    currency_path = "currency"
    list_before_template = "console/charges/no_charges.html"
    list_display = (
        *("name", "kind", "of"),
        money_column("amount", "Amount", "currency"),
        *("interval", "days"),
        *("so_far", "still", "state"),
    )
    list_filter = (("kind", ChoicesDropdownFilter), OrganizationFilter)
    list_select_related = ("organization",)
    search_fields = ("name", "provider")
    fieldsets = (
        ("What", {"fields": ("organization", "name", "kind", "provider")}),
        ("How much", {"fields": ("amount", "currency", "interval")}),
        ("When, in the organization's zone", {"fields": ("start_date", "last_day")}),
        ("Who pays: budgets are charged by it as by usage", {"fields": _WHO}),
        ("What it pays for", {"fields": ("covers",)}),
        ("Why", {"fields": ("reason", "instead")}),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("<int:fixedcharge_id>/end/", end_page, "end"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        self.let_in(request)
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        return charge_page(request, self, object_id)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Fill in what is to stand instead of another one."""
        initial: dict[str, Any] = {**super().get_changeform_initial_data(request)}
        old = row_or_none(self.get_queryset(request), request.GET.get("instead", ""))
        if old is not None:
            initial |= {name: getattr(old, name) for name in COPIED}
            initial |= {"instead": str(old.uid), "organization": old.organization_id}
        return initial

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        said = f"“{obj}” is kept. Days that have begun are booked within a minute."
        self.message_user(request, said)
        return redirect("admin:ledger_fixedcharge_change", obj.pk)

    @admin.display(description="of")
    def of(self, obj: FixedCharge) -> str:
        where = (obj.department, obj.team, obj.project, obj.user)
        return " / ".join(filter(None, where)) or NONE

    @admin.display(description="days", ordering="start_date")
    def days(self, obj: FixedCharge) -> str:
        return days_words(obj)

    @admin.display(description="booked")
    def so_far(self, obj: FixedCharge) -> SafeString:
        return _money(obj.booked, obj)

    @admin.display(description="to come")
    def still(self, obj: FixedCharge) -> str:
        return "goes on" if obj.to_come is None else _money(obj.to_come, obj)

    @admin.display(description="state")
    def state(self, obj: FixedCharge) -> SafeString:
        return status(*STATES[obj.state_on(today_of(obj))])


def _money(amount: Decimal, charge: FixedCharge) -> SafeString:
    shown = money_words(amount, charge.currency)
    return format_html('<span class="co-num">{}</span>', shown)
