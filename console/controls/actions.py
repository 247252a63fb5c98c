"""The actions of rules that need approval, in the admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.safestring import SafeString

from accounts.scopes import Scope
from accounts.tenants import OrganizationFilter, ReadOnlyAdmin
from console.controls.action_page import action_page, answer_action, state_of
from console.pages import Pages
from console.templatetags.console import noted, since, until
from controls.models import RuleAction


@admin.register(RuleAction)
class RuleActionAdmin(Pages, ReadOnlyAdmin):
    """A list of them, and a page for each."""

    read_scope = Scope.BUDGETS_READ
    heads_to_list = False
    list_filter = (OrganizationFilter,)
    list_select_related = ("budget", "request")
    list_display = ("what", "state_shown", "held", "ends")
    list_before_template = "console/controls/no_actions.html"
    sortable_by = ()
    ordering = ("-triggered_at", "-pk")
    search_fields = ("summary", "budget__name")

    def get_urls(self) -> list[URLPattern]:
        route = "<int:ruleaction_id>/answer/"
        return [self.url(route, answer_action, "answer"), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        shown: Any = {"title": "Actions of rules that need approval"}
        return super().changelist_view(request, shown)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        self.let_in(request)
        return action_page(request, self, object_id)

    @admin.display(description="rule")
    def what(self, obj: RuleAction) -> SafeString:
        return noted(obj.summary, obj.budget.name)

    @admin.display(description="state")
    def state_shown(self, obj: RuleAction) -> SafeString:
        return state_of(obj)

    @admin.display(description="condition held")
    def held(self, obj: RuleAction) -> str:
        return since(obj.triggered_at)

    @admin.display(description="period ends")
    def ends(self, obj: RuleAction) -> str:
        return until(obj.period_ends_at)
