"""Fixed charges, as clients keep them: /fixed-charges."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import organization_named, visible_to
from accounts.api.base import ApiViewSet
from accounts.audit import MOST_REASON
from accounts.idempotency import idempotent
from intake.api.fixed_charge_answers import FixedChargeOut, charge_out
from intake.fixed_charges import cancel, correct_charge, keep_charge
from ledger.amortization import ChargeInterval
from ledger.api.prices import CurrencyField
from ledger.api.questions import ORGANIZATION
from ledger.api.rates import DayField
from ledger.costs import LONGEST_VALUE
from ledger.models import ChargeKind, FixedCharge
from ledger.models.fixed_charges import LONGEST_CHARGE_NAME
from lib.answers import Answered, PageOut, answers
from lib.lookups import row_or_404
from lib.tables import CsvRenderer
from lib.wirefields import ChoiceField, Plain, WireAmountField

_DIMENSIONS = {
    "department_id": "department",
    "team_id": "team",
    "project_id": "project",
    "environment": "environment",
    "user_id": "user",
}


def _dimension() -> serializers.CharField:
    return serializers.CharField(
        max_length=LONGEST_VALUE, required=False, allow_blank=True, allow_null=True
    )


class FixedChargeIn(Plain):
    """A fixed charge as it is sent."""

    name = serializers.CharField(max_length=LONGEST_CHARGE_NAME)
    kind = ChoiceField(ChargeKind.choices, required=False, help_text="other without it")
    provider = serializers.CharField(max_length=LONGEST_VALUE)
    amount = WireAmountField(help_text="In each interval.")
    currency = CurrencyField(required=False, help_text="The organization's without it.")
    interval = ChoiceField(
        [(one.value, one.value) for one in ChargeInterval],
        help_text="What falls due once is spread over all its days; a month or a year "
        "is counted from the first day; of one that is cut off its days are charged.",
    )
    start_date = DayField(help_text="The first day, in the organization's time zone.")
    end_date = DayField(
        required=False,
        allow_null=True,
        help_text="The last day. Null: it goes on; what falls due once is of one day.",
    )
    department_id = _dimension()
    team_id = _dimension()
    project_id = _dimension()
    environment = _dimension()
    user_id = _dimension()
    tags = serializers.JSONField(required=False, help_text="As those of usage.")
    covers = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_VALUE),
        required=False,
        max_length=100,
        help_text="Models, gpt-4* too, whose usage by these dimensions it pays for "
        "while it runs: that counts 0, with the price by list beside it, from now on. "
        "Usage that names a cost of its own, as overage does, counts that.",
    )
    reason = serializers.CharField(max_length=MOST_REASON, help_text="Kept beside it.")


class NewFixedChargeIn(FixedChargeIn):
    """A fixed charge to be kept."""

    organization_id = serializers.CharField(
        max_length=100, required=False, allow_null=True
    )


class ChargeCancellationIn(Plain):
    """From when on a charge ends, and why."""

    from_date = DayField(
        required=False, help_text="The first day without it. Without one: all of it."
    )
    reason = serializers.CharField(max_length=MOST_REASON)


@extend_schema_view(
    list=extend_schema(
        summary="List fixed charges",
        description="Those that begin last come first.",
        parameters=[ORGANIZATION, OpenApiParameter("format", enum=["json", "csv"])],
    ),
    retrieve=extend_schema(summary="Show a fixed charge"),
)
@extend_schema(tags=["fixed charges"])
class FixedChargeViewSet(ApiViewSet):
    """Seats, subscriptions, commitments: what is owed whether or not it is used."""

    queryset = FixedCharge.objects.none()
    renderer_classes = [JSONRenderer, CsvRenderer]
    filter_backends = []
    lookup_field = "uid"
    lookup_value_regex = "[^/]+"
    query_parameters = frozenset({"organization_id"})

    def get_queryset(self) -> QuerySet[FixedCharge]:
        rows = FixedCharge.objects.select_related(
            "organization", "replaces", "replacement"
        )
        if slug := self.request.query_params.get("organization_id"):
            rows = rows.filter(
                organization=organization_named(slug, caller=self.caller)
            )
        return visible_to(self.caller, rows)

    def charge(self, uid: str) -> FixedCharge:
        missing = "There is no such fixed charge."
        return row_or_404(self.get_queryset(), uid, missing=missing)

    @answers(s200=PageOut[FixedChargeOut])
    def list(self, request: Request) -> Response:
        rows = self.get_queryset().order_by("-start_date", "-pk")
        return self.listing(rows, charge_out)

    @answers(s200=FixedChargeOut)
    def retrieve(self, request: Request, uid: str) -> Response:
        return Answered(charge_out(self.charge(uid)))

    @answers(s201=FixedChargeOut)
    @extend_schema(
        summary="Keep a fixed charge",
        description=(
            "Each day's part is booked within a minute of its beginning, and charged "
            "to budgets like usage; so are days that are over already."
        ),
        request=NewFixedChargeIn,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        given = _given(NewFixedChargeIn(data=request.data))
        slug = given.pop("organization_id", None)
        organization = organization_named(slug, caller=self.caller)
        charge = keep_charge(organization, **_plan_of(given))
        return Answered(charge_out(self.charge(str(charge.uid))), status=201)

    @answers(s200=FixedChargeOut)
    @extend_schema(
        summary="End a fixed charge",
        description=(
            "Nothing is charged from that day on; what was booked of it is taken off "
            "by records beside it. Once for each charge."
        ),
        request=ChargeCancellationIn,
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, uid: str) -> Response:
        return self._cancel(request, uid)

    @idempotent
    def _cancel(self, request: Request, uid: str) -> Response:
        charge = self.charge(uid)
        given = _given(ChargeCancellationIn(data=request.data))
        day = given.get("from_date", charge.start_date)
        cancel(charge, day=day, reason=given["reason"], now=timezone.now())
        return Answered(charge_out(self.charge(uid)))

    @answers(s201=FixedChargeOut)
    @extend_schema(
        summary="Put another in the place of a fixed charge",
        description=(
            "All that was booked of it is taken off, and the new one, sent whole, is "
            "charged instead. The answer is the new one."
        ),
        request=FixedChargeIn,
    )
    @action(detail=True, methods=["post"])
    def correct(self, request: Request, uid: str) -> Response:
        return self._correct(request, uid)

    @idempotent
    def _correct(self, request: Request, uid: str) -> Response:
        charge = self.charge(uid)
        plan = _plan_of(_given(FixedChargeIn(data=request.data)))
        made = correct_charge(charge, now=timezone.now(), **plan)
        return Answered(charge_out(self.charge(str(made.uid))), status=201)


def _given(shape: serializers.Serializer[Any]) -> dict[str, Any]:
    shape.is_valid(raise_exception=True)
    return dict(shape.validated_data)


def _plan_of(given: dict[str, Any]) -> dict[str, Any]:
    """Return what is given in the words of the ledger."""
    plan = {
        _DIMENSIONS.get(name, name): value
        for name, value in given.items()
        if value is not None
    }
    plan["last_day"] = plan.pop("end_date", None)
    plan.setdefault("kind", ChargeKind.OTHER)
    return plan
