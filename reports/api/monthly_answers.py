"""Monthly reports as the API answers them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from lib.answers import Exact, Moment, Money, Out, choices, note
from lib.money import wire
from reports.models import Report, ReportKind, ReportState
from reports.monthly.figures import (
    Between,
    Bridge,
    Comment,
    MonthlyFigures,
    PlanAndSpend,
    ReportDriver,
    ReportRow,
    YearOutlook,
)
from reports.monthly.frozen import uncommented


class ReportOut(Out, frozen=True):
    """A report of a month: how far it is, and what became of it."""

    id: str
    organization_id: str
    kind: Annotated[str, choices(ReportKind.values)]
    month: Annotated[str, note("Such as 2025-01.")]
    budget: Annotated[
        str | None, note("Of it and what is below it; null: of the organization.")
    ]
    state: Annotated[str, choices(ReportState.values)]
    progress: Annotated[float, note("A share: 0.3 is 30 %.")]
    failure: Annotated[str, note("Why it was not made; empty: it was, or will be.")]
    revision: Annotated[int, note("1, and one more with each that replaces another.")]
    replaces: Annotated[str | None, note("The id of the final report before it.")]
    requested_by: str
    requested_at: Moment
    made_at: Annotated[Moment | None, note("When all that it says was read.")]
    finalised_by: str
    finalised_at: Moment | None
    sha256: Annotated[str, note("Of the PDF of a final report; else empty.")]


class BesideOut(Out, frozen=True):
    """What was budgeted, and what was spent or is expected."""

    budgeted: Money
    actual: Money
    variance: Annotated[Money, note("More than budgeted is positive.")]


class BetweenOut(Out, frozen=True):
    """Where an amount lies with a likelihood of `level`."""

    lower: Money
    upper: Money
    level: Exact


class CommentaryOut(Out, frozen=True):
    """What somebody wrote beside a budget's line."""

    budget: str
    text: Annotated[str, note("Why it is off.")]
    driver: str
    owner: Annotated[str, note("Who sees to it.")]
    action: str
    due: date | None
    writer: str
    written_at: Moment


class ReportRowOut(Out, frozen=True):
    """A budget's line; lines come in the tree's order, each before those below it."""

    budget: str
    path: Annotated[list[str], note("Names from the report's top down to its own.")]
    month: BesideOut
    year_to_date: BesideOut
    full_year: BesideOut
    full_year_interval: BetweenOut | None
    is_material: Annotated[bool, note("Its variance needs a comment.")]
    comment: CommentaryOut | None


class CauseOut(Out, frozen=True):
    """One part of the way from budget to actual."""

    name: str
    amount: Money


class ReportBridgeOut(Out, frozen=True):
    """The way from what was budgeted to what was spent; causes add up exactly."""

    budgeted: Money
    causes: list[CauseOut]
    actual: Money


class ReportDriverOut(Out, frozen=True):
    """What moved the month."""

    dimension: str
    name: str
    actual: Money
    before: Annotated[Money, note("In the month before.")]
    change: Money


class ReportOutlookOut(Out, frozen=True):
    """Where the year ends."""

    budgeted: Money
    expected: Money | None
    interval: BetweenOut | None
    probability_over: float | None
    reason: Annotated[str, note("Why nobody can say; empty: it is said.")]


class ReportFiguresOut(Out, frozen=True):
    """All amounts of a report, in its currency."""

    title: str
    currency: str
    timezone: str
    cut_off: Annotated[Moment, note("What was known then is in it.")]
    sentence: str
    total: BesideOut
    year_to_date: BesideOut
    full_year: BesideOut
    rows: list[ReportRowOut]
    bridge: ReportBridgeOut
    drivers: list[ReportDriverOut]
    outlook: ReportOutlookOut
    uncounted: Annotated[Money, note("Spent, and charged to no budget of the report.")]
    ledger: Annotated[
        Money | None, note("What the month's cost records come to; null: of a subtree.")
    ]
    notes: Annotated[list[str], note("How figures were reckoned.")]


