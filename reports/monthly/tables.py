"""The tables of a monthly report."""

from collections.abc import Iterable
from decimal import Decimal

from django.utils.translation import gettext as _

from reports.monthly.figures import (
    Between,
    MonthlyFigures,
    PlanAndSpend,
    ReportRow,
)
from reports.monthly.vocabulary import said
from reports.paper.sheets import Column, SheetCell, SheetLine, Table, Tone
from reports.paper.writers import NOTHING, PaperWriter

_SPACE = "\N{NO-BREAK SPACE}"


def tone_of(one: PlanAndSpend) -> Tone:
    """Return whether it is good news: more than was budgeted is not."""
    if one.variance > 0:
        return Tone.BAD
    return Tone.GOOD if one.variance < 0 else Tone.PLAIN


# -- The month


def bridge_table(figures: MonthlyFigures, writer: PaperWriter) -> Table:
    bridge = figures.bridge
    lines = (
        amount_line(_("Budgeted"), writer.plain(bridge.budgeted)),
        *(
            amount_line(
                writer.name(said(cause.name)), writer.plain_change(cause.amount)
            )
            for cause in bridge.causes
        ),
        amount_line(_("Actual"), writer.plain(bridge.spent), is_total=True),
    )
    return Table(
        caption=_("From budget to actual, in %(currency)s") % in_currency(figures),
        columns=(
            Column(_("Cause"), 70),
            Column(_("Amount"), 30, is_number=True),
        ),
        lines=lines,
    )


def amount_line(name: str, amount: str, *, is_total: bool = False) -> SheetLine:
    return SheetLine((SheetCell(name), SheetCell(amount)), is_total=is_total)


def drivers_table(
    figures: MonthlyFigures, writer: PaperWriter, *, most: int | None = None
) -> Table:
    """*most*: how many are shown."""
    return Table(
        caption=_("Beside the month before, in %(currency)s") % in_currency(figures),
        columns=(
            Column(_("Driver"), 46),
            Column(_("Actual"), 27, is_number=True),
            Column(_("Change"), 27, is_number=True),
        ),
        lines=tuple(
            SheetLine(
                (
                    SheetCell(
                        writer.name(driver.name),
                        note=writer.words(said(driver.dimension)),
                    ),
                    SheetCell(writer.plain(driver.spent)),
                    SheetCell(writer.plain_change(driver.change)),
                )
            )
            for driver in figures.drivers[:most]
        ),
        empty=_("Nothing was spent, so nothing moved it."),
    )


# -- Budgets


def variance_table(figures: MonthlyFigures, writer: PaperWriter) -> Table:
    month = writer.month(figures.month)
    to_date = _("Year to date")
    return Table(
        caption=_("Budgeted and actual by budget, in %(currency)s")
        % in_currency(figures),
        columns=(
            Column(_("Budget"), 27),
            *_beside_columns(month, widths=(13, 13, 12.5, 8)),
            *_beside_columns(to_date, widths=(13.5, 13))[:2],
        ),
        lines=(
            *(_variance_line(row, writer) for row in figures.rows),
            *_total_line(
                figures,
                (
                    *_beside_cells(figures.total, writer),
                    *_to_date_cells(figures.total_year_to_date, writer),
                ),
            ),
        ),
        empty=_("There are no budgets in this report."),
    )


def _beside_columns(group: str, widths: Iterable[float]) -> tuple[Column, ...]:
    heads = (_("Budgeted"), _("Actual"), _("Variance"), "%")
    return tuple(
        Column(head, width, is_number=True, group=group)
        for head, width in zip(heads, widths, strict=False)
    )


def _variance_line(row: ReportRow, writer: PaperWriter) -> SheetLine:
    return SheetLine(
        (
            SheetCell(writer.name(row.path[-1])),
            *_beside_cells(row.month, writer),
            *_to_date_cells(row.year_to_date, writer),
        ),
        level=row.depth,
        is_sum=row.has_children,
        is_marked=row.is_material,
    )


def _beside_cells(one: PlanAndSpend, writer: PaperWriter) -> tuple[SheetCell, ...]:
    return (
        SheetCell(writer.plain(one.budgeted)),
        SheetCell(writer.plain(one.spent)),
        SheetCell(writer.plain_change(one.variance)),
        SheetCell(writer.share_change(one.share)),
    )


