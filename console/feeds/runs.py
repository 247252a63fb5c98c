"""Runs of feeds in the admin: what was made, and how it ended."""

from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from accounts.scopes import Scope
from accounts.tenants import OrganizationFilter, ReadOnlyAdmin, may, person
from console.feeds.wording import (
    attempt_state,
    is_under_way,
    run_state,
    run_words,
    size_words,
)
from console.notifications.wording import delivery_state
from console.pages import Pages, row_or_404
from console.templatetags.console import since
from lib.errors import NotFound, Refusal
from lib.humanize import exact_clock
from reports.feeds import notices
from reports.feeds.downloads import downloaded
from reports.feeds.planning import run_now
from reports.feeds.services import redeliver
from reports.models.feeds import Feed, FeedAttempt, FeedRun, FeedRunState, FeedTarget

_UTC = ZoneInfo("UTC")


def run_feed(request: HttpRequest, pages: Pages, feed_id: int) -> HttpResponse:
    """Have a feed run now; the page of the run then waits for what becomes of it."""
    rows = pages.get_queryset(request).select_related("organization")
    feed: Feed = row_or_404(rows, feed_id, "feed")
    if not pages.has_change_permission(request, feed):
        raise PermissionDenied
    place = reverse("admin:reports_feed_change", args=[feed.pk])
    if request.method == "POST":
        try:
            run = run_now(feed, by=person(request).email, now=timezone.now())
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            place = reverse("admin:reports_feedrun_change", args=[run.pk])
    return redirect(place)


def redeliver_page(request: HttpRequest, pages: Pages, feedrun_id: int) -> HttpResponse:
    """Have the file of a run go once more."""
    run: FeedRun = row_or_404(pages.get_queryset(request), feedrun_id, "run")
    if not may(request, Scope.ADMIN, run.organization):
        raise PermissionDenied
    if request.method == "POST":
        try:
            redeliver(run, now=timezone.now())
        except Refusal as refusal:
            messages.error(request, str(refusal))
    return redirect("admin:reports_feedrun_change", run.pk)


def file_page(request: HttpRequest, pages: Pages, feedrun_id: int) -> Any:
    """Answer with the file of a run."""
    run: FeedRun = row_or_404(pages.get_queryset(request), feedrun_id, "run")
    if not may(request, Scope.COSTS_READ, run.organization):
        raise PermissionDenied
    try:
        return downloaded(run)
    except NotFound as refusal:
        raise Http404(str(refusal)) from refusal


def outcome_page(request: HttpRequest, pages: Pages, feedrun_id: int) -> HttpResponse:
    """Answer the part of a run's page that says how it stands."""
    run: FeedRun = row_or_404(pages.get_queryset(request), feedrun_id, "run")
    return render(request, "console/feeds/outcome.html", _outcome_of(run))


def _outcome_of(run: FeedRun) -> dict[str, Any]:
    levels = {FeedRunState.DELIVERED: "good", FeedRunState.FAILED: "bad"}
    waits = run.state == FeedRunState.PENDING
    progress = run.progress if is_under_way(run) and run.made_in is None else None
    return {
        "run_words": run_words(run),
        "run_level": levels.get(FeedRunState(run.state), "waits"),
        "run_waits": waits,
        "run_progress": progress,
    }


class FeedAttemptInline(TabularInline):
    model = FeedAttempt
    fields = readonly_fields = ("number", "began", "took", "result")
    extra = 0
    can_delete = False
    verbose_name_plural = "attempts"
    hide_title = True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # who sees the run sees its attempts

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="when (UTC)")
    def began(self, obj: FeedAttempt) -> str:
        return exact_clock(obj.at, _UTC)

    @admin.display(description="took")
    def took(self, obj: FeedAttempt) -> str:
        return "" if obj.duration_ms is None else f"{obj.duration_ms:,} ms"

    @admin.display(description="result")
    def result(self, obj: FeedAttempt) -> SafeString:
        return attempt_state(obj)


@admin.register(FeedRun)
class FeedRunAdmin(Pages, ReadOnlyAdmin):
    """What became of each file of each feed."""

    empty_words = (
        "Every file that a feed made and brought away stands here, with what became of "
        "it. Set a feed up and run it to see one."
    )
    list_display = ("when", "feed_name", "days", "state_shown", "size_shown", "remark")
    list_display_links = ("days",)
    list_filter = (("state", ChoicesDropdownFilter), OrganizationFilter)
    list_select_related = ("organization", "feed")
    search_fields = ("feed_name", "file_name")
    ordering = ("-pk",)
    sortable_by = ()
    show_full_result_count = False
    inlines: ClassVar = [FeedAttemptInline]
    change_form_outer_before_template = "console/feeds/run_top.html"
    change_form_outer_after_template = "console/feeds/run_mails.html"
    fieldsets = (
        ("What", {"fields": ("feed_name", "organization", "days", "asked")}),
        (
            "The file",
            {"fields": ("file_name", "size_shown", "sha256_shown", "left_out")},
        ),
    )

    class Media:
        css: ClassVar = {"all": ["console/notifications.css"]}

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("<int:feedrun_id>/redeliver/", redeliver_page, "redeliver"),
            self.url("<int:feedrun_id>/file/", file_page, "file"),
            self.url("<int:feedrun_id>/outcome/", outcome_page, "outcome"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        shown: dict[str, Any] = {}
        if run is not None:
            is_mail = run.feed is not None and run.feed.target == FeedTarget.MAIL
            mails = notices.mails_of(run) if is_mail else ()
            shown = {
                "title": f"{run.feed_name}: {notices.days_of(run, run.feed)}",
                "may_redeliver": run.feed is not None
                and may(request, Scope.ADMIN, run.organization),
                "may_download": run.made_in is not None
                and may(request, Scope.COSTS_READ, run.organization),
                "mails": [(one, delivery_state(one.state, one.tries)) for one in mails],
                **_outcome_of(run),
            }
        return super().change_view(request, object_id, form_url, shown)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("organization", "feed")

    @admin.display(description="when")
    def when(self, obj: FeedRun) -> str:
        return since(obj.created_at)

    @admin.display(description="days")
    def days(self, obj: FeedRun) -> str:
        return notices.days_of(obj, obj.feed)

    @admin.display(description="state")
    def state_shown(self, obj: FeedRun) -> SafeString:
        return run_state(obj)

    @admin.display(description="size")
    def size_shown(self, obj: FeedRun) -> str:
        return size_words(obj.size)

    @admin.display(description="remark")
    def remark(self, obj: FeedRun) -> str:
        return obj.error

    @admin.display(description="asked for by")
    def asked(self, obj: FeedRun) -> str:
        return obj.asked_by or "nobody: it was due"

    @admin.display(description="SHA-256")
    def sha256_shown(self, obj: FeedRun) -> str:
        return obj.sha256 or "not made yet"

    @admin.display(description="not in it")
    def left_out(self, obj: FeedRun) -> str:
        told = (f"{n:,} {name.replace('_', ' ')}" for name, n in obj.counts.items())
        return ", ".join(told) or "nothing is left out"
