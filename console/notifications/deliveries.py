"""Deliveries in the admin: what was sent to whom, and how that ended."""

from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.paginator import InfinitePaginator

from accounts.access import organizations_of, visible_to
from accounts.scopes import Scope
from accounts.tenants import OrganizationFilter, ReadOnlyAdmin, may, person
from console.notifications.outcomes import SENT, outcome_of, outcome_part
from console.notifications.wording import delivery_state, result_of
from console.pages import Pages, row_of, row_or_404
from console.templatetags.console import since
from lib.errors import Refusal
from lib.humanize import ahead, exact_clock
from notifications import services
from notifications.models import (
    Attempt,
    Channel,
    ChannelType,
    Delivery,
)

_UTC = ZoneInfo("UTC")


class LinkFilter(admin.SimpleListFilter):
    """Not offered, but shown where a link led to it: `?channel=ID`, `?alert=UID`."""

    template = "console/notifications/link_filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.meant = self.find(request, self.value() or "")
        return []

    def find(self, request: HttpRequest, asked: str) -> Any:
        """Return what *asked* stands for, as far as the person may see it."""
        raise NotImplementedError

    def has_output(self) -> bool:
        return self.value() is not None

    def choices(self, changelist: Any) -> Any:
        name = self.parameter_name
        yield {
            "title": self.title,
            "name": name,
            "value": self.value(),
            "meant": self.meant,
            "without": changelist.get_query_string(remove=[name]),
        }


class ChannelFilter(LinkFilter):
    title = "channel"
    parameter_name = "channel"

    def find(self, request: HttpRequest, asked: str) -> Channel | None:
        mine = visible_to(person(request), Channel.objects.all())
        return row_of(mine, asked)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        return queryset.filter(channel=self.meant) if self.meant else queryset.none()


class AlertFilter(LinkFilter):
    title = "alert"
    parameter_name = "alert"

    def find(self, request: HttpRequest, asked: str) -> str:
        return "one alert" if asked else ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        asked = self.value()
        return queryset if asked is None else queryset.filter(subject=asked)


class AttemptInline(TabularInline):
    model = Attempt
    fields = readonly_fields = ("number", "began", "took", "result")
    extra = 0
    can_delete = False
    verbose_name_plural = "attempts"
    hide_title = True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # who sees the delivery sees its attempts

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="when (UTC)")
    def began(self, obj: Attempt) -> str:
        return exact_clock(obj.at, _UTC)

    @admin.display(description="took")
    def took(self, obj: Attempt) -> str:
        return "" if obj.duration_ms is None else f"{obj.duration_ms:,} ms"

    @admin.display(description="result")
    def result(self, obj: Attempt) -> SafeString:
        return result_of(obj)


def may_send(request: HttpRequest, delivery: Delivery) -> bool:
    return may(request, Scope.ALERTS_WRITE, delivery.organization)


def redeliver(request: HttpRequest, pages: Pages, delivery_id: int) -> HttpResponse:
    """Have a delivery sent again; the page then waits for what becomes of it."""
    delivery: Delivery = row_or_404(
        pages.get_queryset(request), delivery_id, "delivery"
    )
    if not may_send(request, delivery):
        raise PermissionDenied
    place = reverse("admin:notifications_delivery_change", args=[delivery.pk])
    if request.method == "POST":
        try:
            services.redeliver(delivery, now=timezone.now())
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            place = f"{place}?{SENT}={delivery.uid}"
    return redirect(place)


def outcome_page(request: HttpRequest, pages: Pages, uid: UUID) -> HttpResponse:
    return outcome_part(pages.get_queryset(request), request, uid)


