"""Guardrails in the admin: rules, kill switches, trying them out, what is set aside."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from accounts.permissions import Action
from accounts.scopes import Scope
from accounts.tenants import TenantHistoryAdmin
from budgets.tenants import OfBudgetAdmin
from console.controls.actions import RuleActionAdmin
from console.controls.budget_page import budget_page
from console.controls.dry_run_page import dry_run_page
from console.controls.history_page import history_page
from console.controls.reservations import ReservationAdmin
from console.controls.rule_changes import change_rules
from console.controls.rule_page import new_rule_page, old_rule_page
from console.controls.rules_page import rules_page
from console.controls.runs import RunAdmin
from console.controls.switch_page import switch_page
from console.controls.try_page import try_page
from console.pages import Pages, row_or_404
from controls.models import ControlRule

__all__ = ["ControlRuleAdmin", "ReservationAdmin", "RuleActionAdmin", "RunAdmin"]


@admin.register(ControlRule)
class ControlRuleAdmin(OfBudgetAdmin, Pages, TenantHistoryAdmin):
    """Pages of their own in place of a list and a form: rules belong to budgets."""

    heads_to_list = False
    write_scope = Scope.BUDGETS_WRITE
    write_action = Action.GUARD
    fields = ("organization", "budget", "action", "trigger", "config", "notify")

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("budget/<int:budget_id>/", budget_page, "budget"),
            self.url("budget/<int:budget_id>/rules/", change_rules, "rules"),
            self.url("budget/<int:budget_id>/switch/", switch_page, "switch"),
            self.url("budget/<int:budget_id>/dry-run/", dry_run_page, "dry_run"),
            self.url("budget/<int:budget_id>/history/", history_page, "of_budget"),
            self.url("try/", try_page, "try"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        return rules_page(request, self)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "budget" not in request.GET:
            return rules_page(request, self)  # a rule begins with its budget
        return new_rule_page(request, self)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        rows = self.get_queryset(request).select_related("budget__organization")
        return old_rule_page(request, self, row_or_404(rows, object_id, "rule"))

    def history_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = row_or_404(self.get_queryset(request), object_id, "rule")
        return history_page(request, self, row.budget_id)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields
