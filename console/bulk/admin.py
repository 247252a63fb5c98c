"""Bulk changes in the admin: the list of them, and the pages that stand by it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from accounts.scopes import Scope
from accounts.tenants import OrganizationFilter, ReadOnlyAdmin
from bulk.models import BulkChange, BulkState
from console.bulk.pages import change_page, import_page, part_page, sheet_page
from console.bulk.wishes_pages import copy_page, edit_page
from console.bulk.words import STATES, UNDER_WAY
from console.pages import Pages
from console.templatetags.console import since, status


@admin.register(BulkChange)
class BulkChangeAdmin(Pages, ReadOnlyAdmin):
    """Sheets that were uploaded, copies and edits: what became of each."""

    read_scope = Scope.ADMIN
    empty_words = (
        "Whatever changes many rows at once stands here: sheets that are uploaded, "
        "copies of budgets, edits of several. Choose “Import and export”."
    )
    list_before_template = "console/bulk/list_top.html"
    list_display = ("opened", "kind", "state_shown", "requested_by", "asked_when")
    list_display_links = None
    list_filter = (("kind", ChoicesDropdownFilter), OrganizationFilter)
    list_select_related = ("organization",)
    search_fields = ("title", "requested_by")
    ordering = ("-pk",)
    sortable_by = ()
    show_full_result_count = False

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("import/", import_page, "import"),
            self.url("sheet/", sheet_page, "sheet"),
            self.url("copy/", copy_page, "copy"),
            self.url("edit/", edit_page, "edit"),
            self.url("<int:bulkchange_id>/page/", change_page, "page"),
            self.url("<int:bulkchange_id>/part/", part_page, "part"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("content")

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Lead to the page of a change: there is no form to it."""
        found = self.get_object(request, object_id)
        if found is None or not self.has_view_permission(request, found):
            return super().change_view(request, object_id, *args, **kwargs)
        return redirect("admin:bulk_bulkchange_page", found.pk)

    @admin.display(description="what")
    def opened(self, obj: BulkChange) -> SafeString:
        url = reverse("admin:bulk_bulkchange_page", args=[obj.pk])
        return format_html('<a href="{}">{}</a>', url, obj.title)

    @admin.display(description="state")
    def state_shown(self, obj: BulkChange) -> SafeString:
        return status(*STATES.get(BulkState(obj.state), UNDER_WAY))

    @admin.display(description="when")
    def asked_when(self, obj: BulkChange) -> str:
        return since(obj.requested_at)
