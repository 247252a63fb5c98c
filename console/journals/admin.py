"""Journals in the admin: months, their postings and files, and the accounts."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from simple_history.template_utils import HistoricalRecordContextHelper

from accounts.scopes import Scope
from accounts.tenants import ReadOnlyAdmin, TenantHistoryAdmin
from console.journals.accounts_page import accounts_page, accounts_url
from console.journals.month_page import file_page, month_page
from console.journals.months_page import month_url, months_page
from console.journals.scope_words import written_scope
from console.pages import Pages, row_or_404
from reports.models import Journal, JournalSetup


@admin.register(Journal)
class JournalAdmin(Pages, ReadOnlyAdmin):
    """Pages of months in place of a list of postings."""

    read_scope = Scope.COSTS_READ

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("month/", month_page, "month"),
            self.url("<path:journal_id>/file/", file_page, "file"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        self.let_in(request)
        return months_page(request, self)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Lead to the month of a posting."""
        self.let_in(request)
        rows = self.get_queryset(request).select_related("organization")
        journal = row_or_404(rows, object_id, "journal")
        return redirect(month_url(journal.organization, journal.month))


class MappingDifferences(HistoricalRecordContextHelper):
    """Writes mappings before and after as people fill them in."""

    def prepare_delta_change_value(self, change: Any, value: Any) -> Any:
        if change.field != "mappings":
            return super().prepare_delta_change_value(change, value)
        return "; ".join(
            f"{written_scope(one['scope'])}: {one['expense_account']} / "
            f"{one['liability_account']}"
            for one in value
        )


@admin.register(JournalSetup)
class JournalSetupAdmin(Pages, TenantHistoryAdmin):
    """An editor of its own in place of a list and a form."""

    read_scope = Scope.COSTS_READ
    fields = ("organization", "mapping_words")

    def get_urls(self) -> list[URLPattern]:
        return [self.url("accounts/", accounts_page, "accounts"), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        self.let_in(request)
        return redirect("admin:reports_journalsetup_accounts")

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Lead to the editor of its organization."""
        self.let_in(request)
        rows = self.get_queryset(request).select_related("organization")
        setup = row_or_404(rows, object_id, "journal setup")
        return redirect(accounts_url(setup.organization))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    def get_historical_record_context_helper(
        self, request: HttpRequest, historical_record: Any
    ) -> HistoricalRecordContextHelper:
        return MappingDifferences(self.model, historical_record)

    @admin.display(description="mappings")
    def mapping_words(self, obj: JournalSetup) -> str:
        return "; ".join(
            f"{written_scope(one['scope'])}: {one['expense_account']} / "
            f"{one['liability_account']}"
            for one in obj.mappings
        )
