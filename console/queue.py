"""What workers do, have done and have given up: to read, for superusers.

A schedule names any function there is, so nobody writes here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_q.models import Failure, OrmQ, Schedule, Success, Task
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator

from accounts.columns import NONE, number_words
from console.templatetags.console import moment, noted, status
from lib.humanize import lasting

# What is done by the clock, by the name of its schedule.
BY_CLOCK: Mapping[str, str] = {
    "answers": "Forget answers that are kept for repeats",
    "audit": "See that no step of an escalation was missed",
    "backfill": "Charge history to budgets that were changed",
    "bulk": "Take up bulk changes that a worker died over",
    "confirmed": "Tell who confirmed lately what was held back",
    "deliver": "Send what is due",
    "digests": "Mail who decides which requests wait",
    "escalate": "Tell people of alerts, step by step",
    "expire": "Free authorizations and leases that ended",
    "feed_runs": "Make and bring away the files of feeds that are due",
    "feeds": "See which feeds are due",
    "fixed_charges": "Book the days of fixed charges that have begun",
    "forecasts": "Keep what the day's forecasts say",
    "judge": "Judge the rules of alerts",
    "links": "Forget old mailed links",
    "periods": "Open and close budget periods",
    "refile": "File usage under names as they are now known",
    "reports": "Take up reports that a worker died over",
    "requests": "Remind of requests, and end those nobody decided",
    "roll_up": "Sum up daily spend",
    "runs": "Forget runs that spent nothing and are over",
}
_OTHER: Mapping[str, str] = {
    "alerts.tasks.escalate": BY_CLOCK["escalate"],
    "notifications.tasks.deliver": BY_CLOCK["deliver"],
    "alerts.tasks.reevaluate": BY_CLOCK["judge"],
}


def work_of(function: str, arguments: Sequence[object]) -> SafeString:
    """Say what a task does, with the function that does it below."""
    first = str(arguments[0]) if arguments else ""
    words = _OTHER.get(function, function)
    if function.endswith(".run_periodic"):
        words = BY_CLOCK.get(first, function)
    called = f"{function}({', '.join(map(repr, arguments))})"
    if function == settings.FOLLOWING_TASK:
        words = f"Do what follows “{first}”"
    return noted(words, called) if words != function else format_html("{}", called)


class QueuePages(ModelAdmin):
    """A list of the queue's, and the page of one of its rows."""

    list_display_links: Any = None  # a row says all there is
    list_per_page = 50
    actions = None
    sortable_by = ()
    empty_words = ""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tasks are of all organizations, so who looks at one is shown none."""
        return bool(getattr(request.user, "sees_all", False))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for _, part in self.fieldsets or () for name in part["fields"]]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["show_history"] = False  # nobody changes anything
        return super().render_change_form(request, context, *args, **kwargs)


class SchedulePages(QueuePages):
    """What workers do by the clock."""

    empty_words = "What workers do by the clock: they write it down when they start."
    list_display = ("what", "how_often", "follows", "last")
    ordering = ("name",)
    fieldsets = ((None, {"fields": ("what", "how_often", "follows", "last")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Schedule]:
        done = Task.objects.filter(pk=OuterRef("task"))
        rows: QuerySet[Schedule] = super().get_queryset(request)
        ended: QuerySet[Schedule] = rows.annotate(
            went_well=Subquery(done.values("success")),
            ended_at=Subquery(done.values("stopped")),
        )
        return ended

    @admin.display(description="What")
    def what(self, obj: Schedule) -> SafeString:
        words = BY_CLOCK.get(obj.name)
        called = f"{obj.func}({obj.args or ''})"
        return noted(words, called) if words else format_html("{}", called)

    @admin.display(description="How often")
    def how_often(self, obj: Schedule) -> str:
        if obj.schedule_type != Schedule.MINUTES or not obj.minutes:
            return str(obj.get_schedule_type_display())
        return f"every {lasting(timedelta(minutes=obj.minutes))}"

    @admin.display(description="Next")
    def follows(self, obj: Schedule) -> str:
        return moment(obj.next_run)

    @admin.display(description="The last time")
    def last(self, obj: Any) -> SafeString | str:
        if obj.ended_at is None:
            return NONE
        return noted(_ended(is_well=obj.went_well), moment(obj.ended_at))


def _ended(*, is_well: bool) -> SafeString:
    return status("OK", "done") if is_well else status("CRITICAL", "failed")


class QueuedPages(QueuePages):
    """What waits for a worker."""

    empty_words = "Work that waits for a worker stands here; now nothing does."
    list_display = ("what", "due")
    ordering = ("lock", "pk")
    fieldsets = ((None, {"fields": ("what", "due")}),)

    @admin.display(description="What")
    def what(self, obj: OrmQ) -> SafeString:
        task: Mapping[str, Any] = obj.task
        return work_of(str(task.get("func", "?")), task.get("args", ()))

    @admin.display(description="When")
    def due(self, obj: OrmQ) -> SafeString | str:
        due_at: datetime | None = obj.lock
        if due_at is None or due_at <= timezone.now():
            return status("NONE", "as soon as a worker is free")
        return moment(due_at)  # or a worker has it, and it is given up then


class TaskPages(QueuePages):
    """What a worker is through with."""

    list_display = ("what", "ended", "took", "said")
    list_display_links = ("what",)
    ordering = ("-stopped",)
    search_fields = ("name", "func")
    search_help_text = "The name of a schedule, or of a function"
    paginator = InfinitePaginator
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("what", "begun", "ended", "took", "tries", "all_said")}),
    )

    @admin.display(description="What")
    def what(self, obj: Task) -> SafeString:
        return work_of(obj.func, obj.args or ())

    @admin.display(description="Begun")
    def begun(self, obj: Task) -> str:
        return moment(obj.started)

    @admin.display(description="Ended")
    def ended(self, obj: Task) -> str:
        return moment(obj.stopped)

    @admin.display(description="Took")
    def took(self, obj: Task) -> str:
        return f"{(obj.stopped - obj.started).total_seconds():.1f} s"

    @admin.display(description="What came of it")
    def said(self, obj: Task) -> str:
        text = str(obj.result or NONE)
        first = text.splitlines()[0].split(" : Traceback")[0]
        return first[:200]

    @admin.display(description="What came of it")
    def all_said(self, obj: Task) -> SafeString:
        return format_html('<pre class="co-json">{}</pre>', obj.result or NONE)

    @admin.display(description="Tries")
    def tries(self, obj: Task) -> str:
        return number_words(obj.attempt_count)


class SuccessPages(TaskPages):
    empty_words = "What workers have done lately stands here."


class FailurePages(TaskPages):
    empty_words = "Work that a worker gave up stands here, with what went wrong."


PAGES: Mapping[type[Model], type[ModelAdmin]] = {
    Schedule: SchedulePages,
    OrmQ: QueuedPages,
    Success: SuccessPages,
    Failure: FailurePages,
}
