"""Prices set by hand, and which price applies: /pricing."""

from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    extend_schema,
    extend_schema_view,
    inline_serializer,
)
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import is_platform, owner_named
from accounts.api.base import ApiView, ApiViewSet
from accounts.idempotency import idempotent
from ledger.api.price_fields import KindPricesField, TierSerializer, refuse_meant
from ledger.api.questions import ORGANIZATION, concerning, organization_concerned
from ledger.catalogue import OPEN_END, OPEN_START
from ledger.models import Price
from ledger.prices import (
    MOST_OF_ONE,
    MOST_PERCENT,
    about,
    add_price,
    change_price,
    count_priced_by,
    delete_price,
)
from ledger.pricing import PriceBook
from ledger.rates import currency_named
from ledger.tariffs import PricedSpan, Rates, Tariff
from lib.errors import Forbidden, Invalid, NotFound
from lib.money import from_units, wire
from lib.query_params import moment_of
from lib.tables import CsvRenderer
from lib.wirefields import AmountField, MomentField, Plain


class CurrencyField(serializers.CharField):
    """An ISO 4217 code, in any case."""

    def to_internal_value(self, data: Any) -> str:
        code = currency_named(super().to_internal_value(data))
        if code is None:
            raise serializers.ValidationError(
                "Unknown currency; use an ISO 4217 code such as USD.",
                code="unknown_currency",
            )
        return code


def _amount() -> AmountField:
    return AmountField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=MOST_OF_ONE,
        help_text="Null, or left out: as in the catalogue.",
    )


class PriceSerializer(Plain):
    """A price that overrides the bundled catalogue, good for a stretch of time.

    What it leaves out is the catalogue's.
    """

    shown = frozenset({"unpriced_requests"})

    id = serializers.IntegerField(read_only=True)
    organization_id = serializers.CharField(
        source="organization.slug",
        default=None,
        read_only=True,
        allow_null=True,
        help_text="Null: for all organizations; only a platform key can set that.",
    )
    provider = serializers.CharField(max_length=200)
    model = serializers.CharField(
        max_length=200,
        help_text="Under all its names and versions; a version is that one, gpt-4* "
        "what goes on at a dash, ft:gpt-4o what is fine-tuned.",
    )
    service_tier = serializers.CharField(
        max_length=50, required=False, allow_blank=True, default=""
    )
    effective_from = MomentField(
        required=False, help_text="From this moment on; now, if it is left out."
    )
    effective_to = MomentField(
        required=False, allow_null=True, help_text="Exclusive. Null: open."
    )
    currency = CurrencyField(required=False, default="USD")
    input_per_million = _amount()
    cached_input_per_million = _amount()
    output_per_million = _amount()
    per_request = _amount()
    quantities = KindPricesField(
        required=False,
        help_text="Other kinds: the price of a million tokens, or of one thing.",
    )
    tiers = TierSerializer(
        many=True,
        required=False,
        help_text="Other prices of long requests; those left out are as above.",
    )
    percent_of_list = serializers.DecimalField(
        max_digits=7,
        decimal_places=4,
        required=False,
        allow_null=True,
        min_value=0,
        max_value=MOST_PERCENT,
        help_text="Instead of prices: 90 is 10 % off all that the catalogue has.",
    )
    provisional = serializers.BooleanField(
        required=False, default=False, help_text="An estimate, for the time being."
    )
    note = serializers.CharField(
        max_length=500, required=False, allow_blank=True, default=""
    )
    created_at = MomentField(read_only=True)

    def to_internal_value(self, data: Any) -> Any:
        refuse_meant(data)
        return super().to_internal_value(data)


class MadePriceSerializer(PriceSerializer):
    """A price just made."""

    unpriced_requests = serializers.IntegerField(
        read_only=True,
        help_text="Unpriced requests so far that it is for: POST /repricings.",
    )


