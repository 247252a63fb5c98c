"""Changing what budgets rest on: organizations, and exchange rates."""

from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import is_platform
from accounts.api.base import IF_MATCH, tagged
from accounts.api.organizations import (
    OrganizationOut,
    OrganizationViewSet,
    organization_out,
)
from accounts.versions import version_of
from budgets.organizations import change_organization, delete_rate
from ledger.api.rates import RateViewSet
from lib.answers import Answered, answers
from lib.errors import Conflict, Forbidden


class SlugIsFixed(Conflict):
    """An organization's slug stands in records and programs: it stays."""

    code = "slug_is_fixed"


class Organizations(OrganizationViewSet):
    """Organizations, which can be changed."""

    @answers(s200=OrganizationOut)
    @extend_schema(
        tags=["organizations"],
        summary="Change an organization",
        description=(
            "A 409 tells what stands against a change: the slug never changes, the "
            "currency not once costs are booked, the fiscal year not while budgets "
            "run by it."
        ),
        parameters=[IF_MATCH],
    )
    def partial_update(self, request: Request, slug: str) -> Response:
        organization = self.get_object()
        given = self.get_serializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        changes = cast("dict[str, Any]", given.validated_data)
        if changes.pop("slug", organization.slug) != organization.slug:
            raise SlugIsFixed("An organization's slug never changes; make another one.")
        changed = change_organization(organization, changes, seen=self.seen())
        return tagged(Answered(organization_out(changed)), version_of(changed))


class DeletableRates(RateViewSet):
    """Exchange rates, which can be deleted."""

    @answers(s204=None)
    @extend_schema(tags=["exchange rates"], summary="Delete a rate")
    def destroy(self, request: Request, pk: str) -> Response:
        rate = self.get_object()
        if rate.organization_id is None and not is_platform(self.caller):
            raise Forbidden("Only a platform key can change what is for everybody.")
        delete_rate(rate)
        return Response(status=204)
