"""Budgets in the admin: the tree, and pages around one budget."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from accounts.permissions import Action
from accounts.scopes import Scope
from budgets.models import Budget
from budgets.tenants import OfBudgetAdmin
from console.budgets.amounts_page import (
    amounts_page,
    grant_page,
    phase_page,
    raise_page,
    transfer_page,
    undo_page,
)
from console.budgets.budget_page import BudgetPages, behind_part, budget_page
from console.budgets.first_steps import arrival_part
from console.budgets.form_page import (
    add_page,
    change_page,
    preview_part,
    progress_part,
)
from console.budgets.move_page import archive_page, move_page
from console.budgets.recommended_page import recommended_page
from console.budgets.savings_part import savings_part
from console.budgets.tree_page import conflicts_part, tree_page
from console.budgets.unit_cost_page import unit_cost_page
from console.budgets.variance_page import variance_page
from console.forecasts.forecast_page import forecast_page, forecast_picture
from console.forecasts.spend_page import spend_page


@admin.register(Budget)
class BudgetAdmin(OfBudgetAdmin, BudgetPages):
    """The tree in place of a list, and pages of its own; nothing is ever deleted."""

    heads_to_list = False
    write_scope = Scope.BUDGETS_WRITE
    write_action = Action.CHANGE
    search_fields = ("name",)
    currency_path = "currency"
    fields = (
        *("organization", "name", "parent", "owner", "note", "scope", "amount"),
        *("currency", "period", "timezone", "starts_at", "ends_at"),
        *("warning_threshold", "critical_threshold", "alerts", "enforcement"),
        *("priority", "rollover_mode", "rollover_cap"),
    )

    def budget_of(self, row: Budget) -> Budget:
        return row

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("tree/", tree_page, "tree"),
            self.url("conflicts/", conflicts_part, "conflicts"),
            self.url("recommended/", recommended_page, "recommended"),
            self.url("savings/", savings_part, "savings"),
            self.url("arrival/", arrival_part, "arrival"),
            self.url("preview/", preview_part, "preview"),
            self.url("<int:budget_id>/page/", budget_page, "page"),
            self.url("<int:budget_id>/behind/", behind_part, "behind"),
            self.url("<int:budget_id>/progress/", progress_part, "progress"),
            self.url("<int:budget_id>/forecast/", forecast_page, "forecast"),
            self.url(
                "<int:budget_id>/forecast.svg", forecast_picture, "forecast_picture"
            ),
            self.url("<int:budget_id>/spend/", spend_page, "spend"),
            self.url("<int:budget_id>/move/", move_page, "move"),
            self.url("<int:budget_id>/unit-cost/", unit_cost_page, "unit_cost"),
            self.url("<int:budget_id>/variance/", variance_page, "variance"),
            self.url("<int:budget_id>/archive/", archive_page, "archive"),
            self.url("<int:budget_id>/amounts/", amounts_page, "amounts"),
            self.url("<int:budget_id>/transfer/", transfer_page, "transfer"),
            self.url("<int:budget_id>/raise/", raise_page, "raise"),
            self.url("<int:budget_id>/grant/", grant_page, "grant"),
            self.url("<int:budget_id>/phase/", phase_page, "phase"),
            self.url("<int:budget_id>/undo/", undo_page, "undo"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        return redirect("admin:budgets_budget_tree")

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return add_page(request, self)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        return change_page(request, self, object_id)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # A past version is read, whoever reads it.
        return (*self.fields, *self.columns.values())
