"""Prices set by hand, and which price applies: /pricing."""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import is_platform, owner_named
from accounts.api.base import IF_MATCH, ApiView, ApiViewSet, tagged
from accounts.api.fields import ReasonField
from accounts.audit import giving
from accounts.idempotency import idempotent
from accounts.versions import version_of
from ledger.api.answers import (
    MadePriceOut,
    PriceOut,
    ResolvedPriceOut,
    made_price_out,
    price_out,
    resolved_price_out,
)
from ledger.api.price_fields import KindPricesField, TierSerializer, refuse_meant
from ledger.api.questions import ORGANIZATION, concerning, organization_concerned
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
from lib.answers import Answered, PageOut, answers
from lib.errors import Forbidden, Invalid, NotFound
from lib.query_params import moment_of
from lib.tables import CsvRenderer
from lib.wirefields import MomentField, Plain, WireAmountField


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


def _amount() -> WireAmountField:
    return WireAmountField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=MOST_OF_ONE,
        help_text="Null, or left out: as in the catalogue.",
    )


class PriceIn(Plain):
    """A price that overrides the bundled catalogue, good for a stretch of time.

    What it leaves out is the catalogue's.
    """

    shown = frozenset({"id", "organization_id", "created_at", "unpriced_requests"})

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
    reason = ReasonField(help_text="Why it is set or changed; kept in the history.")

    def to_internal_value(self, data: Any) -> Any:
        refuse_meant(data)
        return super().to_internal_value(data)


class NewPriceIn(PriceIn):
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
    serializer_class = PriceIn
    lookup_value_regex = r"[0-9]{1,18}"
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

    @answers(s200=PageOut[PriceOut])
    def list(self, request: Request) -> Response:
        return self.listing(self.get_queryset().order_by("-pk"), price_out)

    @answers(s200=PriceOut)
    def retrieve(self, request: Request, pk: str) -> Response:
        return _tagged(self.get_object())

    @answers(s201=MadePriceOut)
    @extend_schema(
        tags=["prices"],
        summary="Set a price",
        description=(
            "It applies to what was used from effective_from on and is booked from now "
            "on; the answer tells how many unpriced requests it would price."
        ),
        request=NewPriceIn,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        owner = owner_named(_object(request.data), caller=self.caller)
        given = PriceIn(data=request.data)
        given.is_valid(raise_exception=True)
        fields = dict(given.validated_data)
        with giving(fields.pop("reason", "")):
            price = add_price(organization=owner, **fields)
        return Answered(made_price_out(price, count_priced_by(price)), status=201)

    @answers(s200=PriceOut)
    @extend_schema(tags=["prices"], summary="Change a price", parameters=[IF_MATCH])
    def partial_update(self, request: Request, pk: str) -> Response:
        price = self._own(self.get_object())
        data = _object(request.data)
        if "organization_id" in data:
            owner = owner_named(data, caller=self.caller)
            if (owner and owner.pk) != price.organization_id:
                detail = "A price can't change hands; make a new one."
                raise Invalid.field("organization_id", detail)
        given = PriceIn(data=data, partial=True)
        given.is_valid(raise_exception=True)
        fields = dict(given.validated_data)
        with giving(fields.pop("reason", "")):
            return _tagged(change_price(price, seen=self.seen(), **fields))

    @answers(s204=None)
    @extend_schema(tags=["prices"], summary="Delete a price", parameters=[IF_MATCH])
    def destroy(self, request: Request, pk: str) -> Response:
        delete_price(self._own(self.get_object()), seen=self.seen())
        return Response(status=204)

    def _own(self, price: Price) -> Price:
        if price.organization_id is None and not is_platform(self.caller):
            raise Forbidden("Only a platform key can change what is for everybody.")
        return price


def _tagged(price: Price) -> Response:
    return tagged(Answered(price_out(price)), version_of(price))


def _object(data: object) -> dict[str, Any]:
    """Return the body, which has to be an object.

    Raises:
        Invalid: it is something else.
    """
    if not isinstance(data, dict):
        raise Invalid("The body must be a JSON object.")
    return data


class PriceResolution(ApiView):
    """Which price applies."""

    query_parameters = frozenset(
        {"organization_id", "provider", "model", "at", "service_tier"}
    )

    @answers(s200=ResolvedPriceOut)
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
        asked = {"provider": provider, "model": model, "service_tier": tier}
        return Answered(resolved_price_out(span, span.tariff, asked=asked, at=at))


class PriceUnknown(NotFound):
    """Neither the catalogue nor an override has a price."""

    code = "price_unknown"
