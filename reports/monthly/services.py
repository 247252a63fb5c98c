"""Monthly reports: asked for, made by a worker, commented, signed and kept."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from hashlib import sha256
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.urls import reverse

from accounts.models import Organization
from budgets.models import Budget
from lib.errors import Refusal
from lib.queue import enqueue
from reports.models import (
    IN_THE_MAKING,
    Report,
    ReportComment,
    ReportSettings,
    ReportState,
)
from reports.monthly.calendars import ReportedMonth
from reports.monthly.errors import (
    ChangedSinceDrawn,
    CommentsMissing,
    NoReport,
    NotADraft,
    TooEarly,
)
from reports.monthly.figures import Comment, MonthlyFigures
from reports.monthly.frozen import (
    commented,
    frozen,
    missing_words,
    signed,
    thawed,
    uncommented,
)
from reports.monthly.gathering import gather, trail_of
from reports.monthly.paper import pdf_of
from reports.monthly.terms import ReportIssue, Terms

TASK = "reports.tasks.make"
LOST_AFTER = timedelta(minutes=10)  # without a sign of life
_READ, _MOST_DRAWN = 30, 95  # percent of the way


def settings_of(organization: Organization) -> ReportSettings:
    """Return how *organization* has its reports; not saved where nobody said."""
    found = ReportSettings.objects.filter(organization=organization).first()
    return found or ReportSettings(organization=organization)


def terms_of(organization: Organization) -> Terms:
    found = settings_of(organization)
    return Terms(found.threshold, found.threshold_share, found.locale)


@transaction.atomic
def ask_for(
    organization: Organization,
    month: date,
    budget: Budget | None,
    *,
    by: str,
    now: datetime,
) -> Report:
    """Have a worker make the report of *month*, which begins with that day.

    A draft there is already is made anew, with what was commented; one that is being
    made is answered as it is. After a final one it is a revision, which replaces that.

    Raises:
        NoReport: the month has not begun.
    """
    zone = ZoneInfo(organization.timezone)
    reported = ReportedMonth.of(month, zone, organization.fiscal_year_start_month)
    if now < reported.window.start:
        raise NoReport.field("month", f"{month:%B %Y} has not begun.")
    there = Report.objects.about(organization, month, budget)
    anew = there.exclude(state__in=[*IN_THE_MAKING, ReportState.FINAL])
    is_anew = anew.update(
        state=ReportState.QUEUED,
        progress=0,
        failure="",
        requested_by=by,
        requested_at=now,
        claimed_at=None,
    )
    report = there.open().first()
    if report is None:
        report = _new(organization, month, budget, by, now)
        is_anew = 1
    if is_anew:
        enqueue(TASK, report.pk)
    return report


def _new(
    organization: Organization,
    month: date,
    budget: Budget | None,
    by: str,
    now: datetime,
) -> Report:
    there = Report.objects.about(organization, month, budget)
    last = there.final().order_by("-revision").first()
    try:
        with transaction.atomic():
            return Report.objects.create(
                organization=organization,
                month=month,
                budget=budget,
                revision=last.revision + 1 if last else 1,
                replaces=last,
                requested_by=by,
                requested_at=now,
            )
    except IntegrityError:  # somebody else asked for it at the same moment
        return there.open().get()


def make(report_id: int, *, clock: Callable[[], datetime]) -> str:
    """Make the draft of a report that is due; say what came of it. Safe to repeat.

    *clock*: for signs of life, as it may take a while.
    """
    now = clock()
    lost = Q(state=ReportState.RUNNING, claimed_at__lt=now - LOST_AFTER)
    due = Report.objects.filter(Q(state=ReportState.QUEUED) | lost, pk=report_id)
    if not due.update(state=ReportState.RUNNING, claimed_at=now, progress=1):
        return "It was made already."
    report = Report.objects.select_related("organization", "budget", "replaces").get(
        pk=report_id
    )
    claimed = _Claimed(report, now, clock)
    try:
        figures = _gathered(report, now)
        claimed.tell(_READ)
        pdf = pdf_of(
            with_comments(report, figures),
            lambda share: claimed.tell(_READ + int(share * (_MOST_DRAWN - _READ))),
        )
    except Refusal as refusal:
        claimed.end(state=ReportState.FAILED, failure=str(refusal), progress=0)
        return f"It was not made: {refusal}"
    claimed.end(
        state=ReportState.DRAFT,
        progress=100,
        figures=frozen(figures),
        made_at=now,
        pdf=pdf,
        drawn_with=report.commentary,
    )
    return f"Made the draft of {report}."


class _Claimed:
    """A report that this process makes, for as long as it shows signs of life."""

    def __init__(
        self, report: Report, since: datetime, clock: Callable[[], datetime]
    ) -> None:
        self._rows = Report.objects.filter(pk=report.pk, state=ReportState.RUNNING)
        self._since = since
        self._clock = clock
        self._told = 1

    def tell(self, percent: int) -> None:
        """Write down how far it is."""
        if percent <= self._told:
            return
        now = max(self._clock(), self._since)
        mine = self._rows.filter(claimed_at=self._since)
        if mine.update(progress=percent, claimed_at=now):
            self._since, self._told = now, percent

    def end(self, **values: object) -> None:
        """Write down what came of it, unless somebody else has taken it up."""
        self._rows.filter(claimed_at=self._since).update(**values)


def give_up(report_id: int) -> None:
    """Write down that making a report has failed for a reason nobody foresaw."""
    rows = Report.objects.filter(pk=report_id, state=ReportState.RUNNING)
    rows.update(
        state=ReportState.FAILED,
        progress=0,
        failure="Something went wrong that should not; the worker's log has it.",
    )


def take_up_lost(now: datetime) -> int:
    """Have workers make what is due and nobody makes; return how many reports."""
    lost = Q(state=ReportState.QUEUED, requested_at__lt=now - LOST_AFTER)
    lost |= Q(state=ReportState.RUNNING, claimed_at__lt=now - LOST_AFTER)
    ids = list(Report.objects.filter(lost).values_list("pk", flat=True))
    for report_id in ids:
        enqueue(TASK, report_id)
    return len(ids)


def _gathered(report: Report, now: datetime) -> MonthlyFigures:
    replaces = report.replaces.digest if report.replaces else ""
    return gather(
        report.organization,
        report.month,
        report.budget,
        terms_of(report.organization),
        ReportIssue(report.revision, replaces, report.requested_by),
        now=now,
    )


def comments_of(report: Report) -> Mapping[UUID, Comment]:
    """Return what was written to the rows of *report*, by the budget's uid. One
    query."""
    rows = ReportComment.objects.filter(report=report).select_related("budget")
    return {
        row.budget.uid: Comment(
            text=row.text,
            driver=row.driver,
            owner=row.owner,
            action=row.action,
            due=row.due,
            writer=row.writer,
            written_at=row.written_at,
        )
        for row in rows
    }


def with_comments(report: Report, figures: MonthlyFigures) -> MonthlyFigures:
    page = reverse("admin:reports_report_change", args=[report.pk])
    link = f"{settings.SITE_URL}{page}"
    return commented(figures, comments_of(report), link)


def figures_of(report: Report) -> MonthlyFigures | None:
    """Return what *report* says; None: it was not made yet."""
    if not report.figures:
        return None
    figures = thawed(report.figures)
    return figures if report.is_final else with_comments(report, figures)


def document_of(report: Report) -> bytes:
    """Return *report* as PDF: a final one as it was signed, a draft with the comments
    there are.

    Raises:
        NotADraft: it was not made yet.
        PaperFailed: it can't be laid out.
    """
    figures = figures_of(report)
    if figures is None:
        raise NotADraft(f"The report of {report.month:%B %Y} is not made yet.")
    if report.pdf and (report.is_final or report.drawn_with == report.commentary):
        return bytes(report.pdf)
    return pdf_of(figures)


def document_now(
    organization: Organization,
    month: date,
    budget: Budget | None,
    *,
    by: str,
    now: datetime,
    progress: Callable[[float], None] = lambda _: None,
) -> tuple[bytes, Report | None]:
    """Return the month's report as PDF: the final one where there is one, with it; else
    a draft of this moment, which is not kept.

    Raises:
        NoReport, UnsoundReport: as `reports.monthly.gathering.gather`.
        PaperFailed: it can't be laid out.
    """
    there = Report.objects.about(organization, month, budget)
    final = there.final().order_by("-revision").first()
    if final is not None:
        return document_of(final), final
    figures = gather(
        organization,
        month,
        budget,
        terms_of(organization),
        ReportIssue(1, "", by),
        now=now,
    )
    if (report := there.open().first()) is not None:
        figures = with_comments(report, figures)
    return pdf_of(figures, progress), None


def finalize(report: Report, *, by: str, now: datetime) -> Report:
    """Sign the draft, draw it without watermark, and keep it for good.

    What was read for the draft is what is signed. Of two who sign at once, one does.

    Raises:
        NotADraft: it is final already, or in the making.
        TooEarly: its month is not over, or was not when the draft was made.
        CommentsMissing: rows beyond the threshold have none; it names them.
        ChangedSinceDrawn: it was commented or made anew meanwhile.
        PaperFailed: it can't be laid out.
    """
    found = Report.objects.select_related("organization").get(pk=report.pk)
    check_final(found)
    figures = signed(
        with_comments(found, thawed(found.figures)),
        by,
        now,
        trail_of(found.organization),
    )
    pdf = pdf_of(figures)
    same = Report.objects.filter(
        pk=found.pk,
        state=ReportState.DRAFT,
        commentary=found.commentary,
        made_at=found.made_at,
    )
    done = same.update(
        state=ReportState.FINAL,
        figures=frozen(figures),
        pdf=pdf,
        digest=sha256(pdf).hexdigest(),
        finalised_by=by,
        finalised_at=now,
    )
    found.refresh_from_db()
    if not done:
        _check_draft(found)
        raise ChangedSinceDrawn(
            "The draft was changed while it was signed: look at it and sign it again."
        )
    return found


def check_final(report: Report) -> None:
    """Refuse what can't become final yet.

    Raises: as `finalize`.
    """
    _check_draft(report)
    figures = with_comments(report, thawed(report.figures))
    organization = report.organization
    zone = ZoneInfo(organization.timezone)
    month = ReportedMonth.of(report.month, zone, organization.fiscal_year_start_month)
    if not month.is_over(figures.cut_off):
        raise TooEarly(
            f"{report.month:%B %Y} was not over when the draft was made: have it made "
            "anew once it is."
        )
    if missing := uncommented(figures.rows):
        raise CommentsMissing(missing_words(missing))


def _check_draft(report: Report) -> None:
    if report.is_final:
        raise NotADraft(
            f"The report of {report.month:%B %Y} is final since "
            f"{report.finalised_at:%Y-%m-%d %H:%M} UTC, by {report.finalised_by}. To "
            "change it, ask for a new revision."
        )
    if report.state != ReportState.DRAFT:
        state = report.get_state_display().lower()
        raise NotADraft(
            f"The report of {report.month:%B %Y} is {state}: a draft becomes final."
        )
