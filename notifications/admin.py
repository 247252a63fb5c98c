"""Preferences in the admin: when people want mail; the rest is in the console."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from accounts.models import User
from accounts.scopes import Scope
from accounts.tenants import OrganizationFilter, ServiceAdmin, ServiceForm, person
from lib.errors import Forbidden, Invalid
from notifications.fields import HolidaysField
from notifications.models import Preference
from notifications.permissions import require_preference
from notifications.preferences import set_preference


class PrefilledAdmin(ServiceAdmin):
    """One that does not ask for the organization where there is only one."""

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        mine = self.writable_organizations(request).values_list("pk", flat=True)[:2]
        return initial | ({"organization": mine[0]} if len(mine) == 1 else {})


class PreferenceForm(ServiceForm):
    holds_row = True
    asker: ClassVar[User]  # set by the page that makes the form

    holidays = HolidaysField(help_text="Days, one a line, on which nothing is due.")

    class Meta:
        model = Preference
        fields = (
            *("organization", "recipient", "digest", "critical_at_once"),
            *("quiet_from", "quiet_until", "timezone", "daily_requests"),
            "holidays",
        )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        begin, end = cleaned.get("quiet_from"), cleaned.get("quiet_until")
        if (begin is None) != (end is None):
            missing = "quiet_until" if end is None else "quiet_from"
            self.add_error(missing, "Quiet hours need both times.")
        elif begin is not None and begin == end:
            self.add_error("quiet_until", "Must differ from when they begin.")
        return cleaned

    def serve(self) -> Preference:
        cleaned = dict(self.cleaned_data)
        organization = cleaned.pop("organization", None) or self.instance.organization
        recipient = cleaned.pop("recipient", None) or self.instance.recipient
        try:
            require_preference(self.asker, organization, recipient)
        except Forbidden as refusal:
            raise Invalid.field("recipient", str(refusal)) from refusal
        return set_preference(organization, recipient, **cleaned)


@admin.register(Preference)
class PreferenceAdmin(PrefilledAdmin):
    empty_words = (
        "Everybody is mailed at once. Say here who wants several mails in one, or none "
        "at night; what is critical comes at once all the same, unless they say no."
    )
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
        (
            "Requests for money",
            {
                "fields": ("daily_requests", "holidays"),
                "description": "One mail on working days at 8:00, if any waits. "
                "Reminders come on working days, too, from 8:00 to 18:00.",
            },
        ),
    )

    def get_form(
        self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, *args, **kwargs)
        form.asker = person(request)
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        mine = {"recipient": person(request).email}
        return mine | super().get_changeform_initial_data(request)

    def _may(self, request: HttpRequest, scope: str | None, row: Any) -> bool:
        allowed = super()._may(request, scope, row)
        if row is None or not allowed or scope != self.write_scope:
            return allowed
        try:
            require_preference(person(request), row.organization, row.recipient)
        except Forbidden:
            return False
        return True

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
