"""The page of a monthly report: read, commented, signed."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
)
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts.columns import NONE
from accounts.permissions import Action
from accounts.scopes import Scope
from accounts.tenants import may, person
from accounts.versions import ANY, VERSION, ChangedMeanwhile
from budgets.models import Budget
from budgets.permissions import may as may_to_budget
from console.asking import Confirmation, Consequence, Consequences, confirmation_of
from console.pages import Pages, row_or_404
from console.reports.comments import CommentForm, forms_of, remarks_of
from console.templatetags.console import status
from lib.errors import Refusal
from lib.humanize import clock, month_words
from lib.money import format_percent
from reports.models import Report, ReportState
from reports.monthly.commenting import write_comments
from reports.monthly.figures import MonthlyFigures, ReportRow
from reports.monthly.frozen import uncommented
from reports.monthly.services import (
    ask_for,
    check_final,
    document_of,
    figures_of,
    finalize,
)

_STATES = {
    ReportState.QUEUED: "NONE",
    ReportState.RUNNING: "NONE",
    ReportState.DRAFT: "WARNING",
    ReportState.FINAL: "OK",
    ReportState.FAILED: "CRITICAL",
}


def report_page(request: HttpRequest, pages: Pages, asked: str | int) -> HttpResponse:
    """Answer what a report says, or how far it is."""
    return _shown(request, pages, _report(request, pages, asked))


def comment(request: HttpRequest, pages: Pages, report_id: int) -> HttpResponse:
    """Keep what was written to the rows of a draft."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    report = _report(request, pages, report_id)
    figures = figures_of(report)
    if figures is None:
        return _back(report)
    forms = _forms(request, report, figures)
    if not forms:
        raise PermissionDenied
    wrong = [form for form in forms if not form.is_valid()]
    if wrong:
        return _shown(request, pages, report, forms=forms)
    version = request.POST.get(VERSION, "")
    try:
        write_comments(
            report,
            remarks_of(forms),
            actor=person(request),
            by=person(request).email,
            now=timezone.now(),
            seen=None if version == ANY else [version],
        )
    except ChangedMeanwhile as refusal:
        messages.warning(request, refusal.for_people)
        report = _report(request, pages, report_id)
        return _shown(request, pages, report, forms=forms)
    except Refusal as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, "The comments are kept.")
    return _back(report)


def make_again(request: HttpRequest, pages: Pages, report_id: int) -> HttpResponse:
    """Have a draft made anew, or a revision of a final report."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    report = _report(request, pages, report_id)
    if not may(request, Scope.BUDGETS_WRITE, report.organization):
        raise PermissionDenied
    try:
        made = ask_for(
            report.organization,
            report.month,
            report.budget,
            by=person(request).email,
            now=timezone.now(),
        )
    except Refusal as refusal:
        messages.warning(request, str(refusal))
        return _back(report)
    return _back(made)


def make_final(request: HttpRequest, pages: Pages, report_id: int) -> HttpResponse:
    """Sign a draft, once it is said what follows."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    report = _report(request, pages, report_id)
    if not may(request, Scope.ADMIN, report.organization):
        raise PermissionDenied
    if request.POST.get(VERSION, "") not in {ANY, _version(report)}:
        messages.warning(
            request,
            "The draft was changed while this page was open. Nothing is signed yet: "
            "look at how it is now.",
        )
        return _back(report)
    if confirmation := confirmation_of(_follows(report), request.POST):
        return _shown(request, pages, report, asked=confirmation)
    try:
        finalize(report, by=person(request).email, now=timezone.now())
    except Refusal as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(
            request, f"The report of {month_words(report.month)} is final."
        )
    return _back(report)


def pdf_of(request: HttpRequest, pages: Pages, report_id: int) -> HttpResponse:
    """Answer the report as PDF."""
    report = _report(request, pages, report_id)
    try:
        document = document_of(report)
    except Refusal as refusal:
        messages.warning(request, str(refusal))
        return _back(report)
    response = HttpResponse(document, content_type="application/pdf")
    name = f"{report.organization.slug}-{report.month:%Y-%m}.pdf"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def state_of(report: Report) -> SafeString:
    state = ReportState(report.state)
    return status(_STATES[state], str(state.label))


