"""Chargeback, as the API answers it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import organization_named
from accounts.api.base import ApiView
from accounts.idempotency import idempotent
from accounts.models import Organization
from lib.answers import Answered, Exact, Moment, Money, Out, answers, choices, note
from lib.errors import NotFound
from lib.humanize import reader_locale
from lib.query_params import known_words, whole_number
from lib.wirefields import ChoiceField, Plain
from reports.api.exports import ORGANIZATION
from reports.api.months import MONTH_OF_UTC, month_in
from reports.chargeback.allocation import KEYS, AllocationKey
from reports.chargeback.exports import issue_of
from reports.chargeback.figures import (
    ChargebackFigures,
    digest_of,
    only,
    read,
    written,
)
from reports.chargeback.files import csv_of, paper_of
from reports.chargeback.reading import by_of
from reports.chargeback.services import (
    Given,
    charged_back,
    freeze,
    last_statement,
    set_shares,
    shares_of,
    statements_of,
)
from reports.models import ChargebackStatement
from reports.models.chargeback import LONGEST_BY, LONGEST_NAME

_BY = OpenApiParameter(
    "by", required=True, description="department, team, project, or tag:<name>."
)
_KEY = OpenApiParameter(
    "key",
    enum=list(KEYS),
    default=AllocationKey.SPEND.value,
    description="By what costs that belong to nobody are allocated.",
)
_FORMAT = OpenApiParameter("format", enum=["json", "csv", "pdf"])
_NAME = OpenApiParameter("name", description="The statement of one of them alone.")
_FROZEN = OpenApiParameter(
    "revision", int, description="As it was frozen, instead of as it is now."
)


class ChargebackLineOut(Out, frozen=True):
    """What one department, team, project or customer is charged."""

    name: str
    direct: Money
    allocated: Annotated[Money, note("Of what belongs to nobody.")]
    total: Money
    weight: Annotated[Exact, note("By which that was allocated.")]


class FrozenOut(Out, frozen=True):
    """What a month's chargeback was frozen as."""

    revision: int
    sha256: Annotated[str, note("Of the figures, as they are kept.")]
    replaces: Annotated[int | None, note("The revision that it replaces.")]
    reason: str
    made_at: Moment
    made_by: str
    is_current: Annotated[bool, note("Figures are the same now.")]


class ChargebackOut(Out, frozen=True):
    """A month's costs by whom they are charged to; they add up to the total."""

    month: str
    by: str
    key: Annotated[str, choices(KEYS)]
    currency: str
    total: Money
    lines: list[ChargebackLineOut]
    shared: Annotated[Money, note("What belongs to nobody, before it is allocated.")]
    unallocated: Annotated[Money, note("What of it nobody could be given.")]
    statement: Annotated[FrozenOut | None, note("The last one that was frozen.")]


class _File(BaseRenderer):
    """Bytes, as they are."""

    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return data


class ChargebackCsv(_File):
    media_type = "text/csv"
    format = "csv"


class ChargebackPdf(_File):
    media_type = "application/pdf"
    format = "pdf"
    render_style = "binary"


class ChargebackIn(Plain):
    """A month's chargeback that is to be frozen."""

    organization_id = serializers.CharField(
        required=False, allow_blank=True, help_text="Its slug, for a platform key."
    )
    month = serializers.CharField(help_text="Such as 2025-01.")
    by = serializers.CharField(
        max_length=210, help_text="department, team, project, or tag:<name>."
    )
    key = ChoiceField(
        [(key.value, key.value) for key in AllocationKey],
        required=False,
        default=AllocationKey.SPEND.value,
    )
    reason = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=500,
        help_text="Required where it replaces one with other figures.",
    )


class Chargeback(ApiView):
    """What a month cost each department, team, project or customer."""

    query_parameters = frozenset(
        {"organization_id", "month", "by", "key", "name", "revision"}
    )
    renderer_classes = [JSONRenderer, ChargebackCsv, ChargebackPdf]

    @answers(s200=ChargebackOut)
    @extend_schema(
        operation_id="chargeback_retrieve",
        parameters=[ORGANIZATION, MONTH_OF_UTC, _BY, _KEY, _NAME, _FROZEN, _FORMAT],
    )
    def get(self, request: Request) -> Response:
        """Tell a month's costs by whom they are charged to.

        Exact to ten places; files are in cents, with a line of what rounding comes to.
        """
        query, organization = request.query_params, self.organization()
        month, by = month_in(query.get("month", "")), by_of(query.get("by", ""))
        (word,) = known_words([query.get("key") or "spend"], KEYS, "key")
        key = AllocationKey(word)
        last = last_statement(organization, month, by, key)
        if text := query.get("revision"):
            number = whole_number(text, "revision", least=1, most=2**31 - 1)
            last = _revision(statements_of(organization, month), by, key, number)
            shown = read(last.figures)
        else:
            shown = charged_back(organization, month, by, key)
        return self._answer(shown, last, query.get("name") or "")

    def _answer(
        self, shown: ChargebackFigures, last: ChargebackStatement | None, name: str
    ) -> Response:
        if name:
            found = only(shown, name)
            if found is None:
                raise NotFound(f"{shown.month} has none that is called “{name}”.")
            whole, shown = shown, found
        else:
            whole = shown
        form = self.request.accepted_renderer.format
        if form == "json":
            return Answered(chargeback_out(shown, last, whole=whole))
        issue = issue_of(whole, last, reader_locale(), now=timezone.now())
        body = csv_of(shown) if form == "csv" else paper_of(shown, issue, unit=name)
        response = Response(body)
        file_name = f"chargeback-{shown.organization}-{shown.month}.{form}"
        response["Content-Disposition"] = f'attachment; filename="{file_name}"'
        return response

    @answers(s200=ChargebackOut, s201=ChargebackOut)
    @extend_schema(operation_id="chargeback_create", request=ChargebackIn)
    @idempotent
    def post(self, request: Request) -> Response:
        """Freeze a month's chargeback: 201, or 200 where the last one says the same.

        What is frozen never changes. One with other figures is a new revision, which
        names the one it replaces and says why.
        """
        shape = ChargebackIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        slug = given.get("organization_id")
        organization = organization_named(slug, caller=self.caller)
        made, is_new = freeze(
            organization,
            month_in(given["month"]),
            by_of(given["by"]),
            AllocationKey(given["key"]),
            reason=given["reason"],
        )
        answer = chargeback_out(read(made.figures), made)
        return Answered(answer, status=201 if is_new else 200)


