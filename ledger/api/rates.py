"""Exchange rates set by hand, and which rate applies: /exchange-rates."""

from datetime import date
from decimal import Decimal
from typing import Any, cast

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import owner_named
from accounts.api.base import ApiViewSet
from accounts.idempotency import idempotent
from ledger.api.answers import ExchangeRateOut, ResolvedRateOut, rate_out
from ledger.api.prices import CurrencyField
from ledger.api.questions import ORGANIZATION, concerning, organization_concerned
from ledger.models import ExchangeRate
from ledger.prices import add_rate
from ledger.pricing import PriceBook
from ledger.rates import bundled_rate, is_currency
from lib.answers import Answered, PageOut, answers
from lib.errors import Invalid, NotFound
from lib.query_params import day_of_text
from lib.tables import CsvRenderer

MOST_RATE = Decimal(1_000_000)  # what the embedded database can hold exactly
LEAST_RATE = Decimal("1E-12")


class DayField(serializers.DateField):
    """A day of the calendar."""

    def to_internal_value(self, value: Any) -> date:
        try:
            return day_of_text(value if isinstance(value, str) else "", "date")
        except Invalid as error:
            raise serializers.ValidationError(str(error)) from error


class RateIn(serializers.Serializer[ExchangeRate]):
    """1 base = `rate` quote, from that UTC day until the next known one."""

    base = CurrencyField()
    quote = CurrencyField()
    rate = serializers.DecimalField(
        max_digits=19, decimal_places=12, min_value=LEAST_RATE, max_value=MOST_RATE
    )
    date = DayField()


class NewRateIn(RateIn):
    """A rate to be set."""

    organization_id = serializers.CharField(
        required=False, allow_null=True, help_text="Null: for all organizations."
    )


@extend_schema_view(
    retrieve=extend_schema(tags=["exchange rates"], summary="Show a rate")
)
class RateViewSet(ApiViewSet):
    """Exchange rates that are better known than the bundled ones.

    Which of them budgets can do without, a floor above knows: see `budgets.api`.
    """

    queryset = ExchangeRate.objects.select_related("organization")
    serializer_class = RateIn
    lookup_value_regex = r"[0-9]{1,18}"
    renderer_classes = [JSONRenderer, CsvRenderer]
    filter_backends = []
    query_parameters = frozenset({"organization_id", "base", "quote", "date"})

    def get_queryset(self) -> QuerySet[ExchangeRate]:
        query = self.request.query_params
        rows = super().get_queryset().filter(concerning(self))
        for name in ("base", "quote"):
            if query.get(name):
                rows = rows.filter(**{name: query[name].upper()})
        return cast("QuerySet[ExchangeRate]", rows)

    @answers(s200=(PageOut[ExchangeRateOut], ResolvedRateOut))
    @extend_schema(
        tags=["exchange rates"],
        summary="List rates set by hand, or resolve one",
        description=(
            "With both base and quote it answers the one rate that applies on `date` "
            "(today): `{base, quote, rate, date, source}`, where date is the day it is "
            "from and source is `manual` or `bundled`. Else the rates set by hand."
        ),
        parameters=[
            ORGANIZATION,
            OpenApiParameter("base"),
            OpenApiParameter("quote"),
            OpenApiParameter("date", OpenApiTypes.DATE),
            OpenApiParameter("format", enum=["json", "csv"]),
        ],
    )
    def list(self, request: Request) -> Response:
        query = request.query_params
        if query.get("base") and query.get("quote"):
            return Answered(self._resolved(query["base"], query["quote"]))
        rows = self.get_queryset().order_by("-pk")
        if query.get("date"):
            rows = rows.filter(date=day_of_text(query["date"], "date"))
        return self.listing(rows, rate_out)

    def _resolved(self, base: str, quote: str) -> ResolvedRateOut:
        base, quote = base.strip().upper(), quote.strip().upper()
        given = self.request.query_params.get("date")
        on = day_of_text(given, "date") if given else timezone.now().date()
        for name, code in (("base", base), ("quote", quote)):
            if not is_currency(code):
                detail = "Unknown currency; use an ISO 4217 code such as USD."
                raise Invalid.field(name, detail, code="unknown_currency")
        owner = organization_concerned(self)
        found = PriceBook(owner).rate(base, quote, on)
        if found is None:
            raise NotFound(f"No rate from {base} to {quote} is known for {on}.")
        manual = ExchangeRate.objects.for_organization(owner).filter(
            Q(base=base, quote=quote) | Q(base=quote, quote=base), date=found.date
        )
        bundled = bundled_rate(base, quote, on)
        by_hand = base != quote and (bundled is None or manual.exists())
        source = "manual" if by_hand else "bundled"
        return ResolvedRateOut(base, quote, f"{found.rate:f}", found.date, source)

    @answers(s200=ExchangeRateOut)
    def retrieve(self, request: Request, pk: str) -> Response:
        return Answered(rate_out(self.get_object()))

    @answers(s201=ExchangeRateOut)
    @extend_schema(
        tags=["exchange rates"],
        summary="Set a rate",
        description="What is already booked keeps the rate it was booked with.",
        request=NewRateIn,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        data = request.data if isinstance(request.data, dict) else {}
        owner = owner_named(data, caller=self.caller)
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        rate = add_rate(organization=owner, **given.validated_data)
        return Answered(rate_out(rate), status=201)
