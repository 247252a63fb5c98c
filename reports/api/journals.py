"""The API of journals: accounts, postings, and the files of them."""

from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import organization_named, visible_to
from accounts.api.base import IF_MATCH, ApiView, ApiViewSet, tagged
from accounts.audit import MOST_REASON
from accounts.idempotency import idempotent
from accounts.models import Organization
from lib.answers import Answered, PageOut, answers
from lib.periods import day_of
from lib.query_params import month_of
from lib.wirefields import ChoiceField, Plain
from reports.api.exports import ORGANIZATION, ExportView, parameters_of
from reports.api.journal_answers import (
    JournalManifestOut,
    JournalMappingOut,
    JournalOut,
    JournalPreviewOut,
    JournalSettingsOut,
    journal_out,
    mappings_out,
    preview_out,
    settings_out,
)
from reports.exports import order_of
from reports.journals.exports import JOURNAL, export_of
from reports.journals.mappings import LONGEST_NAME
from reports.journals.services import draft_of, post
from reports.journals.setups import (
    MOST_DECIMALS,
    change_settings,
    set_mappings,
    setup_of,
    setup_version,
)
from reports.models import DateOrder, Journal

MONTH = OpenApiParameter(
    "month", required=True, description="Such as 2025-01, in the organization's zone."
)
_TEXT = {"type": "string", "maxLength": LONGEST_NAME}
_MAPPINGS_IN = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["expense_account", "liability_account"],
        "properties": {
            "scope": {"type": "object", "description": "As a budget's."},
            **dict.fromkeys(
                ["expense_account", "liability_account", "cost_center", "department"],
                _TEXT,
            ),
            "class": _TEXT,
        },
    },
}


class JournalMappingsView(ApiView):
    """Which accounts costs go to."""

    query_parameters = frozenset({"organization_id"})

    @answers(s200=list[JournalMappingOut])
    @extend_schema(
        operation_id="journal_mappings_retrieve",
        tags=["journals"],
        summary="List account mappings",
        parameters=[ORGANIZATION],
    )
    def get(self, request: Request) -> Response:
        setup = setup_of(self.organization())
        return tagged(Answered(mappings_out(setup)), setup_version(setup))

    @answers(s200=list[JournalMappingOut])
    @extend_schema(
        operation_id="journal_mappings_update",
        tags=["journals"],
        summary="Set all account mappings",
        description=(
            "The list takes the place of the one before. Of the mappings that match a "
            "cost the one that names most (dimensions, tags) holds; of as many, the "
            "one that names the finer: tag, user, project, team, department, "
            "environment, model, provider; of those, the narrower. What is left "
            "undecided is refused. What is posted stays as it is."
        ),
        parameters=[ORGANIZATION, IF_MATCH],
        request={"application/json": _MAPPINGS_IN},
    )
    def put(self, request: Request) -> Response:
        setup = set_mappings(self.organization(), request.data, seen=self.seen())
        return tagged(Answered(mappings_out(setup)), setup_version(setup))


def _name(*, blank: bool = True) -> serializers.CharField:
    return serializers.CharField(
        max_length=LONGEST_NAME,
        required=False,
        allow_blank=blank,
        trim_whitespace=False,
    )


class JournalSettingsIn(Plain):
    """How files are to be written; what is left out stays."""

    rounding_account = _name()
    decimals = serializers.IntegerField(
        min_value=0, max_value=MOST_DECIMALS, required=False, allow_null=True
    )
    date_order = ChoiceField(DateOrder.choices, required=False)
    subsidiary = _name()
    tax_rate = _name(blank=False)
    tracking_department = _name()
    tracking_cost_center = _name()
    tracking_class = _name()


class JournalSettingsView(ApiView):
    """How the files of journals are written."""

    query_parameters = frozenset({"organization_id"})

    @answers(s200=JournalSettingsOut)
    @extend_schema(
        operation_id="journal_settings_retrieve",
        tags=["journals"],
        summary="Return how journals are written",
        parameters=[ORGANIZATION],
    )
    def get(self, request: Request) -> Response:
        setup = setup_of(self.organization())
        return tagged(Answered(settings_out(setup)), setup_version(setup))

    @answers(s200=JournalSettingsOut)
    @extend_schema(
        operation_id="journal_settings_partial_update",
        tags=["journals"],
        summary="Change how journals are written",
        description="What is left out stays. Files of what is posted stay as they are.",
        parameters=[ORGANIZATION, IF_MATCH],
        request=JournalSettingsIn,
    )
    def patch(self, request: Request) -> Response:
        organization = self.organization()
        shape = JournalSettingsIn(data=request.data, partial=True)
        shape.is_valid(raise_exception=True)
        changes: dict[str, Any] = shape.validated_data
        setup = change_settings(organization, changes, seen=self.seen())
        return tagged(Answered(settings_out(setup)), setup_version(setup))


class JournalIn(Plain):
    """Which month is to be posted."""

    organization_id = serializers.CharField(max_length=100, required=False)
    month = serializers.CharField(max_length=10, help_text="Such as 2025-01.")
    correction = serializers.BooleanField(
        default=False, help_text="Post what changed since the month was posted."
    )
    anew = serializers.BooleanField(
        default=False,
        help_text="With a correction: move what is posted to where today's mappings "
        "say. Otherwise it stays, and only what changed is posted.",
    )
    reason = serializers.CharField(
        max_length=MOST_REASON, default="", allow_blank=True, help_text="It is kept."
    )


