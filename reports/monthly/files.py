"""The figures of a monthly report as files: exact, for spreadsheets and programs.

Words that could run as a formula are guarded; amounts have ten places and a point.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from lib.money import wire
from lib.tables import csv_lines, guarded
from reports.monthly.figures import MonthlyFigures, PlanAndSpend, ReportRow
from reports.paper.sheets import Attachment

_BESIDE = ("budgeted", "actual", "variance")
_BUDGETS = (
    *("budget_id", "path", "owner", "currency"),
    *(f"{of}_{what}" for of in ("month", "year_to_date") for what in _BESIDE),
    *("full_year_budgeted", "full_year_expected", "full_year_variance"),
    *("full_year_lower", "full_year_upper", "is_material", "comment", "action", "due"),
)


def files_of(figures: MonthlyFigures) -> tuple[Attachment, ...]:
    """Return the files that the report carries."""
    month = f"{figures.month:%Y-%m}"
    return (
        Attachment(
            f"budgets-{month}.csv",
            f"Each budget of the report of {month}: budgeted, actual and variance.",
            _written(_BUDGETS, _budgets(figures)),
        ),
        Attachment(
            f"figures-{month}.csv",
            f"All other figures of the report of {month}.",
            _written(("part", "name", "figure", "amount"), _others(figures)),
        ),
    )


def _written(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    return csv_lines([head, *lines])


def _budgets(figures: MonthlyFigures) -> Iterator[tuple[str, ...]]:
    for row in figures.rows:
        yield _budget(row, figures.currency)
    yield (
        *("", "Total", "", figures.currency),
        *_amounts(figures.total),
        *_amounts(figures.total_year_to_date),
        *_amounts(figures.total_full_year),
        *("", "", "", "", "", ""),
    )


def _budget(row: ReportRow, currency: str) -> tuple[str, ...]:
    between, comment = row.full_year_between, row.comment
    return (
        str(row.budget),
        guarded(" / ".join(row.path)),
        guarded(row.owner),
        currency,
        *_amounts(row.month),
        *_amounts(row.year_to_date),
        *_amounts(row.full_year),
        wire(between.lower) if between else "",
        wire(between.upper) if between else "",
        "true" if row.is_material else "false",
        guarded(comment.text) if comment else "",
        guarded(comment.action) if comment else "",
        comment.due.isoformat() if comment and comment.due else "",
    )


def _amounts(one: PlanAndSpend) -> tuple[str, str, str]:
    return wire(one.budgeted), wire(one.spent), wire(one.variance)


def _others(figures: MonthlyFigures) -> Iterator[tuple[str, ...]]:
    for part, name, figure, amount in _figures(figures):
        if amount is not None:
            yield part, guarded(name), figure, wire(amount)


def _figures(
    figures: MonthlyFigures,
) -> Iterator[tuple[str, str, str, Decimal | None]]:
    bridge, outlook = figures.bridge, figures.outlook
    yield "bridge", "", "budgeted", bridge.budgeted
    for cause in bridge.causes:
        yield "bridge", cause.name, "change", cause.amount
    yield "bridge", "", "actual", bridge.spent
    for driver in figures.drivers:
        yield "driver", f"{driver.dimension}: {driver.name}", "actual", driver.spent
        yield "driver", f"{driver.dimension}: {driver.name}", "before", driver.before
    yield "outlook", "", "budgeted", outlook.budgeted
    yield "outlook", "", "expected", outlook.expected
    if outlook.between:
        yield "outlook", "", "lower", outlook.between.lower
        yield "outlook", "", "upper", outlook.between.upper
    for day in figures.days:
        name = day.at.date().isoformat()
        yield "day", name, "actual so far", day.spent
        yield "day", name, "budgeted so far", day.expected
    for point in figures.year:
        name = f"{point.month:%Y-%m}"
        yield "month", name, "budgeted", point.budgeted
        yield "month", name, "actual", point.spent
        yield "month", name, "expected", point.expected
    for late in figures.late:
        yield "late", " / ".join(late.path), "amount", late.amount
    yield "uncounted", "", "amount", figures.uncounted
    yield "ledger", "", "amount", figures.ledger
