"""Organizations, as clients see them: /organizations."""

from typing import Annotated, Any, cast

from babel.numbers import list_currencies
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import is_platform, organizations_of
from accounts.api.base import ApiViewSet, tagged
from accounts.idempotency import idempotent
from accounts.models import (
    LateRecords,
    Organization,
    ResponseIds,
    UnpricedPolicy,
    validate_holidays_of,
    validate_slug,
    validate_zone,
)
from accounts.organizations import make_organization
from accounts.versions import version_of
from lib.answers import Answered, Money, Out, PageOut, answers, choices, note
from lib.errors import Forbidden
from lib.money import wire
from lib.tables import CsvRenderer
from lib.wirefields import ChoiceField, WireAmountField

LINKS_NOTE = (
    "In its currency: who decides about more than this by a mailed link has to log in "
    "first. Null: nobody has to."
)
LATE_RECORDS_NOTE = (
    "Where usage is booked whose month is closed: period, the month it belongs to; "
    "open_month, the first open month after it, as an adjustment."
)
HOLIDAYS_NOTE = (
    "Whose public holidays forecasts take for quiet days: a country's code, such as "
    "DE, or one of its parts, such as DE-BY. Empty: they are days like any."
)


class OrganizationOut(Out, frozen=True):
    """A tenant: everything else belongs to one."""

    slug: Annotated[str, note("Never changes.")]
    name: str
    currency: Annotated[str, note("ISO 4217; can't change once costs are booked.")]
    timezone: str
    fiscal_year_start_month: int
    unpriced_policy: Annotated[
        str,
        choices(UnpricedPolicy.values),
        note("Calls under a hard limit whose model has no known price."),
    ]
    response_ids: Annotated[
        str,
        choices(ResponseIds.values),
        note("once: a second record of a response is a repeat of the first."),
    ]
    late_records: Annotated[str, choices(LateRecords.values), note(LATE_RECORDS_NOTE)]
    links_decide_up_to: Annotated[Money | None, note(LINKS_NOTE)]
    holiday_calendar: Annotated[str, note(HOLIDAYS_NOTE)]


def organization_out(organization: Organization) -> OrganizationOut:
    most = organization.links_decide_up_to
    return OrganizationOut(
        slug=organization.slug,
        name=organization.name,
        currency=organization.currency,
        timezone=organization.timezone,
        fiscal_year_start_month=organization.fiscal_year_start_month,
        unpriced_policy=organization.unpriced_policy,
        response_ids=organization.response_ids,
        late_records=organization.late_records,
        links_decide_up_to=None if most is None else wire(most),
        holiday_calendar=organization.holiday_calendar,
    )


class OrganizationIn(serializers.Serializer[Organization]):
    """An organization as it is sent."""

    slug = serializers.CharField(
        max_length=100, validators=[validate_slug], help_text="Never changes."
    )
    name = serializers.CharField(max_length=200, required=False)
    currency = serializers.CharField(
        max_length=3,
        required=False,
        help_text="ISO 4217; can't change once costs are booked.",
    )
    timezone = serializers.CharField(
        max_length=64, required=False, validators=[validate_zone]
    )
    fiscal_year_start_month = serializers.IntegerField(
        min_value=1, max_value=12, required=False
    )
    unpriced_policy = ChoiceField(
        UnpricedPolicy.choices,
        required=False,
        help_text="Calls under a hard limit whose model has no known price.",
    )
    response_ids = ChoiceField(
        ResponseIds.choices,
        required=False,
        help_text="once: a second record of a response is a repeat of the first.",
    )
    late_records = ChoiceField(
        LateRecords.choices, required=False, help_text=LATE_RECORDS_NOTE
    )
    links_decide_up_to = WireAmountField(
        min_value=0, required=False, allow_null=True, help_text=LINKS_NOTE
    )
    holiday_calendar = serializers.CharField(
        max_length=6,
        required=False,
        allow_blank=True,
        validators=[validate_holidays_of],
        help_text=HOLIDAYS_NOTE,
    )

    def validate_currency(self, code: str) -> str:
        code = code.strip().upper()
        if code not in list_currencies():
            raise serializers.ValidationError(
                "Unknown currency; use an ISO 4217 code such as USD.",
                code="unknown_currency",
            )
        return code


@extend_schema_view(
    list=extend_schema(
        tags=["organizations"],
        summary="List organizations",
        description="Those the key is good for; a platform key sees all.",
        parameters=[OpenApiParameter("format", enum=["json", "csv"])],
    ),
    retrieve=extend_schema(tags=["organizations"], summary="Show an organization"),
)
class OrganizationViewSet(ApiViewSet):
    """Organizations. How one is changed, a floor above knows: `budgets.api`."""

    queryset = Organization.objects.all()
    serializer_class = OrganizationIn
    lookup_field = "slug"
    lookup_value_regex = r"[A-Za-z0-9._-]+"
    renderer_classes = [JSONRenderer, CsvRenderer]
    filter_backends = []
    query_parameters = frozenset()

    def get_queryset(self) -> QuerySet[Organization]:
        return organizations_of(self.caller).order_by("-pk")

    @answers(s200=PageOut[OrganizationOut])
    def list(self, request: Request) -> Response:
        return self.listing(self.get_queryset(), organization_out)

    @answers(s200=OrganizationOut)
    def retrieve(self, request: Request, slug: str) -> Response:
        found = self.get_object()
        return tagged(Answered(organization_out(found)), version_of(found))

    @answers(s201=OrganizationOut)
    @extend_schema(tags=["organizations"], summary="Make an organization")
    @idempotent
    def create(self, request: Request) -> Response:
        if not is_platform(self.caller):
            raise Forbidden("Only a platform key can make organizations.")
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = cast("dict[str, Any]", given.validated_data)
        made = make_organization(**{"name": values["slug"], **values})
        return Answered(organization_out(made), status=201)