class JournalViewSet(ApiViewSet):
    """Postings of months."""

    queryset = Journal.objects.none()
    filter_backends = []
    query_parameters = frozenset({"organization_id", "month"})

    def get_queryset(self) -> QuerySet[Journal]:
        rows = visible_to(self.caller, Journal.objects.select_related("organization"))
        query = self.request.query_params
        zone = ZoneInfo("UTC")
        if slug := query.get("organization_id"):
            rows = rows.filter(organization=self.organization_of(slug))
        if month := query.get("month"):
            window = month_of(month, "month", zone=zone)
            rows = rows.filter(month=day_of(window.start, zone))
        return rows

    def organization_of(self, slug: str | None) -> Organization:
        return organization_named(slug, caller=self.caller)

    @answers(s200=PageOut[JournalOut])
    @extend_schema(
        tags=["journals"],
        summary="List postings",
        parameters=[
            ORGANIZATION,
            OpenApiParameter("month", description="Only those of it: 2025-01."),
        ],
    )
    def list(self, request: Request) -> Response:
        return self.listing(self.get_queryset(), journal_out)

    @answers(s201=JournalOut)
    @extend_schema(
        tags=["journals"],
        summary="Post a month",
        description=(
            "Posts the accrual of a month that is over, and its reversal on the first "
            "day of the next one. Once: what is booked later is posted as a "
            "correction, by the difference. 409 names what has no account."
        ),
        request=JournalIn,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        shape = JournalIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        organization = self.organization_of(given.get("organization_id"))
        zone = ZoneInfo(organization.timezone)
        journal = post(
            organization,
            day_of(month_of(given["month"], "month", zone=zone).start, zone),
            now=timezone.now(),
            correct=given["correction"],
            anew=given["anew"],
            reason=given["reason"],
        )
        return Answered(journal_out(journal), status=201)


class JournalPreviewView(ApiView):
    """What would be posted."""

    query_parameters = frozenset({"organization_id", "month"})

    @answers(s200=JournalPreviewOut)
    @extend_schema(
        operation_id="journals_preview_retrieve",
        tags=["journals"],
        summary="Preview a posting",
        description=(
            "What would be posted of a month now: its accrual or, after that, a "
            "correction; and what has no account. Nothing is written."
        ),
        parameters=[ORGANIZATION, MONTH],
    )
    def get(self, request: Request) -> Response:
        organization = self.organization()
        zone = ZoneInfo(organization.timezone)
        month = month_of(request.query_params.get("month", ""), "month", zone=zone)
        draft = draft_of(organization, day_of(month.start, zone), now=timezone.now())
        return Answered(preview_out(organization, draft))


_ABOUT = (
    "Of a month that is posted, the files of the posting: the same bytes every time. "
    "Of one that is not, a preview of what would be posted now: `X-Journal-State` says "
    "which. Nothing is written by asking. 409 where something has no account, or the "
    "system can't take the amounts."
)
_HEADERS = [
    OpenApiParameter(
        name, str, OpenApiParameter.HEADER, response=[200], description=said
    )
    for name, said in (
        ("X-Journal-State", "posted or preview."),
        ("X-Journal-Cut-Off", "What was booked later is not in it."),
        ("X-Journal-Files", "How many files there are; of one, `part` says which."),
        ("X-Unpriced-Requests", "Not in it, for want of a price."),
    )
]
_PARAMETERS = [ORGANIZATION, MONTH, *parameters_of(JOURNAL), *_HEADERS]


class JournalExportView(ExportView):
    """The files of a posting, or of what would be posted."""

    kind = JOURNAL

    def known_parameters(self) -> frozenset[str]:
        return super().known_parameters() - {"start_date", "end_date"}

    def made(self, request: Request) -> HttpResponse:
        """Answer with the file, and with what it is in headers."""
        query, now = request.query_params, timezone.now()
        found = export_of(order_of(JOURNAL, self.organization(), query, now=now))
        kind = JOURNAL.formats[self.extension]
        content = found.content(self.extension)
        response = HttpResponse(content, content_type=kind.content_type)
        name = found.name(self.extension)
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["X-Journal-State"] = found.state
        response["X-Journal-Cut-Off"] = found.cut_off.isoformat()
        response["X-Journal-Files"] = str(len(found.files))
        response["X-Unpriced-Requests"] = str(found.unpriced)
        if self.extension == "csv" and found.part < len(found.files):
            further = query.copy()
            further["part"] = str(found.part + 1)
            path = request.build_absolute_uri(f"{request.path}?{further.urlencode()}")
            response["Link"] = f'<{path}>; rel="next"'
        return response


class JournalCsv(JournalExportView):
    extension = "csv"

    @extend_schema(
        operation_id="exports_journal_csv_retrieve",
        tags=["exports"],
        summary="Export a journal",
        description=f"{_ABOUT} Of several files a `Link` leads to the next.",
        parameters=_PARAMETERS,
        responses={(200, "text/csv"): str},
    )
    def get(self, request: Request) -> HttpResponse:
        return self.made(request)


class JournalZip(JournalExportView):
    extension = "zip"

    @extend_schema(
        operation_id="exports_journal_zip_retrieve",
        tags=["exports"],
        summary="Export a journal with its manifest",
        description=f"All files and manifest.json. {_ABOUT}",
        parameters=_PARAMETERS,
        responses={(200, "application/zip"): bytes},
    )
    def get(self, request: Request) -> HttpResponse:
        return self.made(request)


class JournalManifest(JournalExportView):
    extension = "json"

    @answers(s200=JournalManifestOut)
    @extend_schema(
        operation_id="exports_journal_json_retrieve",
        tags=["exports"],
        summary="Return the manifest of a journal",
        description=f"Rows, totals and SHA-256 of each file. {_ABOUT}",
        parameters=_PARAMETERS,
    )
    def get(self, request: Request) -> HttpResponse:
        return self.made(request)
