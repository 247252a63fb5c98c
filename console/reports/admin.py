"""Monthly reports in the admin: those there are, the page of one, how they are made."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.safestring import SafeString

from accounts.scopes import Scope
from accounts.tenants import OrganizationFilter, ReadOnlyAdmin, TenantHistoryAdmin
from console.pages import Pages
from console.reports.ask_page import ask_page
from console.reports.report_page import (
    comment,
    make_again,
    make_final,
    pdf_of,
    report_page,
    state_of,
)
from console.templatetags.console import noted, since
from lib.humanize import month_words
from lib.money import format_money, format_percent
from reports.models import Report, ReportSettings


@admin.register(Report)
class ReportAdmin(Pages, ReadOnlyAdmin):
    """A list of them, and a page for each."""

    read_scope = Scope.BUDGETS_READ
    list_filter = (OrganizationFilter, "state")
    list_select_related = ("organization", "budget")
    list_display = ("what", "state_shown", "asked_for", "revision")
    list_before_template = "console/reports/above_list.html"
    sortable_by = ()
    ordering = ("-month", "-requested_at", "-pk")
    search_fields = ("budget__name", "organization__name")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("pdf", "figures")

    def get_urls(self) -> list[URLPattern]:
        own = [
            self.url("new/", ask_page, "new"),
            self.url("<int:report_id>/comments/", comment, "comment"),
            self.url("<int:report_id>/again/", make_again, "again"),
            self.url("<int:report_id>/final/", make_final, "final"),
            self.url("<int:report_id>/report.pdf", pdf_of, "pdf"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        shown: Any = {"title": "Reports"}
        return super().changelist_view(request, shown)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        self.let_in(request)
        return report_page(request, self, object_id)

    @admin.display(description="report")
    def what(self, obj: Report) -> SafeString:
        about = obj.budget.name if obj.budget else obj.organization.name
        return noted(month_words(obj.month), about)

    @admin.display(description="state")
    def state_shown(self, obj: Report) -> SafeString:
        return state_of(obj)

    @admin.display(description="asked for")
    def asked_for(self, obj: Report) -> SafeString:
        return noted(since(obj.requested_at), obj.requested_by)


@admin.register(ReportSettings)
class ReportSettingsAdmin(TenantHistoryAdmin):
    """How an organization has its reports; a row for each that said."""

    write_scope = Scope.ADMIN
    empty_words = (
        "A variance beyond $100.00 and 10 % needs a comment, and reports are in "
        "English. An organization that wants it otherwise says so here."
    )
    list_display = ("organization", "from_amount", "from_share", "locale")
    list_filter = (OrganizationFilter,)
    list_select_related = ("organization",)
    fields = ("organization", "threshold", "threshold_share", "locale")

    @admin.display(description="a variance beyond")
    def from_amount(self, obj: ReportSettings) -> str:
        return format_money(obj.threshold, obj.organization.currency)

    @admin.display(description="and beyond")
    def from_share(self, obj: ReportSettings) -> str:
        return format_percent(obj.threshold_share)
