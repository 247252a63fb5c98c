"""Preferences in the admin: when people want mail."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from accounts.scopes import Scope
from accounts.tenants import OrganizationFilter
from console.notifications.forms import PreferenceForm
from console.notifications.showing import PrefilledAdmin
from notifications.models import Preference


@admin.register(Preference)
class PreferenceAdmin(PrefilledAdmin):
    write_scope = Scope.ALERTS_WRITE
    may_delete = True
    form = PreferenceForm
    list_display = ("recipient", "organization", "together", "quiet", "critical")
    list_filter = (("digest", ChoicesDropdownFilter), OrganizationFilter)
    list_select_related = ("organization",)
    search_fields = ("recipient",)
    ordering = ("recipient",)
    fieldsets = (
        (None, {"fields": ("organization", "recipient")}),
        ("Together", {"fields": ("digest",)}),
        (
            "Quiet hours",
            {
                "fields": ("quiet_from", "quiet_until", "timezone"),
                "description": "Mail waits until they end. Both empty: none.",
            },
        ),
        ("What is critical", {"fields": ("critical_at_once",)}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = ("recipient",) if obj else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    @admin.display(description="together", ordering="digest")
    def together(self, obj: Preference) -> str:
        return str(obj.get_digest_display())

    @admin.display(description="quiet hours")
    def quiet(self, obj: Preference) -> str:
        if obj.quiet_from is None or obj.quiet_until is None:
            return "none"
        return f"{obj.quiet_from:%H:%M} to {obj.quiet_until:%H:%M}, {obj.timezone}"

    @admin.display(description="critical at once", boolean=True)
    def critical(self, obj: Preference) -> bool:
        return obj.critical_at_once