def _revision(
    rows: QuerySet[ChargebackStatement], by: str, key: AllocationKey, number: int
) -> ChargebackStatement:
    found = rows.filter(by=by, key=key.value, revision=number).first()
    if found is None:
        raise NotFound(f"There is no revision {number} of this statement.")
    return found


def chargeback_out(
    figures: ChargebackFigures,
    last: ChargebackStatement | None,
    *,
    whole: ChargebackFigures | None = None,
) -> ChargebackOut:
    """*whole*: the figures of all, where *figures* are those of one."""
    return ChargebackOut(
        month=figures.month,
        by=figures.by,
        key=figures.key,
        currency=figures.currency,
        total=figures.total,
        lines=[
            ChargebackLineOut(
                line.name, line.direct, line.allocated, line.total, line.weight
            )
            for line in figures.lines
        ],
        shared=figures.shared,
        unallocated=figures.unallocated,
        statement=None if last is None else _frozen_out(last, whole or figures),
    )


def _frozen_out(row: ChargebackStatement, figures: ChargebackFigures) -> FrozenOut:
    return FrozenOut(
        revision=row.revision,
        sha256=row.sha256,
        replaces=row.replaces.revision if row.replaces else None,
        reason=row.reason,
        made_at=row.made_at,
        made_by=row.made_by,
        is_current=row.sha256 == digest_of(written(figures)),
    )


class AllocationShareOut(Out, frozen=True):
    """What is set of one department, team, project or customer."""

    name: str
    share: Annotated[Exact | None, note("Of shared costs: 0 to 1.")]
    heads: int | None


class AllocationSharesOut(Out, frozen=True):
    """By what shared costs are allocated with the keys fixed and heads."""

    by: str
    shares: list[AllocationShareOut]


class AllocationShareIn(Plain):
    """What is to be set of one."""

    name = serializers.CharField(max_length=LONGEST_NAME)
    share = serializers.DecimalField(
        max_digits=9,
        decimal_places=8,
        min_value=Decimal(0),
        max_value=Decimal(1),
        required=False,
        allow_null=True,
        default=None,
        help_text="Of shared costs: 0 to 1. All together at most 1.",
    )
    heads = serializers.IntegerField(
        min_value=0,
        max_value=10_000_000,
        required=False,
        allow_null=True,
        default=None,
        help_text="Persons, instead of those who were seen.",
    )


class AllocationSharesIn(Plain):
    """All that is to be set; what is left out is set no more."""

    organization_id = serializers.CharField(
        required=False, allow_blank=True, help_text="Its slug, for a platform key."
    )
    by = serializers.CharField(max_length=LONGEST_BY)
    shares = AllocationShareIn(many=True)
    reason = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=500
    )


class AllocationShares(ApiView):
    """Fixed shares and heads, by which shared costs are allocated."""

    query_parameters = frozenset({"organization_id", "by"})

    @answers(s200=AllocationSharesOut)
    @extend_schema(
        operation_id="chargeback_shares_retrieve", parameters=[ORGANIZATION, _BY]
    )
    def get(self, request: Request) -> Response:
        """Tell by which shares and heads shared costs are allocated."""
        by = by_of(request.query_params.get("by", ""))
        return Answered(_shares_out(self.organization(), by))

    @answers(s200=AllocationSharesOut)
    @extend_schema(operation_id="chargeback_shares_update", request=AllocationSharesIn)
    def put(self, request: Request) -> Response:
        """Set fixed shares and heads; those that are not named are set no more."""
        shape = AllocationSharesIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        slug = given.get("organization_id")
        organization = organization_named(slug, caller=self.caller)
        by = by_of(given["by"])
        shares = [Given(**one) for one in given["shares"]]
        set_shares(organization, by, shares, reason=given["reason"])
        return Answered(_shares_out(organization, by))


def _shares_out(organization: Organization, by: str) -> AllocationSharesOut:
    return AllocationSharesOut(
        by,
        [
            AllocationShareOut(
                row.name, None if row.share is None else f"{row.share:f}", row.heads
            )
            for row in shares_of(organization, by)
        ],
    )
