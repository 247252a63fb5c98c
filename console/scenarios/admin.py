"""Scenarios in the admin: comparisons that were saved, and the page of one."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from simple_history.template_utils import HistoricalRecordContextHelper

from accounts.scopes import Scope
from accounts.tenants import OrganizationFilter, TenantHistoryAdmin
from console.pages import Pages, row_or_404
from console.scenarios.form import ScenariosField
from console.scenarios.page import new_set, set_page, which_page
from forecasts.models import ScenarioSet


class ScenarioDifferences(HistoricalRecordContextHelper):
    """Writes what was assumed before and after as people read it."""

    def prepare_delta_change_value(self, change: Any, value: Any) -> Any:
        if change.field == "scenarios":
            return ScenariosField().words_of(value)
        return super().prepare_delta_change_value(change, value)


@admin.register(ScenarioSet)
class ScenarioSetAdmin(Pages, TenantHistoryAdmin):
    """A page of its own in place of a form; whoever may ask for money may save."""

    write_scope = Scope.APPROVALS_WRITE
    may_delete = True
    empty_words = (
        "What a period comes to with a new feature, a cheaper model or another limit: "
        "choose a budget, compare, and save it under a name for others to look at."
    )
    list_display = ("name", "budget", "scenario_names", "created_by", "updated_at")
    list_filter = (OrganizationFilter,)
    list_select_related = ("organization", "budget")
    search_fields = ("name", "budget__name")
    ordering = ("budget__name", "name")
    fields = ("organization", "budget", "name", "scenario_words", "created_by")

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.let_in(request)
        if "budget" not in request.GET:
            return which_page(request, self)
        return set_page(request, self, new_set(request))

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        self.let_in(request)
        rows = self.get_queryset(request).select_related("budget", "organization")
        return set_page(request, self, row_or_404(rows, object_id, "comparison"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    def get_historical_record_context_helper(
        self, request: HttpRequest, historical_record: Any
    ) -> HistoricalRecordContextHelper:
        return ScenarioDifferences(self.model, historical_record)

    class Media:
        css: ClassVar = {"all": ["console/budgets.css"]}

    @admin.display(description="scenarios")
    def scenario_words(self, obj: ScenarioSet) -> str:
        return ScenariosField().words_of(obj.scenarios)

    @admin.display(description="scenarios")
    def scenario_names(self, obj: ScenarioSet) -> str:
        return ", ".join(one.name for one in obj.listed())
