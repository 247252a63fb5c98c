"""Where all budgets stand, for spreadsheets: a line for each, in the tree's order."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from tempfile import TemporaryFile
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font

from accounts.scopes import Scope
from budgets.models import Budget
from budgets.tree import TreeNode, tree_of
from lib.errors import Invalid
from lib.lookups import row_or_none
from lib.money import COUNTED
from lib.periods import day_of
from lib.tables import cell, guarded
from reports.types import YES_NO, ExportFormat, ExportKind, ExportOrder, Option

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PIECE = 64 * 2**10  # bytes
_AT_ONCE = 500  # lines of CSV in a piece
_LAST = 1  # microsecond before an exclusive end


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """A column; *form* is how a spreadsheet shows its numbers, "": text."""

    name: str
    width: int
    form: str = ""


_MONEY, _SHARE, _DAY = "#,##0.00", "0.0%", "yyyy-mm-dd"
COLUMNS = (
    SheetColumn("path", 44),
    SheetColumn("level", 7, "0"),
    SheetColumn("owner", 26),
    SheetColumn("status", 11),
    SheetColumn("currency", 9),
    SheetColumn("period", 10),
    SheetColumn("period_start", 12, _DAY),
    SheetColumn("period_end", 12, _DAY),
    SheetColumn("amount", 15, _MONEY),
    SheetColumn("limit", 15, _MONEY),
    SheetColumn("spent", 15, _MONEY),
    SheetColumn("reserved", 15, _MONEY),
    SheetColumn("left", 15, _MONEY),
    SheetColumn("share", 9, _SHARE),
    SheetColumn("allocated", 15, _MONEY),
    SheetColumn("unallocated", 15, _MONEY),
    SheetColumn("as_of", 18, "yyyy-mm-dd hh:mm"),
    SheetColumn("id", 38),
)


def lines(order: ExportOrder) -> Iterator[list[Any]]:
    """Yield the budgets of *order* as they stand now, each before those below it.

    Text, numbers, days in the budget's zone, the moment in the organization's. *share*
    is of the limit, 0.8 for 80 %. Four queries, however many.

    Raises:
        Invalid: there is no budget as the options name it.
    """
    as_of = order.now.astimezone(ZoneInfo(order.organization.timezone))
    roots = tree_of(
        order.organization,
        at=order.now,
        root=_root_of(order),
        archived=order.options["archived"] == "true",
    )
    ways: list[tuple[TreeNode, tuple[str, ...]]]
    ways = [(node, (node.budget.name,)) for node in reversed(roots)]
    while ways:
        node, way = ways.pop()
        yield _line(node, way, as_of)
        ways += [
            (child, (*way, child.budget.name)) for child in reversed(node.children)
        ]


def _root_of(order: ExportOrder) -> Budget | None:
    if not (uid := order.options["budget"]):
        return None
    found = row_or_none(Budget.objects.filter(organization=order.organization), uid)
    if found is None:
        raise Invalid.field("budget", "There is no such budget.")
    return found


def _line(node: TreeNode, way: Sequence[str], as_of: datetime) -> list[Any]:
    budget, status, window = node.budget, node.status.status, node.status.window
    zone = node.status.position.zone
    last = window.end - datetime.resolution * _LAST
    return [
        " / ".join(way),
        len(way),
        budget.owner.email if budget.owner else "",
        status.status,
        budget.currency,
        budget.period,
        day_of(window.start, zone),
        day_of(last, zone),
        node.status.position.amount,
        status.limit,
        status.total_spend,
        status.reserved,
        status.remaining_budget,
        status.utilization,
        node.allocated,
        node.unallocated,
        as_of,
        str(budget.uid),
    ]


def csv_pieces(order: ExportOrder) -> Iterator[bytes]:
    """Yield the lines as CSV: amounts to ten places, texts that are no formulas."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow([column.name for column in COLUMNS])
    for number, line in enumerate(lines(order), 1):
        writer.writerow([cell(value) for value in line])
        if number % _AT_ONCE == 0:
            yield _taken(text)
    yield _taken(text)


def _taken(text: StringIO) -> bytes:
    taken = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return taken


def xlsx_pieces(order: ExportOrder) -> Iterator[bytes]:
    """Yield the lines as a workbook: numbers are numbers, texts never formulas.

    Rows are written to a file as they come, for a workbook is a whole only at its end.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Budgets")
    with closing(sheet):  # also where lines are refused
        _fill(sheet, lines(order))
    with TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece


def _fill(sheet: Any, rows: Iterator[list[Any]]) -> None:
    sheet.freeze_panes = "B2"
    for place, column in enumerate(COLUMNS, 1):
        sheet.column_dimensions[_letter(place)].width = column.width
    sheet.append([_heading(sheet, column.name) for column in COLUMNS])
    for line in rows:
        counted = line[4] in COUNTED
        sheet.append(
            [
                _cell(sheet, value, column, counted=counted)
                for value, column in zip(line, COLUMNS, strict=True)
            ]
        )


def _letter(place: int) -> str:
    return chr(ord("A") + place - 1)  # there are fewer than 26


def _heading(sheet: Any, name: str) -> Any:
    made = WriteOnlyCell(sheet, name)
    made.font = Font(bold=True)
    return made


def _cell(sheet: Any, value: Any, column: SheetColumn, *, counted: bool) -> Any:
    if value is None:
        return None
    if isinstance(value, datetime):
        value = value.replace(tzinfo=None)  # workbooks know no zones
    if isinstance(value, str):
        return _text_cell(sheet, value)
    made = WriteOnlyCell(sheet, value)
    is_count = counted and column.form == _MONEY
    made.number_format = "#,##0" if is_count else column.form
    return made


def _text_cell(sheet: Any, text: str) -> Any:
    """Return a cell of text, whatever it begins with; opened again it stays text."""
    clean = ILLEGAL_CHARACTERS_RE.sub("", text)
    made = WriteOnlyCell(sheet, clean)
    made.data_type = "s"
    if guarded(clean) != clean:
        made.quotePrefix = True
    return made


BUDGETS = ExportKind(
    name="budgets",
    title="Budgets",
    formats={
        "xlsx": ExportFormat(XLSX, xlsx_pieces),
        "csv": ExportFormat("text/csv; charset=utf-8", csv_pieces),
    },
    options=(
        Option("budget", "The id of a budget: it and all below it, and no others."),
        Option("archived", "Those that are archived, too.", YES_NO, "false"),
    ),
    scope=Scope.BUDGETS_READ,
    local=True,
    snapshot=True,
)
