"""Authorizations and leases in the admin: what is set aside, for what, until when."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.paginator import InfinitePaginator

from accounts.access import organizations_of
from accounts.scopes import Scope
from accounts.tenants import OrganizationFilter, ReadOnlyAdmin, may, person
from budgets.models import Budget, Reservation
from budgets.reservations.lines import lines_of, uid_of
from budgets.reservations.release import release
from console.budgets.filters import BudgetFilter
from console.notifications.wording import badge
from controls.decisions.release import release_call
from ledger.lists import money_column, of_organization
from lib.humanize import ago, ahead, locale_of
from lib.money import format_money, from_units

_STATES = {
    Reservation.State.OPEN: ("NONE", "Open"),
    Reservation.State.SETTLED: ("OK", "Settled"),
    Reservation.State.RELEASED: ("OK", "Released"),
    Reservation.State.EXPIRED: ("WARNING", "Expired"),
}
_MOST_LINES = 30  # hard-limited budgets on one path that are looked for
_PLACES = ("project", "team", "department", "environment", "user")


class HoldingFilter(BudgetFilter):
    """What holds money of a budget now."""

    def belongs(self, budget: Budget) -> Q | Exists:
        holds = Q()
        for place in range(_MOST_LINES):
            holds |= Q(**{f"lines__{place}__0": budget.pk})
        return holds & Q(state=Reservation.State.OPEN)


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    """Rows by the million: never counted."""

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

    def get_list_display(self, request: HttpRequest) -> Any:
        def amount(field: str, label: str) -> Any:
            return money_column(field, label, of_organization, request)

        return (
            "what",
            "state_shown",
            amount("granted", "Granted"),
            amount("held", "Held"),
            amount("settled", "Settled"),
            "made",
            "ends",
        )

    def get_urls(self) -> list[URLPattern]:
        releasing = path(
            "<int:reservation_id>/release/",
            self.admin_site.admin_view(self.release_view),
            name="budgets_reservation_release",
        )
        return [releasing, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        shown: Any = {"title": "Authorizations and leases"}
        return super().changelist_view(request, shown)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = self._row(request, object_id)
        return TemplateResponse(
            request, "console/controls/reservation.html", self._context(request, row)
        )

    def release_view(self, request: HttpRequest, reservation_id: int) -> HttpResponse:
        """CallRequest before money is given back, and then do it."""
        row = self._row(request, reservation_id)
        if not _may_release(request, row):
            raise PermissionDenied
        if request.method != "POST":
            context = self._context(request, row) | {"is_asking": True}
            return TemplateResponse(
                request, "console/controls/reservation.html", context
            )
        self._release(request, row)
        return redirect("admin:budgets_reservation_change", row.pk)

    def _release(self, request: HttpRequest, row: Reservation) -> None:
        held = format_money(row.held, row.organization.currency, locale_of(request))
        if row.state != Reservation.State.OPEN or not _given_back(row):
            messages.warning(request, "It had ended already: nothing was given back.")
            return
        self.log_change(request, row, "Released")
        messages.success(request, f"Released: {held} may be spent on other calls.")

    def _row(self, request: HttpRequest, row_id: int | str) -> Reservation:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.get_queryset(request).select_related("organization")
        text = str(row_id)
        known = text.isdecimal() and len(text) < 19
        found: Reservation = get_object_or_404(rows, pk=text if known else 0)
        return found

    def _context(self, request: HttpRequest, row: Reservation) -> dict[str, Any]:
        locale, currency = locale_of(request), row.organization.currency

        def money(amount: Decimal) -> str:
            return format_money(amount, currency, locale)

        return self.admin_site.each_context(request) | {
            "title": row.get_kind_display(),
            "row": row,
            "state": self.state_shown(row),
            "sentence": _sentence(row, money),
            "figures": [
                ("Granted", money(row.granted)),
                ("Held", money(row.held)),
                ("Settled", money(row.settled)),
            ],
            "path": _path(row.path),
            "lines": _lines(row, locale),
            "details": row.details,
            "may_release": _may_release(request, row)
            and row.state == Reservation.State.OPEN,
            "is_lease": row.kind == Reservation.Kind.LEASE,
        }

    @admin.display(description="for")
    def what(self, obj: Reservation) -> SafeString:
        places = ", ".join(_places(obj))
        kind = obj.get_kind_display()
        return format_html(
            '{}<span class="co-note">{}</span>',
            obj.path["model"],
            f"{kind} for {places}" if places else kind,
        )

    @admin.display(description="state")
    def state_shown(self, obj: Reservation) -> SafeString:
        return badge(*_STATES[Reservation.State(obj.state)])

    @admin.display(description="made")
    def made(self, obj: Reservation) -> SafeString:
        return _when(obj.at, ago(obj.at, timezone.now()))

    @admin.display(description="expires")
    def ends(self, obj: Reservation) -> SafeString:
        if obj.state != Reservation.State.OPEN:
            ended = obj.ended_at or obj.expires_at
            return _when(ended, f"ended {ago(ended, timezone.now())}")
        return _when(obj.expires_at, ahead(obj.expires_at, timezone.now()))


def _when(moment: Any, words: str) -> SafeString:
    return format_html(
        '<span class="co-when" title="{}">{}</span>',
        f"{moment:%Y-%m-%d %H:%M:%S} UTC",
        words,
    )


def _places(row: Reservation) -> list[str]:
    """Return what it belongs to, the smallest first."""
    return [value for name in _PLACES if (value := row.path.get(name))]


def what_of(row: Reservation) -> str:
    """Say what it is for: "gpt-4o for search"."""
    place = next(iter(_places(row)), "")
    return f"{row.path['model']} for {place}" if place else str(row.path["model"])


def _may_release(request: HttpRequest, row: Reservation) -> bool:
    return may(request, Scope.BUDGETS_WRITE, row.organization)


def _given_back(row: Reservation) -> bool:
    """Release *row*; tell whether it was this that ended it."""
    now = timezone.now()
    if row.kind == Reservation.Kind.LEASE:
        ended = release(row.organization_id, row.uid, now=now)
    else:
        ended = release_call(row, now=now)
    return (
        ended is not None
        and ended.state == Reservation.State.RELEASED
        and ended.ended_at == now
    )


def _sentence(row: Reservation, money: Any) -> str:
    what, granted = what_of(row), money(row.granted)
    match row.state:
        case Reservation.State.OPEN:
            until = ahead(row.expires_at, timezone.now())
            return f"{money(row.held)} is set aside for {what}; expires {until}."
        case Reservation.State.SETTLED:
            return f"{what} cost {money(row.settled)} of the {granted} set aside."
        case Reservation.State.RELEASED:
            return f"The {granted} for {what} was given back{_beside(row, money)}."
    return (
        f"Nothing more came for {what} in time, so what was left of {granted} "
        f"went back{_beside(row, money)}."
    )


def _beside(row: Reservation, money: Any) -> str:
    return f", but for {money(row.settled)} that was spent" if row.settled else ""


def _path(path: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what it is for: name and value, without what was not said."""
    said = {name: value for name, value in path.items() if value}
    if isinstance(tags := said.get("tags"), Mapping):
        said["tags"] = ", ".join(f"{k}={v}" if v else str(k) for k, v in tags.items())
    elif isinstance(tags, Sequence) and not isinstance(tags, str):
        said["tags"] = ", ".join(str(tag) for tag in tags)
    names = {"tier": "service tier"}
    return [(names.get(name, name).capitalize(), str(v)) for name, v in said.items()]


def _lines(row: Reservation, locale: str) -> list[tuple[Budget, str]]:
    """Return the budgets it holds money of, the topmost first. One query."""
    held = {line.budget_id: line.units for line in lines_of(row)}
    budgets = Budget.objects.filter(pk__in=held, organization=row.organization_id)
    return [
        (one, format_money(from_units(held[one.pk]), one.currency, locale))
        for one in budgets.order_by("level", "name")
    ]
