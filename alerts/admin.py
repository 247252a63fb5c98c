"""Silences and usual days in the admin; the pages of alerts are in the console."""

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.utils import timezone

from accounts.columns import money_column
from accounts.meanwhile import VersionedForm
from accounts.permissions import Action
from accounts.scopes import Scope
from accounts.tenants import OrganizationFilter, ReadOnlyAdmin, TenantHistoryAdmin
from alerts.models import MaintenanceWindow, NotAnAnomaly
from budgets.tenants import OfBudgetAdmin
from lib.humanize import clock, lasting


class MaintenanceForm(VersionedForm):
    class Meta:
        model = MaintenanceWindow
        fields = ("organization", "budget", "starts_at", "ends_at", "reason")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        starts_at, ends_at = cleaned.get("starts_at"), cleaned.get("ends_at")
        if starts_at and ends_at and ends_at <= starts_at:
            self.add_error("ends_at", "Must be after it starts.")
        budget = cleaned.get("budget")
        kept = self.instance.organization if self.instance.pk else None
        organization = cleaned.get("organization") or kept
        if budget and organization and budget.organization_id != organization.pk:
            self.add_error("budget", f"Must be a budget of {organization}.")
        return cleaned


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(OfBudgetAdmin, TenantHistoryAdmin):
    write_scope = Scope.ALERTS_WRITE
    write_action = Action.WATCH
    empty_words = (
        "Before a load test or a migration, say here for how long nobody is to be told "
        "anything: alerts fire all the same, and wait in the inbox."
    )
    may_delete = True
    form = MaintenanceForm
    list_display = ("reason", "whom", "begins", "ends", "state", "created_by")
    list_filter = (OrganizationFilter,)
    list_select_related = ("organization", "budget")
    search_fields = ("reason", "budget__name")
    autocomplete_fields = ("budget",)
    fieldsets = (
        (
            None,
            {
                "fields": ("organization", "budget", "starts_at", "ends_at", "reason"),
                "description": "While it lasts nobody is told anything of these "
                "budgets, by any step: alerts fire, and wait in the inbox. "
                "Times are UTC.",
            },
        ),
    )

    @admin.display(description="silences", ordering="budget__name")
    def whom(self, obj: MaintenanceWindow) -> str:
        return str(obj.budget or f"All of {obj.organization}")

    @admin.display(description="from (UTC)", ordering="starts_at")
    def begins(self, obj: MaintenanceWindow) -> str:
        return clock(obj.starts_at, ZoneInfo("UTC"))

    @admin.display(description="until (UTC)", ordering="ends_at")
    def ends(self, obj: MaintenanceWindow) -> str:
        return clock(obj.ends_at, ZoneInfo("UTC"))

    @admin.display(description="state", ordering="ends_at")
    def state(self, obj: MaintenanceWindow) -> str:
        now = timezone.now()
        if obj.ends_at <= now:
            return "over"
        if obj.starts_at > now:
            return f"begins in {lasting(obj.starts_at - now)}"
        return f"silent for another {lasting(obj.ends_at - now)}"


@admin.register(NotAnAnomaly)
class NotAnAnomalyAdmin(OfBudgetAdmin, ReadOnlyAdmin):
    """Days and hours that somebody said were fine; deleted, they are so no more."""

    write_scope = Scope.ALERTS_WRITE
    write_action = Action.ANSWER
    empty_words = (
        "When an alert of an unusual day, or hour, is answered with “Not an anomaly”, "
        "it stands here, and such as it raise no alert. Deleted, they do again."
    )
    may_delete = True
    currency_path = "budget__currency"
    list_display = (
        *("budget", "day", "hour"),
        money_column("amount", "Amount", "budget__currency"),
        *("said_by", "said_at"),
    )
    list_filter = (OrganizationFilter,)
    list_select_related = ("budget",)
    search_fields = ("budget__name", "said_by")
    ordering = ("-day", "-pk")
    fields = ("budget", "day", "hour", "amount", "said_by", "said_at")

    @admin.display(description="hour")
    def hour(self, obj: NotAnAnomaly) -> str:
        """Say which hour of the day it is; "": all of it."""
        if obj.hour_at is None:
            return ""
        local = obj.hour_at.astimezone(ZoneInfo(obj.budget.timezone))
        return f"from {local:%H:%M} on"
