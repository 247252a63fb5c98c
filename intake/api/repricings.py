"""Repricing, as clients ask for it: /repricings."""

from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import organization_named, visible_to
from accounts.api.base import ApiViewSet
from accounts.idempotency import idempotent
from intake.api.answers import (
    RepricingOut,
    RepricingResultOut,
    repricing_out,
    result_out,
)
from intake.repricing import MOST_AT_ONCE, preview, reprice_at_once
from intake.undoing import preview_undo, undo_at_once
from ledger.models import Repricing
from ledger.repricing import Selection
from lib.answers import Answered, PageOut, answers
from lib.errors import Invalid
from lib.query_params import range_of
from lib.tables import CsvRenderer
from lib.wirefields import Plain

_WHY = "A reason is required: it stands in the audit trail."


class FiltersIn(serializers.Serializer[Selection]):
    """Which usage to look at; all of it, if nothing is named."""

    provider = serializers.CharField(max_length=200, required=False, allow_blank=True)
    model = serializers.CharField(
        max_length=200,
        required=False,
        allow_blank=True,
        help_text="Exact, or with * at its end.",
    )
    start_date = serializers.CharField(
        max_length=50, required=False, allow_null=True, allow_blank=True
    )
    end_date = serializers.CharField(
        max_length=50,
        required=False,
        allow_null=True,
        allow_blank=True,
        help_text="Exclusive; a bare date includes that day.",
    )
    only_unpriced = serializers.BooleanField(required=False, default=False)


class RepricingIn(serializers.Serializer[dict[str, Any]]):
    """What to reprice, and why."""

    organization_id = serializers.CharField(required=False, allow_null=True)
    filters = FiltersIn(required=False)
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)
    dry_run = serializers.BooleanField(
        default=False, help_text="Only tell what would change."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["dry_run"] and not attrs.get("reason"):
            raise serializers.ValidationError({"reason": [_WHY]}, code="required")
        return attrs


class UndoingIn(Plain):
    """Why a repricing is taken back."""

    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)
    dry_run = serializers.BooleanField(
        default=False, help_text="Only tell what would change."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["dry_run"] and not attrs.get("reason"):
            raise serializers.ValidationError({"reason": [_WHY]}, code="required")
        return attrs


@extend_schema_view(
    list=extend_schema(
        tags=["prices"],
        summary="List repricings",
        parameters=[
            OpenApiParameter("organization_id"),
            OpenApiParameter("format", enum=["json", "csv"]),
        ],
    ),
    retrieve=extend_schema(tags=["prices"], summary="Show a repricing"),
)
class RepricingViewSet(ApiViewSet):
    """Corrections of what usage was charged at: who, when, why, how much."""

    queryset = Repricing.objects.filter(kind=Repricing.Kind.PRICES).select_related(
        "organization"
    )
    lookup_value_regex = r"[0-9]{1,18}"
    renderer_classes = [JSONRenderer, CsvRenderer]
    filter_backends = []
    query_parameters = frozenset({"organization_id"})

    def get_queryset(self) -> QuerySet[Repricing]:
        rows = cast("QuerySet[Repricing]", super().get_queryset())
        if self.request.query_params.get("organization_id"):
            return rows.filter(organization=self.organization())
        return visible_to(self.caller, rows)

    @answers(s200=PageOut[RepricingOut])
    def list(self, request: Request) -> Response:
        return self.listing(self.get_queryset().order_by("-pk"), repricing_out)

    @answers(s200=RepricingOut)
    def retrieve(self, request: Request, pk: str) -> Response:
        return Answered(repricing_out(self.get_object()))

    @answers(s200=RepricingResultOut, s201=RepricingResultOut)
    @extend_schema(
        operation_id="repricings_undo",
        tags=["prices"],
        summary="Take a repricing back, or tell what that would change",
        description=(
            "By records of its own, once. What was corrected or repriced since stays; "
            "what had no price before has none again."
        ),
        request=UndoingIn,
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def undo(self, request: Request, pk: str) -> Response:
        """Take a repricing back."""
        repricing = self.get_object()
        given = UndoingIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        organization_named(repricing.organization.slug, caller=self.caller)
        if asked["dry_run"]:
            result = result_out(preview_undo(repricing), dry_run=True)
            return Answered(result)
        outcome = undo_at_once(repricing, reason=asked["reason"])
        return Answered(result_out(outcome, dry_run=False), status=201)

    @answers(s200=RepricingResultOut, s201=RepricingResultOut)
    @extend_schema(
        tags=["prices"],
        summary="Reprice booked usage, or tell what that would change",
        description=(
            "Charges what was used at what is known today of the prices and rates at "
            "the time of use, through correcting records; reported costs stay. "
            "Repeating it changes nothing. "
            f"At most {MOST_AT_ONCE:,} records in one request."
        ),
        request=RepricingIn,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        given = RepricingIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        slug = asked.get("organization_id")
        organization = organization_named(slug, caller=self.caller)
        selection = _selection(asked.get("filters", {}))
        if asked["dry_run"]:
            outcome = preview(organization, selection, most=MOST_AT_ONCE)
        else:
            outcome = reprice_at_once(organization, selection, reason=asked["reason"])
        made = outcome.repricing is not None
        result = result_out(outcome, dry_run=asked["dry_run"])
        return Answered(result, status=201 if made else 200)


def _selection(filters: dict[str, Any]) -> Selection:
    for name in ("start_date", "end_date"):
        if "\x00" in (filters.get(name) or ""):
            raise Invalid.field(f"filters.{name}", "NUL characters are not allowed.")
    start, end = range_of(
        {name: filters.get(name) or "" for name in ("start_date", "end_date")}
    )
    return Selection(
        provider=filters.get("provider", ""),
        model=filters.get("model", ""),
        start=start,
        end=end,
        only_unpriced=filters.get("only_unpriced", False),
    )
