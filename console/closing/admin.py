"""The close of a month and chargeback in the admin: a page each in place of a list."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from accounts.scopes import Scope
from accounts.tenants import ReadOnlyAdmin
from console.closing.chargeback_page import chargeback_file, chargeback_page
from console.closing.close_page import close_page
from console.closing.shares_page import shares_page
from console.pages import Pages
from ledger.models import MonthLock
from reports.models import ChargebackStatement


@admin.register(MonthLock)
class MonthLockAdmin(Pages, ReadOnlyAdmin):
    read_scope = Scope.COSTS_READ
    fields = (
        *("organization", "month", "locked_at", "locked_by", "reason"),
        *("total", "requests", "unlocked_at", "unlocked_by", "unlock_reason"),
    )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self.let_in(request)
        return close_page(request, self)


@admin.register(ChargebackStatement)
class ChargebackStatementAdmin(Pages, ReadOnlyAdmin):
    read_scope = Scope.COSTS_READ
    fields = (
        *("organization", "month", "by", "key", "revision", "replaces", "reason"),
        *("made_by", "made_at", "sha256"),
    )

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("file/", chargeback_file, "file"),
            self.url("shares/", shares_page, "shares"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self.let_in(request)
        return chargeback_page(request, self)
