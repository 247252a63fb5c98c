"""Runs in the admin: what each has spent of its cap, and what it was spent on."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.paginator import InfinitePaginator

from accounts.access import organizations_of
from accounts.columns import money_column, number_column
from accounts.tenants import OrganizationFilter, ReadOnlyAdmin, person
from budgets.models import Run
from console.controls.run_page import run_page, standing_of
from console.pages import Pages
from console.templatetags.console import noted, since
from lib.humanize import reader_locale
from lib.money import format_percent


class UseFilter(admin.SimpleListFilter):
    """Runs that have a cap, and those that have come to it."""

    title = "cap"
    parameter_name = "cap"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("any", "With a cap"), ("none", "Without one")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in {"any", "none"}:
            return queryset
        return queryset.filter(cap__isnull=self.value() == "none")


@admin.register(Run)
class RunAdmin(Pages, ReadOnlyAdmin):
    """Rows by the million: never counted, the last used first."""

    heads_to_list = False
    list_filter = (UseFilter, OrganizationFilter)
    list_select_related = ("organization",)
    list_before_template = "console/controls/no_runs.html"
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    ordering = ("-last_at", "-pk")
    list_display = (
        *("what", "state_shown"),
        money_column("spent", "Spent"),
        money_column("reserved", "Reserved"),
        money_column("cap", "Cap"),
        "used",
        number_column("requests", "Requests"),
        "last_call",
    )
    search_fields = ("run_id",)
    search_help_text = "The beginning of a run's name"

    class Media:
        css: ClassVar = {"all": ["console/controls.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Name the organizations: a subquery would keep the index from being used."""
        mine = list(organizations_of(person(request)).values_list("pk", flat=True))
        return Run.objects.filter(organization__in=mine)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if asked := search_term.strip():
            queryset = queryset.filter(run_id__startswith=asked)
        return queryset, False

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        self.let_in(request)
        return run_page(request, self, object_id)

    @admin.display(description="run")
    def what(self, obj: Run) -> SafeString:
        return noted(obj.run_id, obj.organization.name)

    @admin.display(description="state")
    def state_shown(self, obj: Run) -> SafeString:
        return standing_of(obj)

    @admin.display(description="used")
    def used(self, obj: Run) -> str:
        return (
            "" if obj.cap is None else format_percent(obj.used_share, reader_locale())
        )

    @admin.display(description="last call")
    def last_call(self, obj: Run) -> str:
        return since(obj.last_at)
