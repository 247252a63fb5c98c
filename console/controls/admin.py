"""Guardrails in the admin: rules, kill switches, trying them out, what is set aside."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path

from accounts.scopes import Scope
from accounts.tenants import TenantHistoryAdmin
from console.controls.dry_run_page import dry_run_page
from console.controls.history_page import history_page
from console.controls.reservations import ReservationAdmin
from console.controls.rule_page import new_rule_page, old_rule_page
from console.controls.rules_page import budget_page, change_view, rules_page
from console.controls.switch_page import switch_page
from console.controls.try_page import try_page
from controls.models import ControlRule

__all__ = ["ControlRuleAdmin", "ReservationAdmin"]


@admin.register(ControlRule)
class ControlRuleAdmin(TenantHistoryAdmin):
    """Pages of their own in place of a list and a form: rules belong to budgets."""

    write_scope = Scope.BUDGETS_WRITE
    fields = ("organization", "budget", "action", "trigger", "config", "notify")

    def page(self, request: HttpRequest, **context: Any) -> dict[str, Any]:
        shown: dict[str, Any] = self.admin_site.each_context(request)
        return shown | context

    def get_urls(self) -> list[URLPattern]:
        def page(route: str, view: Any, name: str) -> URLPattern:
            def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
                answered: HttpResponse = view(request, self, *args, **kwargs)
                return answered

            pattern: URLPattern = path(
                route,
                self.admin_site.admin_view(answer),
                name=f"controls_controlrule_{name}",
            )
            return pattern

        return [
            page("budget/<int:budget_id>/", budget_page, "budget"),
            page("budget/<int:budget_id>/rules/", change_view, "rules"),
            page("budget/<int:budget_id>/switch/", switch_page, "switch"),
            page("budget/<int:budget_id>/dry-run/", dry_run_page, "dry_run"),
            page("budget/<int:budget_id>/history/", history_page, "of_budget"),
            page("try/", try_page, "try"),
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
        return old_rule_page(request, self, get_object_or_404(rows, pk=object_id))

    def history_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = get_object_or_404(self.get_queryset(request), pk=object_id)
        return history_page(request, self, row.budget_id)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields
