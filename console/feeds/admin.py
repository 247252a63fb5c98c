"""Feeds in the admin."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from accounts.scopes import Scope
from accounts.tenants import OrganizationFilter, TenantHistoryAdmin
from accounts.versions import seen_by
from console.feeds.forms import FEED_FORMS
from console.feeds.runs import run_feed
from console.feeds.wording import (
    PURPOSES,
    destination_of,
    ended_state,
    feed_state,
    kind_words,
    next_words,
    run_state,
    schedule_words,
)
from console.notifications.outsiders import warn_of_outsiders
from console.pages import Pages
from console.templatetags.console import since
from notifications.admin import PrefilledAdmin
from reports.feeds.services import FeedSaved, delete_feed
from reports.feeds.targets import NO_DIRECTORY
from reports.models.feeds import Feed, FeedRun, FeedTarget

_SHOWN = 10  # runs on a feed's page


@admin.register(Feed)
class FeedAdmin(Pages, PrefilledAdmin, TenantHistoryAdmin):
    """One form for each target; what is secret goes in and never comes out."""

    write_scope = Scope.ADMIN
    may_delete = True
    list_display = ("name", "file", "goes_to", "schedule", "state", "last", "next")
    list_filter = (("target", ChoicesDropdownFilter), OrganizationFilter)
    list_select_related = ("organization",)
    search_fields = ("name",)
    list_before_template = "console/feeds/no_feeds.html"
    change_form_outer_before_template = "console/feeds/feed_top.html"
    change_form_outer_after_template = "console/feeds/feed_runs.html"

    class Media:
        css: ClassVar = {"all": ["console/notifications.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Feed]:
        latest = FeedRun.objects.filter(feed=OuterRef("pk")).order_by("-pk")[:1]
        rows: QuerySet[Feed] = super().get_queryset(request)
        return rows.annotate(
            last_state=Subquery(latest.values("state")),
            last_at=Subquery(latest.values("created_at")),
        )

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("<int:feed_id>/run/", run_feed, "run"),
            *super().get_urls(),
        ]

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Ask for the target first: each has fields of its own."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        target = request.GET.get("target", "")
        if target not in FEED_FORMS:
            return self._targets_page(request)
        title = f"Set up a feed: {FeedTarget(target).label}"
        return super().add_view(request, form_url, {"title": title})

    def _targets_page(self, request: HttpRequest) -> HttpResponse:
        kinds = [
            (value, label, PURPOSES[value])
            for value, label in FeedTarget.choices
            if value != FeedTarget.DIRECTORY or settings.EXPORT_DIR
        ]
        no_directory = "" if settings.EXPORT_DIR else NO_DIRECTORY
        context = self.page(
            request, title="Set up a feed", targets=kinds, no_directory=no_directory
        )
        return TemplateResponse(request, "console/feeds/targets.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        feed = self.get_object(request, object_id)
        shown: dict[str, Any] = {}
        if feed is not None:
            runs = FeedRun.objects.filter(organization=feed.organization_id, feed=feed)
            shown = {
                "may_run": self.has_change_permission(request, feed),
                "feed_schedule": schedule_words(feed),
                "feed_next": next_words(feed),
                "runs": [(run, run_state(run)) for run in runs[:_SHOWN]],
                "all_runs": f"{reverse('admin:reports_feedrun_changelist')}"
                f"?q={feed.name}",
            }
        return super().change_view(request, object_id, form_url, shown)

    def get_form(
        self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        if obj is None or self.has_change_permission(request, obj):
            kwargs["form"] = FEED_FORMS[obj.target if obj else request.GET["target"]]
        return super().get_form(request, obj, *args, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            shown = ("organization", "name", "file", "goes_to", "schedule", "state")
            return [(None, {"fields": shown})]
        target = obj.target if obj else request.GET["target"]
        about = {"description": PURPOSES[target]}
        return [
            (None, {"fields": ("organization", "name", "enabled")}),
            ("What", {"fields": ("file", "options")}),
            ("When", {"fields": ("every", "day", "hour")}),
            (FeedTarget(target).label, {"fields": FEED_FORMS[target].keys, **about}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = super().get_readonly_fields(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fixed
        return (*fixed, "file", "goes_to", "schedule", "state")

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        request.META["costops.saved"] = form.saved
        if obj.target == FeedTarget.MAIL:
            people = form.saved.feed.config.get("recipients", [])
            warn_of_outsiders(request, obj.organization_id, people)

    def delete_model(self, request: HttpRequest, obj: Feed) -> None:
        delete_feed(obj, now=timezone.now(), seen=seen_by(request.POST))

    def response_add(
        self, request: HttpRequest, obj: Feed, post_url_continue: str | None = None
    ) -> HttpResponse:
        saved: FeedSaved = request.META.pop("costops.saved")
        if saved.made_secret:
            context = self.page(
                request,
                title="The feed is set up",
                feed=saved.feed,
                secret=saved.made_secret,
            )
            page = TemplateResponse(request, "console/feeds/secret_made.html", context)
            page["Cache-Control"] = "no-store"
            return page
        messages.success(
            request, f"“{obj}” is set up. Run it now to see that its file arrives."
        )
        return redirect("admin:reports_feed_change", obj.pk)

    @admin.display(description="file")
    def file(self, obj: Feed) -> str:
        return kind_words(obj)

    @admin.display(description="goes to")
    def goes_to(self, obj: Feed) -> str:
        return f"{FeedTarget(obj.target).label}: {destination_of(obj)}"

    @admin.display(description="when", ordering="every")
    def schedule(self, obj: Feed) -> str:
        return schedule_words(obj)

    @admin.display(description="state", ordering="enabled")
    def state(self, obj: Feed) -> SafeString:
        return feed_state(obj)

    @admin.display(description="last run")
    def last(self, obj: Any) -> str:
        if obj.last_at is None:
            return "none yet"
        return format_html("{} {}", ended_state(obj.last_state), since(obj.last_at))

    @admin.display(description="next run", ordering="next_at")
    def next(self, obj: Feed) -> str:
        return next_words(obj)
