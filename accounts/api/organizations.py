"""Organizations, as clients see them: /organizations."""

from typing import Any, cast

from babel.numbers import list_currencies
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import is_platform, organizations_of
from accounts.api.base import ApiViewSet
from accounts.idempotency import idempotent
from accounts.models import (
    Organization,
    ResponseIds,
    UnpricedPolicy,
    validate_slug,
    validate_zone,
)
from accounts.organizations import change_organization, make_organization
from lib.errors import Conflict, Forbidden
from lib.tables import CsvRenderer


class SlugIsFixed(Conflict):
    """An organization's slug stands in records and programs: it stays."""

    code = "slug_is_fixed"


class OrganizationSerializer(serializers.Serializer[Organization]):
    """A tenant: everything else belongs to one."""

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
    unpriced_policy = serializers.ChoiceField(
        UnpricedPolicy.choices,
        required=False,
        help_text="Calls under a hard limit whose model has no known price.",
    )
    response_ids = serializers.ChoiceField(
        ResponseIds.choices,
        required=False,
        help_text="once: a second record of a response is a repeat of the first.",
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
    """Organizations. What may change in one, a floor above says: see `check`."""

    queryset = Organization.objects.all()
    serializer_class = OrganizationSerializer
    lookup_field = "slug"
    lookup_value_regex = r"[A-Za-z0-9._-]+"
    renderer_classes = [JSONRenderer, CsvRenderer]
    filter_backends = []
    query_parameters = frozenset()

    def get_queryset(self) -> QuerySet[Organization]:
        return organizations_of(self.caller).order_by("-pk")

    def check(self, organization: Organization, changed: frozenset[str]) -> None:
        """Refuse a change that something rests on; see `change_organization`."""
        raise NotImplementedError

    def list(self, request: Request) -> Response:
        rows = self.get_queryset()
        page = self.paginate_queryset(rows)
        if page is None:
            return Response(self.get_serializer(rows, many=True).data)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, slug: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(tags=["organizations"], summary="Make an organization")
    @idempotent
    def create(self, request: Request) -> Response:
        if not is_platform(self.caller):
            raise Forbidden("Only a platform key can make organizations.")
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = cast("dict[str, Any]", given.validated_data)
        made = make_organization(**{"name": values["slug"], **values})
        return Response(self.get_serializer(made).data, status=201)

    @extend_schema(
        tags=["organizations"],
        summary="Change an organization",
        description=(
            "A 409 tells what stands against a change: the slug never changes, the "
            "currency not once costs are booked, the fiscal year not while budgets "
            "run by it."
        ),
    )
    def partial_update(self, request: Request, slug: str) -> Response:
        organization = self.get_object()
        given = self.get_serializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        changes = cast("dict[str, Any]", given.validated_data)
        if changes.pop("slug", organization.slug) != organization.slug:
            raise SlugIsFixed("An organization's slug never changes; make another one.")
        changed = change_organization(organization, changes, check=self.check)
        return Response(self.get_serializer(changed).data)