class NewPriceSerializer(PriceSerializer):
    """A price to be made."""

    organization_id = serializers.CharField(
        required=False, allow_null=True, help_text="Null: for all organizations."
    )


_FILTERS = [
    ORGANIZATION,
    OpenApiParameter("provider"),
    OpenApiParameter("model", description="As it stands in the price."),
    OpenApiParameter(
        "at", OpenApiTypes.DATETIME, description="In force at this moment."
    ),
    OpenApiParameter("format", enum=["json", "csv"]),
]


@extend_schema_view(
    list=extend_schema(
        tags=["prices"], summary="List prices set by hand", parameters=_FILTERS
    ),
    retrieve=extend_schema(tags=["prices"], summary="Show a price"),
)
class PriceViewSet(ApiViewSet):
    """Overrides of the bundled catalogue."""

    queryset = Price.objects.select_related("organization")
    serializer_class = PriceSerializer
    lookup_value_regex = r"\d{1,18}"
    renderer_classes = [JSONRenderer, CsvRenderer]
    filter_backends = []
    query_parameters = frozenset({"organization_id", "provider", "model", "at"})

    def get_queryset(self) -> QuerySet[Price]:
        query = self.request.query_params
        rows = super().get_queryset().filter(concerning(self))
        rows = about(rows, query.get("provider", ""), query.get("model", ""))
        if query.get("at"):
            at = moment_of(query["at"], "at")
            later = Q(effective_to=None) | Q(effective_to__gt=at)
            rows = rows.filter(later, effective_from__lte=at)
        return rows

    def list(self, request: Request) -> Response:
        rows = self.get_queryset().order_by("-pk")
        page = self.paginate_queryset(rows)
        if page is None:
            return Response(self.get_serializer(rows, many=True).data)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        tags=["prices"],
        summary="Set a price",
        description=(
            "It applies to what was used from effective_from on and is booked from now "
            "on; the answer tells how many unpriced requests it would price."
        ),
        request=NewPriceSerializer,
        responses={201: MadePriceSerializer},
    )
    @idempotent
    def create(self, request: Request) -> Response:
        owner = owner_named(_object(request.data), caller=self.caller)
        given = PriceSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        price = add_price(organization=owner, **given.validated_data)
        price.unpriced_requests = count_priced_by(price)  # type: ignore[attr-defined]  # for the answer alone
        return Response(MadePriceSerializer(price).data, status=201)

    @extend_schema(tags=["prices"], summary="Change a price")
    def partial_update(self, request: Request, pk: str) -> Response:
        price = self._own(self.get_object())
        data = _object(request.data)
        if "organization_id" in data:
            owner = owner_named(data, caller=self.caller)
            if (owner and owner.pk) != price.organization_id:
                detail = "A price can't change hands; make a new one."
                raise Invalid.field("organization_id", detail)
        given = PriceSerializer(data=data, partial=True)
        given.is_valid(raise_exception=True)
        changed = change_price(price, **given.validated_data)
        return Response(self.get_serializer(changed).data)

    @extend_schema(tags=["prices"], summary="Delete a price")
    def destroy(self, request: Request, pk: str) -> Response:
        delete_price(self._own(self.get_object()))
        return Response(status=204)

    def _own(self, price: Price) -> Price:
        if price.organization_id is None and not is_platform(self.caller):
            raise Forbidden("Only a platform key can change what is for everybody.")
        return price


def _object(data: object) -> dict[str, Any]:
    """Return the body, which has to be an object.

    Raises:
        Invalid: it is something else.
    """
    if not isinstance(data, dict):
        raise Invalid("The body must be a JSON object.")
    return data


