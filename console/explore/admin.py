"""Explore in the admin: its pages stand by the views that are kept."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.access import roles_allow, roles_of
from accounts.scopes import Scope
from accounts.tenants import OrganizationFilter, TenantHistoryAdmin, person
from console.explore.exporting import export_file, export_page
from console.explore.page import explore_page, file_view
from console.explore.saving import address_of, save_view
from console.pages import Pages
from reports.models import SpendView

_EXPORT = "explore/exports/<str:spendexport_id>/"


@admin.register(SpendView)
class SpendViewAdmin(Pages, TenantHistoryAdmin):
    """One's own views and those that are shared; each is changed by its owner."""

    read_scope = Scope.COSTS_READ
    write_scope = Scope.COSTS_READ
    may_delete = True
    empty_words = (
        "A view is a question to Explore under a name: open Explore, ask, and save it."
    )
    list_display = ("name", "opened", "owner", "is_shared", "updated_at")
    list_filter = (OrganizationFilter,)
    list_select_related = ("organization", "owner")
    search_fields = ("name",)
    fields = ("organization", "name", "opened", "owner", "is_shared")
    readonly_fields = ("opened", "owner")

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("explore/", explore_page, "explore"),
            self.url("explore/file/", file_view, "file"),
            self.url("explore/save/", save_view, "save"),
            self.url("explore/exports/<str:spendexport_id>/", export_page, "export"),
            self.url(
                "explore/exports/<str:spendexport_id>/file/", export_file, "export_file"
            ),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        seen: QuerySet[Any] = rows.seen_by(person(request))
        return seen

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # they are kept from what is looked at

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_own = obj is None or obj.owner_id == person(request).pk
        return is_own and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_own = obj is None or obj.owner_id == person(request).pk
        return is_own and super().has_delete_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = super().get_readonly_fields(request, obj)
        user = person(request)
        shares = user.is_superuser or (
            obj is not None
            and roles_allow(roles_of(user), Scope.BUDGETS_WRITE, obj.organization)
        )
        return fixed if shares else (*fixed, "is_shared")

    @admin.display(description="asks")
    def opened(self, obj: SpendView) -> SafeString:
        url = address_of(obj, obj.organization.slug)
        return format_html('<a href="{}">Open</a>', url)