def _report(request: HttpRequest, pages: Pages, asked: str | int) -> Report:
    rows = pages.get_queryset(request).select_related(
        "organization", "budget", "replaces"
    )
    report: Report = row_or_404(rows, asked, "report")
    return report


def _back(report: Report) -> HttpResponse:
    return redirect("admin:reports_report_change", report.pk)


def _version(report: Report) -> str:
    """Return what stands for the draft as it is: as it was made, and commented."""
    made = report.made_at.timestamp() if report.made_at else 0
    return f"{report.commentary}-{made}"


def _follows(report: Report) -> Consequences:
    words = (
        f"The report of {month_words(report.month)} is kept from now on as it is, with "
        "your name: a later one is a revision that names it."
    )
    return Consequences(told=[Consequence("final", words)])


def _shown(
    request: HttpRequest,
    pages: Pages,
    report: Report,
    *,
    forms: list[CommentForm] | None = None,
    asked: Confirmation | None = None,
) -> HttpResponse:
    figures = figures_of(report)
    organization = report.organization
    may_make = may(request, Scope.BUDGETS_WRITE, organization)
    context = pages.page(
        request,
        title=f"{figures.title if figures else report}, {month_words(report.month)}"
        if figures
        else str(report),
        report=report,
        state=state_of(report),
        figures=figures,
        may_make=may_make and not report.is_in_the_making,
        may_sign=may(request, Scope.ADMIN, organization)
        and report.state == ReportState.DRAFT,
        asked=asked,
        draft_version=_version(report),
        facts=list(_facts(report, figures)),
        **(_told(request, report, figures, forms) if figures else {}),
    )
    return TemplateResponse(request, "console/reports/report.html", context)


def _told(
    request: HttpRequest,
    report: Report,
    figures: MonthlyFigures,
    forms: list[CommentForm] | None,
) -> dict[str, Any]:
    if forms is None:
        forms = _forms(request, report, figures)
    ids = _ids_of(report, figures)
    return {
        "lines": [(row, _percent(row), ids.get(row.budget)) for row in figures.rows],
        "forms": forms,
        "missing": [row.path[-1] for row in uncommented(figures.rows)],
        "hinders": _hinders(report),
        "version": report.commentary,
    }


def _hinders(report: Report) -> str:
    """Say why it can't be final yet; empty: it can."""
    if report.state != ReportState.DRAFT:
        return ""
    try:
        check_final(report)
    except Refusal as refusal:
        return str(refusal)
    return ""


def _forms(
    request: HttpRequest, report: Report, figures: MonthlyFigures
) -> list[CommentForm]:
    """Return a form for each row to comment that is theirs."""
    if report.state != ReportState.DRAFT:
        return []
    wanted = [row for row in figures.rows if row.is_material or row.comment]
    rows = Budget.objects.filter(
        organization=report.organization_id, uid__in=[row.budget for row in wanted]
    )
    budgets = {
        one.uid: one
        for one in rows.select_related("organization")
        if may_to_budget(person(request), Action.CHANGE, one)
    }
    data = request.POST if request.method == "POST" else None
    if data is not None and VERSION not in data:
        data = None  # another form of the page was sent
    return forms_of(wanted, budgets, data)


def _ids_of(report: Report, figures: MonthlyFigures) -> dict[Any, str]:
    rows = Budget.objects.filter(
        organization=report.organization_id,
        uid__in=[row.budget for row in figures.rows],
    )
    return {
        uid: reverse("admin:budgets_budget_page", args=[pk])
        for pk, uid in rows.values_list("pk", "uid")
    }


def _percent(row: ReportRow) -> str:
    return NONE if row.month.share is None else format_percent(row.month.share)


def _facts(
    report: Report, figures: MonthlyFigures | None
) -> Iterator[tuple[str, object]]:
    zone = ZoneInfo(report.organization.timezone)

    def at(moment: datetime) -> str:
        return f"{clock(moment, zone)} {zone.key}"

    if figures is not None:
        yield "Figures as of", at(figures.cut_off)
    yield "Asked for by", report.requested_by
    if report.revision > 1:
        yield "Revision", report.revision
    if report.finalised_at is not None:
        yield "Signed", f"{at(report.finalised_at)}, by {report.finalised_by}"
        yield "SHA-256 of the PDF", report.digest
