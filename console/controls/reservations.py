"""Authorizations and leases in the admin: what is set aside, for what, until when."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Exists, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.paginator import InfinitePaginator

from accounts.access import organizations_of
from accounts.columns import money_column
from accounts.tenants import OrganizationFilter, ReadOnlyAdmin, person
from budgets.models import Budget, Reservation
from budgets.reservations.lines import uid_of
from console.budgets.filters import BudgetFilter
from console.controls.reservation_page import (
    places_of,
    release_page,
    reservation_page,
    state_of,
)
from console.pages import Pages
from console.templatetags.console import noted, since, until

_MOST_LINES = 30  # hard-limited budgets on one path that are looked for


class HoldingFilter(BudgetFilter):
    """What holds money of a budget now."""

    def belongs(self, budget: Budget) -> Q | Exists:
        holds = Q()
        for place in range(_MOST_LINES):
            holds |= Q(**{f"lines__{place}__0": budget.pk})
        return holds & Q(state=Reservation.State.OPEN)


@admin.register(Reservation)
class ReservationAdmin(Pages, ReadOnlyAdmin):
    """Rows by the million: never counted."""

    heads_to_list = False
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        OrganizationFilter,
        HoldingFilter,
    )
    list_select_related = ("organization",)
    list_before_template = "console/controls/no_reservations.html"
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    ordering = ("-pk",)
    list_display = (
        *("what", "state_shown"),
        money_column("granted", "Granted"),
        money_column("held", "Held"),
        money_column("settled", "Settled"),
        *("made", "ends"),
    )
    search_fields = ("uid",)
    search_help_text = "A whole id of an authorization or lease"

    class Media:
        css: ClassVar = {"all": ["console/controls.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Name the organizations: a subquery would keep the index from being used."""
        mine = list(organizations_of(person(request)).values_list("pk", flat=True))
        return Reservation.objects.filter(organization__in=mine)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if search_term:
            uid = uid_of(search_term.strip())
            queryset = queryset.filter(uid=uid) if uid else queryset.none()
        return queryset, False

    def get_urls(self) -> list[URLPattern]:
        route = "<int:reservation_id>/release/"
        return [self.url(route, release_page, "release"), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        shown: Any = {"title": "Authorizations and leases"}
        return super().changelist_view(request, shown)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        self.let_in(request)
        return reservation_page(request, self, object_id)

    @admin.display(description="for")
    def what(self, obj: Reservation) -> SafeString:
        places = ", ".join(places_of(obj))
        kind = obj.get_kind_display()
        return noted(obj.path["model"], f"{kind} for {places}" if places else kind)

    @admin.display(description="state")
    def state_shown(self, obj: Reservation) -> SafeString:
        return state_of(obj)

    @admin.display(description="made")
    def made(self, obj: Reservation) -> str:
        return since(obj.at)

    @admin.display(description="expires")
    def ends(self, obj: Reservation) -> str:
        if obj.state != Reservation.State.OPEN:
            return format_html("ended {}", since(obj.ended_at or obj.expires_at))
        return until(obj.expires_at)
