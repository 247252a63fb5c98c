"""Channels in the admin."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from accounts.access import organizations_of
from accounts.models import Organization
from accounts.permissions import Action, may_somewhere
from accounts.scopes import Scope
from accounts.tenants import OrganizationFilter, TenantHistoryAdmin, person
from accounts.versions import seen_by
from console.notifications.channel_pages import (
    preview_page,
    rotate_page,
    secret_page,
    send_test,
    types_page,
)
from console.notifications.forms import FORMS
from console.notifications.outcomes import outcome_of
from console.notifications.outsiders import warn_of_outsiders
from console.notifications.preview import preview_of
from console.notifications.wording import (
    PURPOSES,
    channel_state,
    delivery_state,
    destination,
)
from console.pages import Pages
from console.templatetags.console import since
from notifications.admin import PrefilledAdmin
from notifications.channels import Saved, delete_channel, service_trouble
from notifications.models import Channel, ChannelType, Delivery
from notifications.permissions import may_rewire, may_set_up

_SHOWN = 5  # deliveries on a channel's page


@admin.register(Channel)
class ChannelAdmin(Pages, PrefilledAdmin, TenantHistoryAdmin):
    """One form for each type; what is secret goes in and never comes out."""

    write_scope = Scope.ALERTS_WRITE
    may_delete = True
    list_display = ("name", "kind", "goes_to", "state", "last")
    list_filter = (("type", ChoicesDropdownFilter), OrganizationFilter)
    list_select_related = ("organization",)
    search_fields = ("name",)
    list_before_template = "console/notifications/no_channels.html"
    change_form_outer_before_template = "console/notifications/channel_top.html"
    change_form_after_template = "console/notifications/channel_preview.html"
    change_form_outer_after_template = "console/notifications/channel_deliveries.html"

    class Media:
        css: ClassVar = {"all": ["console/notifications.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Channel]:
        latest = Delivery.objects.filter(channel=OuterRef("pk")).order_by("-pk")[:1]
        rows: QuerySet[Channel] = super().get_queryset(request)
        return rows.annotate(
            last_state=Subquery(latest.values("state")),
            last_tries=Subquery(latest.values("tries")),
            last_at=Subquery(latest.values("created_at")),
        )

    def _may(self, request: HttpRequest, scope: str | None, row: Any) -> bool:
        allowed = super()._may(request, scope, row)
        if not allowed or scope != self.write_scope:
            return allowed
        if row is None:
            return may_somewhere(person(request), Action.REWIRE)
        return may_rewire(person(request), row)

    def writable_organizations(self, request: HttpRequest) -> QuerySet[Organization]:
        someone = person(request)
        mine = organizations_of(someone)
        return mine.filter(pk__in=[one.pk for one in mine if may_set_up(someone, one)])

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("preview/", preview_page, "preview"),
            self.url("<int:channel_id>/test/", send_test, "test"),
            self.url("<int:channel_id>/rotate/", rotate_page, "rotate"),
            *super().get_urls(),
        ]

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Ask for the type first: each has fields of its own."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        kind = request.GET.get("type", "")
        if kind not in FORMS:
            return types_page(request, self)
        title = f"Set up a channel: {ChannelType(kind).label}"
        shown = {"title": title, **self._preview_context(request, kind, None)}
        return super().add_view(request, form_url, shown)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        channel = self.get_object(request, object_id)
        shown: dict[str, Any] = {}
        if channel is not None:
            rows = Delivery.objects.filter(channel=channel)
            place = reverse("admin:notifications_delivery_changelist")
            shown = {
                "may_send": self.has_change_permission(request, channel),
                "trouble": service_trouble(channel) if channel.enabled else "",
                "outcome": outcome_of(request, rows),
                "is_webhook": channel.type == ChannelType.WEBHOOK,
                "deliveries": [
                    (one, delivery_state(one.state, one.tries)) for one in rows[:_SHOWN]
                ],
                "all_deliveries": f"{place}?channel={channel.pk}",
                **self._preview_context(request, channel.type, channel),
            }
        return super().change_view(request, object_id, form_url, shown)

    def _preview_context(
        self, request: HttpRequest, kind: str, channel: Channel | None
    ) -> dict[str, Any]:
        if not self._may(request, self.write_scope, channel):
            return {}
        typed = request.POST.get("template")
        return {
            "kind": kind,
            "preview": preview_of(
                kind, channel.template if typed is None and channel else typed or ""
            ),
        }

    def get_form(
        self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        if obj is None or self.has_change_permission(request, obj):
            kwargs["form"] = FORMS[obj.type if obj else request.GET["type"]]
        return super().get_form(request, obj, *args, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            shown = ("organization", "name", "kind", "goes_to", "state", "worded")
            return [(None, {"fields": shown})]
        kind = obj.type if obj else request.GET["type"]
        about = {"description": PURPOSES[kind]}
        return [
            (None, {"fields": ("organization", "name", "enabled")}),
            (ChannelType(kind).label, {"fields": FORMS[kind].keys, **about}),
            ("Wording", {"fields": ("template",)}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        told = ("kind", "goes_to", "state", "worded") if obj else ()
        return (*super().get_readonly_fields(request, obj), *told)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        request.META["costops.saved"] = form.saved
        if obj.type == ChannelType.EMAIL:
            people = form.saved.channel.config.get("recipients", [])
            warn_of_outsiders(request, obj.organization_id, people)

    def delete_model(self, request: HttpRequest, obj: Channel) -> None:
        delete_channel(obj, seen=seen_by(request.POST))

    def response_add(
        self, request: HttpRequest, obj: Channel, post_url_continue: str | None = None
    ) -> HttpResponse:
        saved: Saved = request.META.pop("costops.saved")
        if saved.made_secret:
            return secret_page(request, self, saved, "The channel is set up")
        messages.success(
            request, f"“{obj}” is set up. Send a test message to see that it works."
        )
        return redirect("admin:notifications_channel_change", obj.pk)

    @admin.display(description="type", ordering="type")
    def kind(self, obj: Channel) -> str:
        return ChannelType(obj.type).label

    @admin.display(description="goes to")
    def goes_to(self, obj: Channel) -> str:
        return destination(obj)

    @admin.display(description="state", ordering="enabled")
    def state(self, obj: Channel) -> SafeString:
        return channel_state(obj)

    @admin.display(description="wording")
    def worded(self, obj: Channel) -> str:
        return "a template of its own" if obj.template else "our own"

    @admin.display(description="last message")
    def last(self, obj: Any) -> str:
        if obj.last_at is None:
            return "none yet"
        return format_html(
            "{} {}",
            delivery_state(obj.last_state, obj.last_tries),
            since(obj.last_at),
        )