def _to_date_cells(one: PlanAndSpend, writer: PaperWriter) -> tuple[SheetCell, ...]:
    return _beside_cells(one, writer)[:2]


def _total_line(
    figures: MonthlyFigures, cells: tuple[SheetCell, ...]
) -> tuple[SheetLine, ...]:
    """Return the total, where the tops are several: one top is the total."""
    if sum(not row.depth for row in figures.rows) <= 1:
        return ()
    return (SheetLine((SheetCell(_("Total")), *cells), is_total=True),)


# -- The year


def year_table(figures: MonthlyFigures, writer: PaperWriter) -> Table:
    return Table(
        caption=_("Expected by the end of the year, in %(currency)s")
        % in_currency(figures),
        columns=(
            Column(_("Budget"), 28),
            Column(_("Budgeted"), 14, is_number=True),
            Column(_("Expected"), 14, is_number=True),
            Column(_("Likely between"), 22, is_number=True),
            Column(_("Variance"), 14, is_number=True),
            Column("%", 8, is_number=True),
        ),
        lines=(
            *(
                SheetLine(
                    (
                        SheetCell(writer.name(row.path[-1])),
                        *_year_cells(row.full_year, row.full_year_between, writer),
                    ),
                    level=row.depth,
                    is_sum=row.has_children,
                )
                for row in figures.rows
            ),
            *_total_line(
                figures,
                _year_cells(figures.total_full_year, figures.outlook.between, writer),
            ),
        ),
        empty=_("There are no budgets in this report."),
    )


def _year_cells(
    one: PlanAndSpend, between: Between | None, writer: PaperWriter
) -> tuple[SheetCell, ...]:
    budgeted, expected, variance, share = _beside_cells(one, writer)
    return budgeted, expected, SheetCell(range_of(between, writer)), variance, share


def range_of(between: Between | None, writer: PaperWriter) -> str:
    if between is None:
        return NOTHING
    lower, upper = writer.plain(between.lower), writer.plain(between.upper)
    return f"{lower}{_SPACE}\N{EN DASH}{_SPACE}{upper}"


# -- Comments


def comments_table(figures: MonthlyFigures, writer: PaperWriter) -> Table:
    return Table(
        caption=_("Variances beyond the threshold, with their comments"),
        columns=(
            Column(_("Budget"), 26),
            Column(_("Variance"), 15, is_number=True),
            Column(_("Why"), 36),
            Column(_("What comes of it"), 23),
        ),
        lines=tuple(
            _comment_line(row, writer)
            for row in figures.rows
            if row.is_material or row.comment
        ),
        empty=_("No budget is off by more than the threshold."),
    )


def _comment_line(row: ReportRow, writer: PaperWriter) -> SheetLine:
    comment = row.comment
    variance = SheetCell(
        writer.plain_change(row.month.variance),
        note=writer.share_change(row.month.share),
    )
    name = SheetCell(writer.name(row.path[-1]), note=writer.path(row.path[:-1]))
    if comment is None:
        why = SheetCell(_("Not explained yet"), tone=Tone.WATCH)
        return SheetLine(
            (name, variance, why, SheetCell("")), is_marked=row.is_material
        )
    by = _("%(driver)s. %(writer)s, %(day)s") % {
        "driver": writer.name(said(comment.driver)),
        "writer": writer.name(comment.writer),
        "day": writer.day(comment.written_at.date()),
    }
    due = _("by %(day)s") % {"day": writer.day(comment.due)} if comment.due else ""
    parts = (writer.name(comment.owner), due)
    return SheetLine(
        (
            name,
            variance,
            SheetCell(writer.words(comment.text), note=by),
            SheetCell(
                writer.words(comment.action), note=", ".join(filter(None, parts))
            ),
        ),
        is_marked=row.is_material,
    )


def in_currency(figures: MonthlyFigures) -> dict[str, str]:
    return {"currency": figures.currency}


def largest(rows: Iterable[ReportRow], most: int) -> list[ReportRow]:
    """Return the *most* budgets without others below them that are furthest off."""
    leaves = [row for row in rows if not row.has_children and row.month.variance]
    leaves.sort(key=lambda row: (-abs(row.month.variance), row.path))
    return sorted(leaves[:most], key=_by_variance)


def _by_variance(row: ReportRow) -> tuple[Decimal, tuple[str, ...]]:
    return -row.month.variance, row.path