class ReportDetailOut(ReportOut, frozen=True):
    """A report with what it says."""

    figures: Annotated[ReportFiguresOut | None, note("Null: it is not made yet.")]
    missing_comments: Annotated[
        list[str], note("Ids of budgets whose lines need a comment before it is final.")
    ]


def report_out(report: Report) -> ReportOut:
    """Return *report* without its figures. No query where its relations are known."""
    return ReportOut(**_told(report))


def report_detail_out(
    report: Report, figures: MonthlyFigures | None
) -> ReportDetailOut:
    missing = uncommented(figures.rows) if figures else []
    return ReportDetailOut(
        **_told(report),
        figures=figures_out(figures) if figures else None,
        missing_comments=[str(row.budget) for row in missing],
    )


def _told(report: Report) -> dict[str, Any]:
    return {
        "id": str(report.uid),
        "organization_id": report.organization.slug,
        "kind": report.kind,
        "month": f"{report.month:%Y-%m}",
        "budget": str(report.budget.uid) if report.budget else None,
        "state": report.state,
        "progress": report.progress / 100,
        "failure": report.failure,
        "revision": report.revision,
        "replaces": str(report.replaces.uid) if report.replaces else None,
        "requested_by": report.requested_by,
        "requested_at": report.requested_at,
        "made_at": report.made_at,
        "finalised_by": report.finalised_by,
        "finalised_at": report.finalised_at,
        "sha256": report.digest,
    }


def commentary_out(comments: Mapping[UUID, Comment]) -> Sequence[CommentaryOut]:
    """Return what was written, by the budgets' ids in *comments*' order."""
    return [_comment(budget, one) for budget, one in comments.items()]


def figures_out(figures: MonthlyFigures) -> ReportFiguresOut:
    ledger = figures.ledger
    return ReportFiguresOut(
        title=figures.title,
        currency=figures.currency,
        timezone=figures.zone,
        cut_off=figures.cut_off,
        sentence=figures.sentence,
        total=_beside(figures.total),
        year_to_date=_beside(figures.total_year_to_date),
        full_year=_beside(figures.total_full_year),
        rows=[_row(row) for row in figures.rows],
        bridge=_bridge(figures.bridge),
        drivers=[_driver(one) for one in figures.drivers],
        outlook=_outlook(figures.outlook),
        uncounted=wire(figures.uncounted),
        ledger=None if ledger is None else wire(ledger),
        notes=list(figures.notes),
    )


def _row(row: ReportRow) -> ReportRowOut:
    between = row.full_year_between
    return ReportRowOut(
        budget=str(row.budget),
        path=list(row.path),
        month=_beside(row.month),
        year_to_date=_beside(row.year_to_date),
        full_year=_beside(row.full_year),
        full_year_interval=_between(between) if between else None,
        is_material=row.is_material,
        comment=_comment(row.budget, row.comment) if row.comment else None,
    )


def _beside(one: PlanAndSpend) -> BesideOut:
    return BesideOut(wire(one.budgeted), wire(one.spent), wire(one.variance))


def _between(one: Between) -> BetweenOut:
    return BetweenOut(wire(one.lower), wire(one.upper), str(one.level))


def _bridge(bridge: Bridge) -> ReportBridgeOut:
    causes = [CauseOut(one.name, wire(one.amount)) for one in bridge.causes]
    return ReportBridgeOut(wire(bridge.budgeted), causes, wire(bridge.spent))


def _driver(one: ReportDriver) -> ReportDriverOut:
    return ReportDriverOut(
        one.dimension, one.name, wire(one.spent), wire(one.before), wire(one.change)
    )


def _outlook(one: YearOutlook) -> ReportOutlookOut:
    return ReportOutlookOut(
        budgeted=wire(one.budgeted),
        expected=None if one.expected is None else wire(one.expected),
        interval=_between(one.between) if one.between else None,
        probability_over=one.probability_over,
        reason=one.reason,
    )


def _comment(budget: UUID, one: Comment) -> CommentaryOut:
    return CommentaryOut(
        budget=str(budget),
        text=one.text,
        driver=one.driver,
        owner=one.owner,
        action=one.action,
        due=one.due,
        writer=one.writer,
        written_at=one.written_at,
    )
