"""Workbooks (XLSX): numbers stay numbers, and no text is ever a formula."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date
from decimal import Decimal
from tempfile import TemporaryFile
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PIECE = 64 * 2**10  # bytes
_WIDEST, _NARROWEST = 40, 11  # characters
_MOST_NAME = 31  # of a sheet
_MOST_TEXT = 32_767  # characters of a cell
Value = str | Decimal | int | date | None  # None: an empty cell


def workbook_pieces(
    name: str, header: Sequence[str], rows: Iterable[Sequence[Value]]
) -> Iterator[bytes]:
    """Yield a workbook with one sheet: *header*, and *rows* as they come.

    Rows are kept in a file, for a workbook is a whole only at its end.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet(name[:_MOST_NAME])
    with closing(sheet):  # also where a row is refused
        sheet.freeze_panes = "A2"
        for place, title in enumerate(header, 1):
            width = min(max(len(title) + 2, _NARROWEST), _WIDEST)
            sheet.column_dimensions[get_column_letter(place)].width = width
        sheet.append([_text(sheet, title, is_bold=True) for title in header])
        for row in rows:
            sheet.append([_cell(sheet, value) for value in row])
    with TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece


def _cell(sheet: Any, value: Value) -> Any:
    if value is None:
        return None
    if isinstance(value, str):
        return _text(sheet, value)
    made = WriteOnlyCell(sheet, value)
    made.number_format = _format_of(value)
    return made


def _format_of(value: Decimal | int | date) -> str:
    match value:
        case date():
            return "yyyy-mm-dd"
        case Decimal():
            return "#,##0.00########"
        case _:
            return "#,##0"


def _text(sheet: Any, text: str, *, is_bold: bool = False) -> Any:
    made = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", text)[:_MOST_TEXT])
    made.data_type = "s"  # the library takes “=…” for a formula
    if is_bold:
        made.font = Font(bold=True)
    return made
