"""Reports of the months that tests are about."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from accounts.models import Organization
from budgets.models import Budget
from reports.models import Report, ReportComment, ReportSettings, ReportState
from reports.monthly.figures import MonthlyFigures, ReportRow
from reports.monthly.frozen import frozen
from reports.monthly.gathering import gather
from reports.monthly.terms import ReportIssue, Terms

JANUARY, FEBRUARY = date(2025, 1, 1), date(2025, 2, 1)
AFTERWARDS = datetime(2025, 2, 3, 9, tzinfo=UTC)
BEFORE = datetime(2024, 1, 1, tzinfo=UTC)
JAN_10 = datetime(2025, 1, 10, 12, tzinfo=UTC)
BY = "ann@acme.example"
TERMS = Terms(Decimal(100), Decimal("0.1"), "en_US")
ISSUE = ReportIssue(1, "", "ann@acme.example")


def gathered(
    organization: Organization,
    month: date = JANUARY,
    root: Budget | None = None,
    *,
    now: datetime = AFTERWARDS,
    **changed: Any,
) -> MonthlyFigures:
    return gather(organization, month, root, TERMS, ISSUE, now=now, **changed)


def row_of(figures: MonthlyFigures, name: str) -> ReportRow:
    (found,) = (row for row in figures.rows if row.path[-1] == name)
    return found


def keep_report(organization: Organization, budget: Budget) -> Report:
    """Keep a draft that can be signed, of the first month of *budget* that there is
    anything of, with a comment on it."""
    month = max(JANUARY, budget.starts_at.date().replace(day=1))
    after = datetime(
        month.year + month.month // 12, month.month % 12 + 1, 3, tzinfo=UTC
    )
    by = f"of {organization.slug}"
    settings = ReportSettings.objects.create(
        organization=organization, threshold=Decimal(10_000_000)
    )
    terms = Terms(settings.threshold, settings.threshold_share, settings.locale)
    figures = gather(
        organization, month, None, terms, ReportIssue(1, "", by), now=after
    )
    report = Report.objects.create(
        organization=organization,
        month=month,
        state=ReportState.DRAFT,
        progress=100,
        figures=frozen(figures),
        pdf=b"%PDF",
        made_at=after,
        requested_by=by,
        requested_at=after,
    )
    ReportComment.objects.create(
        organization=organization,
        report=report,
        budget=budget,
        text=by,
        writer=by,
        written_at=after,
    )
    return report