@admin.register(Delivery)
class DeliveryAdmin(Pages, ReadOnlyAdmin):
    """Rows by the million: never counted, and never shown with their links, which
    let their reader answer an alert."""

    empty_words = (
        "Every message to every address stands here, with what became of it: alerts, "
        "tests of channels, invitations. Send a test from a channel to see one."
    )
    list_display = ("when", "to", "what", "state_shown", "tried", "remark")
    list_display_links = ("what",)
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("type", ChoicesDropdownFilter),
        OrganizationFilter,
        ChannelFilter,
        AlertFilter,
    )
    list_select_related = ("channel", "organization")
    paginator = InfinitePaginator
    show_full_result_count = False
    sortable_by = ()
    ordering = ("-pk",)
    search_fields = ("recipient",)
    search_help_text = "A whole mail address or number"
    actions = ("send_again",)  # type: ignore[assignment]  # the base has none
    inlines: ClassVar = [AttemptInline]
    change_form_outer_before_template = "console/notifications/delivery_top.html"
    fieldsets = (
        ("What", {"fields": ("title", "text")}),
        ("To whom", {"fields": ("to", "via", "organization")}),
        (
            "How it ended",
            {"fields": ("state_shown", "remark", "written", "finished")},
        ),
    )

    class Media:
        css: ClassVar = {"all": ["console/notifications.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Name the organizations: a subquery would keep the index from being used."""
        mine = list(organizations_of(person(request)).values_list("pk", flat=True))
        return Delivery.objects.filter(organization__in=mine)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if search_term:
            queryset = queryset.filter(recipient=search_term.strip().lower())
        return queryset, False

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("<int:delivery_id>/redeliver/", redeliver, "redeliver"),
            self.url("<uuid:uid>/outcome/", outcome_page, "outcome"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        delivery = self.get_object(request, object_id)
        shown = {
            "may_send": delivery is not None and may_send(request, delivery),
            "title": "Delivery",
            "outcome": outcome_of(request, self.get_queryset(request)),
        }
        return super().change_view(request, object_id, form_url, shown)

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Tell whether the action is offered at all."""
        return may(request, Scope.ALERTS_WRITE, None)

    @admin.action(description="Send again", permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        sent = 0
        for delivery in queryset.select_related("organization"):
            if not may_send(request, delivery):
                raise PermissionDenied
            try:
                services.redeliver(delivery, now=timezone.now())
                sent += 1
            except Refusal as refusal:
                messages.error(request, f"{delivery}: {refusal}")
        if sent:
            messages.success(request, f"Being sent again: {sent}.")

    @admin.display(description="when")
    def when(self, obj: Delivery) -> str:
        return since(obj.created_at)

    @admin.display(description="to")
    def to(self, obj: Delivery) -> str:
        kind = ChannelType(obj.type).label
        where = obj.recipient or (
            obj.channel.name if obj.channel else "deleted channel"
        )
        return f"{kind}: {where}"

    @admin.display(description="what")
    def what(self, obj: Delivery) -> str:
        return str(obj.message.get("title", "")) or "(no title)"

    @admin.display(description="state")
    def state_shown(self, obj: Delivery) -> SafeString:
        return delivery_state(obj.state, obj.tries)

    @admin.display(description="attempts")
    def tried(self, obj: Delivery) -> SafeString:
        return format_html('<span class="co-num">{}</span>', obj.tries)

    @admin.display(description="remark")
    def remark(self, obj: Delivery) -> str:
        if obj.next_attempt_at is None:
            return obj.error
        due = ahead(obj.next_attempt_at, timezone.now())
        return f"{obj.error} Next attempt {due}.".strip()

    @admin.display(description="written (UTC)")
    def written(self, obj: Delivery) -> str:
        return exact_clock(obj.created_at, _UTC)

    @admin.display(description="ended (UTC)")
    def finished(self, obj: Delivery) -> str:
        return exact_clock(obj.finished_at, _UTC) if obj.finished_at else "not yet"

    @admin.display(description="title")
    def title(self, obj: Delivery) -> str:
        return str(obj.message.get("title", ""))

    @admin.display(description="text")
    def text(self, obj: Delivery) -> str:
        return str(obj.message.get("text", ""))

    @admin.display(description="channel")
    def via(self, obj: Delivery) -> str:
        if obj.channel is None:
            return "none: mail to a person" if obj.recipient else "deleted"
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>',
            reverse("admin:notifications_channel_change", args=(obj.channel.pk,)),
            obj.channel.name,
        )
