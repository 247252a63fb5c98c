"""The API of monthly reports: asked for, read, commented, signed."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import organization_named, visible_to
from accounts.api.base import IF_MATCH, ApiView, ApiViewSet, tagged
from accounts.idempotency import idempotent
from accounts.models import Organization
from accounts.scopes import Scope
from budgets.api.lookups import budget_or_404, budgets_of
from budgets.models import Budget
from lib.answers import Answered, PageOut, answers
from lib.errors import Invalid
from lib.lookups import row_or_404, row_or_none
from lib.query_params import known_words, listed, month_of
from reports.api.exports import MONTH, ORGANIZATION, AsItIs
from reports.api.monthly_answers import (
    CommentaryOut,
    ReportDetailOut,
    ReportOut,
    commentary_out,
    report_detail_out,
    report_out,
)
from reports.api.monthly_schemas import MOST_COMMENTS, CommentaryIn, ReportIn
from reports.models import Report, ReportState
from reports.monthly.commenting import Remark, write_comments
from reports.monthly.services import (
    ask_for,
    comments_of,
    document_now,
    document_of,
    figures_of,
    finalize,
)

_BUDGET = OpenApiParameter(
    "budget", description="Of this budget and those below it; else of all."
)
_UID = OpenApiParameter("uid", OpenApiTypes.UUID, OpenApiParameter.PATH)
_PDF = {(200, "application/pdf"): OpenApiTypes.BINARY}


class ReportViewSet(ApiViewSet):
    """Reports that are kept: drafts, and what was signed."""

    write_scope = Scope.BUDGETS_WRITE
    queryset = Report.objects.none()
    filter_backends = []
    lookup_field = "uid"
    lookup_value_regex = "[^/.]+"

    def known_parameters(self) -> frozenset[str] | None:
        if self.action == "list":
            filters = {"organization_id", "state", "month", "budget"}
            return frozenset({*filters, "limit", "cursor", "format"})
        return frozenset({"format"})

    @answers(s200=PageOut[ReportOut])
    @extend_schema(
        parameters=[
            ORGANIZATION,
            OpenApiParameter("state", description="One or more, with commas."),
            MONTH,
            _BUDGET,
        ]
    )
    def list(self, request: Request) -> Response:
        """List reports, the latest month first."""
        query = request.query_params
        rows = _reports(self).defer("pdf", "figures")
        if query.get("organization_id"):
            rows = rows.filter(organization=self.organization())
        if states := listed(query.get("state", "")):
            known_words(states, ReportState.values, "state")
            rows = rows.filter(state__in=states)
        if month := query.get("month"):
            rows = rows.filter(month=month_of(month, "month").start.date())
        if budget := query.get("budget"):
            rows = rows.filter(budget=budget_or_404(budget, self.caller))
        return self.listing(rows, report_out)

    @answers(s200=ReportDetailOut)
    def retrieve(self, request: Request, uid: str) -> Response:
        """Return a report, with what it says once it is made."""
        report = _report(self, uid)
        answer = Answered(report_detail_out(report, figures_of(report)))
        return tagged(answer, str(report.commentary))

    @answers(s202=ReportOut)
    @extend_schema(request=ReportIn)
    @idempotent
    def create(self, request: Request) -> Response:
        """Have a report made: a draft anew, or a revision where one is final.

        A worker makes it; `state` and `progress` tell how far it is.
        """
        shape = ReportIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        organization, budget = _meant(self, given)
        month = _first_of(given["month"], organization)
        report = ask_for(
            organization, month, budget, by=self.caller.name, now=timezone.now()
        )
        return Answered(report_out(report), status=202)


class ReportPdf(ApiView):
    """The paper of a report that is kept."""

    content_negotiation_class = AsItIs
    query_parameters = frozenset()

    @extend_schema(
        operation_id="reports_pdf_retrieve", parameters=[_UID], responses=_PDF
    )
    def get(self, request: Request, uid: str) -> HttpResponse:
        """Return a report as PDF: as it was signed, or the draft as it stands."""
        report = _report(self, uid)
        return _as_pdf(document_of(report), report.organization, report.month)


class MonthlyPdf(ApiView):
    """The paper of a month."""

    content_negotiation_class = AsItIs
    query_parameters = frozenset({"organization_id", "month", "budget"})

    @extend_schema(
        operation_id="reports_monthly_pdf_retrieve",
        parameters=[ORGANIZATION, MONTH, _BUDGET],
        responses=_PDF,
    )
    def get(self, request: Request) -> HttpResponse:
        """Return a month's report as PDF: the final one where there is one, else a
        draft of this moment, which takes some seconds and is not kept."""
        query = request.query_params
        organization = budget = None
        if uid := query.get("budget"):
            budget = budget_or_404(uid, self.caller)
            organization = budget.organization
        if organization is None or query.get("organization_id"):
            organization = self.organization()
        _check_budget(organization, budget)
        if not (text := query.get("month")):
            raise Invalid.field("month", "Name the month, such as 2025-01.")
        month = _first_of(text, organization)
        document, final = document_now(
            organization, month, budget, by=self.caller.name, now=timezone.now()
        )
        response = _as_pdf(document, organization, month)
        response["X-Report-State"] = ReportState.FINAL if final else ReportState.DRAFT
        return response


class ReportFinal(ApiView):
    """Signing a report."""

    write_scope = Scope.ADMIN
    query_parameters = frozenset()

    @answers(s200=ReportOut)
    @extend_schema(
        request=None, parameters=[_UID], operation_id="reports_finalize_create"
    )
    def post(self, request: Request, uid: str) -> Response:
        """Sign a draft: it is kept from then on as it is, with the hash of its PDF.

        409 where the month is not over, where a variance beyond the threshold has no
        comment (it names them), and for what is no draft.
        """
        report = _report(self, uid)
        return Answered(
            report_out(finalize(report, by=self.caller.name, now=timezone.now()))
        )


class ReportCommentary(ApiView):
    """What people write beside the lines of a draft."""

    write_scope = Scope.BUDGETS_WRITE
    query_parameters = frozenset()

    @answers(s200=list[CommentaryOut])
    @extend_schema(operation_id="reports_commentary_list", parameters=[_UID])
    def get(self, request: Request, uid: str) -> Response:
        """List the comments of a report."""
        return self._answer(_report(self, uid))

    @answers(s200=list[CommentaryOut])
    @extend_schema(
        operation_id="reports_commentary_update",
        request=CommentaryIn(many=True),
        parameters=[_UID, IF_MATCH],
    )
    def put(self, request: Request, uid: str) -> Response:
        """Write comments, each beside its budget's line; other lines keep theirs.

        An owner comments what is theirs to change, finance admins everything.
        """
        report = _report(self, uid)
        if isinstance(request.data, list) and len(request.data) > MOST_COMMENTS:
            raise Invalid(f"At most {MOST_COMMENTS:,} comments at once.")
        shape = CommentaryIn(data=request.data, many=True)
        shape.is_valid(raise_exception=True)
        written = write_comments(
            report,
            [
                self._remark(place, one)
                for place, one in enumerate(shape.validated_data)
            ],
            actor=self.caller,
            by=self.caller.name,
            now=timezone.now(),
            seen=self.seen(),
        )
        return self._answer(written)

    def _remark(self, place: int, given: dict[str, Any]) -> Remark:
        rows = visible_to(self.caller, Budget.objects.select_related("organization"))
        found = row_or_none(rows, given.pop("budget"))
        if found is None:
            raise Invalid.field(f"{place}.budget", "There is no such budget.")
        return Remark(found, **given)

    def _answer(self, report: Report) -> Response:
        answer = Answered(commentary_out(comments_of(report)))
        return tagged(answer, str(report.commentary))


def _reports(view: ApiView | ApiViewSet) -> QuerySet[Report]:
    rows = Report.objects.select_related("organization", "budget", "replaces")
    return visible_to(view.caller, rows)


def _report(view: ApiView | ApiViewSet, uid: str) -> Report:
    return row_or_404(_reports(view), uid, missing="There is no such report.")


def _meant(
    view: ApiView | ApiViewSet, given: dict[str, Any]
) -> tuple[Organization, Budget | None]:
    """Return of what a report is asked for."""
    slug, uid = given.get("organization_id"), given["budget"]
    budget = row_or_none(budgets_of(view.caller), uid) if uid else None
    if uid and budget is None:
        raise Invalid.field("budget", "There is no such budget.")
    if budget is not None and not slug:
        return budget.organization, budget
    organization = organization_named(slug, caller=view.caller)
    _check_budget(organization, budget)
    return organization, budget


def _check_budget(organization: Organization, budget: Budget | None) -> None:
    if budget is not None and budget.organization_id != organization.pk:
        raise Invalid.field("budget", "It is not of the organization that is named.")


def _first_of(text: str, organization: Organization) -> date:
    zone = ZoneInfo(organization.timezone)
    return month_of(text, "month", zone=zone).start.astimezone(zone).date()


def _as_pdf(document: bytes, organization: Organization, month: date) -> HttpResponse:
    response = HttpResponse(document, content_type="application/pdf")
    name = f"{organization.slug}-{month:%Y-%m}.pdf"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
