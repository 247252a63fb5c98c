"""Requests in the admin: the inbox, the page of one, and asking for money."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from accounts.scopes import Scope
from accounts.tenants import ReadOnlyAdmin
from approvals.models import BudgetRequest
from console.approvals.ask_page import ask_page
from console.approvals.inbox_page import inbox_page
from console.approvals.request_page import answer_request, request_page
from console.pages import Pages


@admin.register(BudgetRequest)
class BudgetRequestAdmin(Pages, ReadOnlyAdmin):
    """The inbox in place of a list, and the page of one request."""

    read_scope = Scope.BUDGETS_READ

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("ask/", ask_page, "ask"),
            self.url("<int:request_id>/answer/", answer_request, "answer"),
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
