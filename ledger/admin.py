"""The ledger in the admin: cost records and sums to read, prices and rates to keep."""

from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from unfold.paginator import InfinitePaginator

from accounts.access import organizations_of
from accounts.columns import (
    NONE,
    money_column,
    number_column,
    number_words,
)
from accounts.scopes import Scope
from accounts.tenants import (
    OrganizationFilter,
    ReadOnlyAdmin,
    ServiceAdmin,
    ServiceForm,
    TenantHistoryAdmin,
    person,
)
from accounts.versions import seen_by
from ledger import prices
from ledger.forms import KindLinesField
from ledger.lists import (
    DayFilter,
    DimensionsFilter,
    OneOrganizationFilter,
    PricedFilter,
    TimeFilter,
    moment_of,
    of_kinds,
    sent_as,
    spend_column,
)
from ledger.models import (
    DIMENSIONS,
    Attribution,
    CostRecord,
    DailySpend,
    ExchangeRate,
    Price,
    Repricing,
)
from lib.humanize import clock, exact_clock, month_words

_UTC = ZoneInfo("UTC")


class LedgerAdmin(ReadOnlyAdmin):
    """Rows by the million: never counted, one organization at a time."""

    read_scope = Scope.COSTS_READ
    paginator = InfinitePaginator
    list_per_page = 100
    show_full_result_count = False
    sortable_by = ()  # other orders have no index

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Name the organizations: a subquery would keep the index from being used."""
        rows: QuerySet[Any] = self.model.objects.all()
        mine = list(organizations_of(person(request)).values_list("pk", flat=True))
        return rows.filter(organization__in=mine)


class CostRecordAdmin(LedgerAdmin):
    """Registered by console.costs, which knows what a budget is."""

    list_filter: ClassVar[tuple[Any, ...]] = (
        OneOrganizationFilter,
        TimeFilter,
        PricedFilter,
        DimensionsFilter,
    )
    empty_words = (
        "Each use of a model that a program reports stands here with its cost, the "
        "newest first. These are of the last 7 days, unless a filter says otherwise."
    )
    list_select_related = ("organization", "attribution")
    list_display = (
        *("time", "usage_id", "of", "llm"),
        number_column("input_tokens", "Tokens in"),
        number_column("output_tokens", "Tokens out"),
        money_column("total_cost", "Cost"),
        "remark",
    )
    ordering = ("-timestamp",)
    search_fields = ("usage_id",)
    search_help_text = "A whole usage id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        found: QuerySet[Any] = rows.with_followers()
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if search_term:
            queryset = queryset.filter(usage_id=search_term.strip())
        return queryset, False

    @admin.display(description="time (UTC)")
    def time(self, obj: CostRecord) -> str:
        return exact_clock(obj.timestamp, _UTC)

    @admin.display(description="of")
    def of(self, obj: CostRecord) -> str:
        where = obj.attribution
        return " / ".join(filter(None, (where.department, where.team, where.project)))

    @admin.display(description="model")
    def llm(self, obj: CostRecord) -> str:
        where = obj.attribution
        return f"{where.provider}/{where.model_version or where.model}"

    @admin.display(description="remark")
    def remark(self, obj: CostRecord) -> str:
        said = _remark(obj)
        if obj.used_at is None:
            return said
        adjusts = f"adjusts {month_words(obj.used_at)}, which was closed"
        return f"{said}; {adjusts}" if said else adjusts


def _remark(obj: CostRecord) -> str:
    """Say what is to know of a record at first sight."""
    if obj.correction < 0:
        return f"taken off for correction {-obj.correction}"
    if obj.correction:
        number = f"correction {obj.correction}"
        return number if obj.requests else f"{number}: the difference in its price"
    if not obj.priced:
        if obj.has_followers:
            return "had no price; corrected since"
        return f"unpriced{of_kinds(obj.unpriced_kinds)}"
    if obj.reported:
        return "cost named by the sender"
    return f"assumed price{of_kinds(obj.assumed_kinds)}" if obj.assumed_kinds else ""


@admin.register(DailySpend)
class DailySpendAdmin(LedgerAdmin):
    empty_words = "What each team, model and person used and cost on a day."
    list_display = (
        *("day", "attribution"),
        number_column("requests", "Requests"),
        number_column("unpriced", "Unpriced"),
        number_column("input_tokens", "Tokens in"),
        number_column("output_tokens", "Tokens out"),
        spend_column(),
    )
    list_filter = (OneOrganizationFilter, DayFilter, DimensionsFilter)
    list_select_related = ("organization", "attribution")
    ordering = ("-day",)


@admin.register(Attribution)
class AttributionAdmin(ReadOnlyAdmin):
    empty_words = "Whatever usage is reported for: teams, projects, people, models."
    read_scope = Scope.COSTS_READ
    list_display = (*DIMENSIONS[:-1], "llm")
    sortable_by = ()  # what an attribution is by all of them is their only order
    list_filter = (OrganizationFilter,)
    search_fields = (*DIMENSIONS, "sent_provider", "sent_model", "sent_user")
    ordering = (*DIMENSIONS, "model_version")
    fields = ("organization", *DIMENSIONS, "model_version", "sent_as", "tags")

    @admin.display(description="model")
    def llm(self, obj: Attribution) -> str:
        return obj.model_version or obj.model

    @admin.display(description="sent as")
    def sent_as(self, obj: Attribution) -> str:
        return sent_as(obj)


@admin.register(Repricing)
class RepricingAdmin(ReadOnlyAdmin):
    empty_words = (
        "When usage is charged anew, at prices that became known later, it stands here "
        "with who did it, why, and by how much."
    )
    change_form_outer_before_template = "console/costs/undo_link.html"
    read_scope = Scope.COSTS_READ
    list_display = (
        *("created_at", "kind", "actor", "reason"),
        number_column("records", "Records"),
        money_column("difference", "Difference"),
    )
    list_filter = ("kind", OrganizationFilter)
    list_select_related = ("organization",)
    search_fields = ("reason", "actor")


class PriceForm(ServiceForm):
    quantities = KindLinesField()

    class Meta:
        model = Price
        exclude = ()

    def serve(self) -> Price:
        if self.instance.pk is None:
            return prices.add_price(**self.cleaned_data)
        return prices.change_price(self.instance, seen=self.seen, **self.cleaned_data)


class PriceAdmin(ServiceAdmin, TenantHistoryAdmin):
    """Prices; registered by console.costs, which has their form."""

    read_scope = Scope.COSTS_READ
    write_scope = Scope.ADMIN
    has_common_rows = True
    may_delete = True
    asks_why = True
    empty_words = (
        "No prices of your own: usage costs what the bundled price list says. Set one "
        "for a contract, a discount, or a model that the list does not have."
    )
    form = PriceForm
    currency_path = "currency"
    list_display = (
        *("model", "provider", "good_for"),
        money_column("input_per_million", "Input / M", "currency"),
        money_column("cached_input_per_million", "Cached / M", "currency"),
        money_column("output_per_million", "Output / M", "currency"),
        money_column("per_request", "Per request", "currency"),
        *("others", "in_force"),
    )
    list_filter = ("provider", "provisional", OrganizationFilter)
    list_select_related = ("organization",)
    search_fields = ("provider", "model", "note")
    fieldsets = (
        ("What", {"fields": ("organization", "provider", "model", "service_tier")}),
        (
            "How much, per million tokens",
            {
                "fields": (
                    *("currency", "input_per_million", "cached_input_per_million"),
                    *("output_per_million", "per_request", "quantities", "tiers"),
                    "percent_of_list",
                )
            },
        ),
        ("When (UTC)", {"fields": ("effective_from", "effective_to")}),
        ("Remarks", {"fields": ("provisional", "note")}),
    )

    @admin.display(description="in force (UTC)", ordering="effective_from")
    def in_force(self, obj: Price) -> str:
        text = f"from {_day(obj.effective_from)}"
        if obj.effective_to:
            text += f" until {_day(obj.effective_to)}"
        return f"{text}, provisional" if obj.provisional else text

    @admin.display(description="other kinds")
    def others(self, obj: Price) -> str:
        if obj.percent_of_list is not None:
            return f"{obj.percent_of_list.normalize():f} % of the list"
        given = sorted(obj.quantities.items())
        kinds = ", ".join(f"{kind} {amount}" for kind, amount in given)
        return f"{kinds}{', tiers' if obj.tiers else ''}" or NONE

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Fill in what a link says: a day, too, which the form has as a moment."""
        initial: dict[str, Any] = {**super().get_changeform_initial_data(request)}
        if "effective_from" in initial:
            initial["effective_from"] = moment_of(initial["effective_from"])
        return initial

    def response_add(
        self, request: HttpRequest, obj: Price, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Lead on to repricing, who came here because something had no price."""
        if request.GET.get("then") != "reprice" or obj.organization is None:
            return super().response_add(request, obj, post_url_continue)
        self.message_user(request, "The price is set.", messages.SUCCESS)
        asked = {
            "organization": obj.organization.slug,
            "provider": obj.provider,
            "model": obj.model,
        }
        place = reverse("admin:ledger_costrecord_reprice")
        return redirect(f"{place}?{urlencode(asked)}")

    def delete_model(self, request: HttpRequest, obj: Price) -> None:
        prices.delete_price(obj, seen=seen_by(request.POST))

    @admin.display(description="for", ordering="organization")
    def good_for(self, obj: Price) -> str:
        return obj.organization.name if obj.organization else "everybody"


def _day(moment: datetime) -> str:
    """Write a moment in UTC, without the time where it is midnight."""
    return clock(moment, _UTC).removesuffix(", 00:00")


class ExchangeRateForm(ServiceForm):
    class Meta:
        model = ExchangeRate
        fields = ("organization", "base", "quote", "rate", "date")

    def serve(self) -> ExchangeRate:
        return prices.add_rate(**self.cleaned_data)


class ExchangeRateAdmin(ServiceAdmin, TenantHistoryAdmin):
    """A rate is made and deleted: what was booked by it keeps it.

    Registered by console.costs, which knows what budgets need one.
    """

    read_scope = Scope.COSTS_READ
    write_scope = Scope.ADMIN
    has_common_rows = True
    may_delete = True
    asks_why = True
    empty_words = (
        "No rates of your own: the daily ones of the European Central Bank are used. "
        "Set one for a currency it does not have, or for a rate you have agreed on."
    )
    form = ExchangeRateForm
    list_display = ("pair", "amount", "date", "good_for")
    list_filter = ("base", "quote", OrganizationFilter)
    list_select_related = ("organization",)
    search_fields = ("base", "quote")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="rate", ordering="rate")
    def amount(self, obj: ExchangeRate) -> str:
        return format_html('<span class="co-num">{}</span>', number_words(obj.rate))

    @admin.display(description="from and to", ordering="base")
    def pair(self, obj: ExchangeRate) -> str:
        return f"1 {obj.base} in {obj.quote}"

    @admin.display(description="for", ordering="organization")
    def good_for(self, obj: ExchangeRate) -> str:
        return obj.organization.name if obj.organization else "everybody"
