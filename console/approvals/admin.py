"""Requests in the admin: the inbox, the page of one, asking for money; and policies."""

from typing import Any

from django.contrib import admin
from django.contrib import messages as notices
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils import timezone

from accounts.scopes import Scope
from accounts.tenants import ReadOnlyAdmin, TenantHistoryAdmin, person
from approvals.models import BudgetRequest, How, Policy
from approvals.policies import delete_policy
from approvals.types import By
from console.approvals.ask_page import ask_page
from console.approvals.edit_page import edit_page
from console.approvals.inbox_page import inbox_page
from console.approvals.policies_page import (
    new_policy_page,
    old_policy_page,
    policies_page,
)
from console.approvals.reminding import remind_page
from console.approvals.request_page import answer_request, request_page
from console.approvals.statistics_page import statistics_page
from console.mailed_link_page import visit_of
from console.pages import Pages


@admin.register(BudgetRequest)
class BudgetRequestAdmin(Pages, ReadOnlyAdmin):
    """The inbox in place of a list, and the page of one request."""

    read_scope = Scope.BUDGETS_READ

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("ask/", ask_page, "ask"),
            self.url("remind/", remind_page, "remind"),
            self.url("statistics/", statistics_page, "statistics"),
            self.url("<int:request_id>/answer/", answer_request, "answer"),
            self.url("<int:request_id>/edit/", edit_page, "edit"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        self.let_in(request)
        return inbox_page(request, self)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        self.let_in(request)
        return request_page(request, self, object_id)


@admin.register(Policy)
class PolicyAdmin(Pages, TenantHistoryAdmin):
    """Which policies there are, and the editor that draws the chain of one."""

    read_scope = Scope.BUDGETS_READ
    write_scope = Scope.ADMIN
    may_delete = True
    warn_unsaved_form = False
    fields = ("organization", "name", "budget", "currency", "self_approval_below")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        self.let_in(request)
        return policies_page(request, self)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return new_policy_page(request, self)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        self.let_in(request)
        return old_policy_page(request, self, object_id)

    def delete_model(self, request: HttpRequest, obj: Policy) -> None:
        self.hold_as_shown(request, obj)
        by = By.someone(person(request), How.SESSION, visit_of(request))
        delete_policy(obj, by=by, now=timezone.now())

    def response_delete(
        self, request: HttpRequest, obj_display: str, obj_id: int
    ) -> HttpResponse:
        notices.success(request, f"“{obj_display}” is deleted.")
        return redirect("admin:approvals_policy_changelist")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields  # a past version is read, whoever reads it