_NAMED = {
    "input_tokens": "input_per_million",
    "cached_tokens": "cached_input_per_million",
    "cache_write_tokens": "cache_write_per_million",
    "output_tokens": "output_per_million",
    "reasoning_tokens": "reasoning_per_million",
}
_RATE_FIELDS: dict[str, serializers.Field[Any, Any, Any, Any]] = {
    **{name: AmountField(allow_null=True) for name in _NAMED.values()},
    "per_request": AmountField(),
    "quantities": KindPricesField(
        help_text="Other kinds: a million tokens, or one thing."
    ),
    "assumed_kinds": serializers.ListField(
        child=serializers.CharField(),
        help_text="Kinds whose price stands in for one of their own.",
    ),
}


class PriceResolution(ApiView):
    """Which price applies."""

    query_parameters = frozenset(
        {"organization_id", "provider", "model", "at", "service_tier"}
    )

    @extend_schema(
        operation_id="pricing_resolve",
        tags=["prices"],
        summary="Tell which price applies",
        description=(
            "The price of a model at a moment, where it comes from "
            "(`override:17`, `catalogue:openai/gpt-4o`) and how long it holds. "
            "A price that is not known is a 404 with the code `price_unknown`."
        ),
        parameters=[
            OpenApiParameter("provider", required=True),
            OpenApiParameter("model", required=True),
            OpenApiParameter("at", OpenApiTypes.DATETIME, description="Now."),
            OpenApiParameter("service_tier"),
            ORGANIZATION,
        ],
        responses=inline_serializer(
            "ResolvedPrice",
            {
                "provider": serializers.CharField(),
                "model": serializers.CharField(),
                "service_tier": serializers.CharField(),
                "at": MomentField(),
                "source": serializers.CharField(),
                "price_id": serializers.IntegerField(allow_null=True),
                "currency": serializers.CharField(),
                **_RATE_FIELDS,
                "tiers": serializers.ListField(
                    child=serializers.DictField(),
                    help_text="Prices of requests with more input tokens.",
                ),
                "effective_from": MomentField(allow_null=True),
                "effective_to": MomentField(allow_null=True),
            },
        ),
    )
    def get(self, request: Request) -> Response:
        query = request.query_params
        provider, model, tier = (
            query.get(name, "") for name in ("provider", "model", "service_tier")
        )
        for name, value in (("provider", provider), ("model", model)):
            if not value:
                raise Invalid.field(name, f"{name} is required.", code="required")
        now = timezone.now()
        at = moment_of(query["at"], "at") if query.get("at") else now
        book = PriceBook(organization_concerned(self))
        span = book.span_at(provider, model, tier, at)
        if span.tariff is None:
            raise PriceUnknown(f"No price is known for {provider} {model} then.")
        answer = {"provider": provider, "model": model, "service_tier": tier, "at": at}
        return Response(answer | _described(span, span.tariff))


class PriceUnknown(NotFound):
    """Neither the catalogue nor an override has a price."""

    code = "price_unknown"


def _described(span: PricedSpan, tariff: Tariff) -> dict[str, Any]:
    return {
        "source": tariff.source,
        "price_id": tariff.price_ref,
        "currency": tariff.currency,
        **_amounts(tariff, tariff.rates),
        "tiers": [
            {"above_input_tokens": start, **_amounts(tariff, rates)}
            for start, rates in tariff.tiers
        ],
        "effective_from": _bound(span.start, OPEN_START),
        "effective_to": _bound(span.end, OPEN_END),
    }


def _amounts(tariff: Tariff, rates: Rates) -> dict[str, Any]:
    found = {kind: tariff.price_of(kind, rates) for kind in tariff.kinds(rates)}
    prices = {
        kind: wire(price.amount) if price else None for kind, price in found.items()
    }
    named = {name: prices.pop(kind, None) for kind, name in _NAMED.items()}
    return {
        **named,
        "per_request": wire(from_units(rates.per_request)),
        "quantities": {kind: prices[kind] for kind in sorted(prices) if prices[kind]},
        "assumed_kinds": sorted(
            kind for kind, price in found.items() if price and price.assumed
        ),
    }


def _bound(moment: datetime, open_one: datetime) -> datetime | None:
    return None if moment == open_one else moment.astimezone(UTC)
