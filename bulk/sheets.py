"""Reading sheets (CSV, XLSX) that people upload: bounded, and nothing in them runs."""

import csv
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from bulk.types import BulkLine, Cell
from lib.errors import Invalid, TooLarge
from lib.tables import is_formula

MOST_BYTES = 10 * 2**20
MOST_UNPACKED = 100 * 2**20  # bytes of all parts of a workbook
_MOST_PARTS = 1_000  # of a workbook
MOST_LINES = 5_000
_MOST_COLUMNS = 200
_MOST_CELLS = 2_000_000  # that are looked at, the empty ones too
_MOST_TEXT = 20_000  # characters of a cell
_LONGEST_HEAD = 100
_SEPARATORS = ",;\t"
_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def read_sheet(content: bytes, name: str) -> list[BulkLine]:
    """Return the lines of a file called *name*, those that are empty left out.

    A workbook's first sheet is read. Its first line names the columns: "Start date" is
    `start_date`. Numbers of workbooks come as exact as they are shown with 15 digits.

    Raises:
        TooLarge: it is longer than is taken, packed or unpacked.
        Invalid: it is no sheet, or a cell holds what no sheet should; it is named.
    """
    if len(content) > MOST_BYTES:
        raise TooLarge(f"The file is larger than {MOST_BYTES // 2**20} MB. Divide it.")
    if content.startswith(_OLD_EXCEL):
        raise Invalid.field("file", "This is an old workbook. Save it as .xlsx.")
    if content.startswith(_ZIP):
        return _lines_of(_workbook_rows(content))
    if name.lower().endswith((".xlsx", ".xlsm", ".ods", ".xls")):
        raise Invalid.field("file", "This is no workbook. Save it as .xlsx or .csv.")
    return _lines_of(_csv_rows(_text_of(content)))


def _text_of(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        encoding = "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        # Spreadsheets on Windows write so, and every byte of it is some letter.
        text = content.decode("cp1252", errors="replace")
    if "\x00" in text:
        raise Invalid.field("file", "This is no text. Save it as .xlsx or .csv.")
    return text


def _csv_rows(text: str) -> Iterator[tuple[int, Sequence[Cell]]]:
    head = text.lstrip().split("\n", 1)[0]
    separator = max(_SEPARATORS, key=head.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for row in reader:
            yield reader.line_num, [_unguarded(cell) for cell in row]
    except csv.Error as error:
        detail = f"Line {reader.line_num} can't be read: {error}."
        raise Invalid.field("file", detail) from error


def _unguarded(text: str) -> str | None:
    """Take away the sign by which exports keep texts from running as formulas."""
    bare = text[1:] if text.startswith("'") and is_formula(text[1:]) else text
    return bare.strip() or None


def _workbook_rows(content: bytes) -> Iterator[tuple[int, Sequence[Cell]]]:
    _check_parts(content)
    try:
        book = load_workbook(BytesIO(content), read_only=True, keep_links=False)
        try:
            sheet = book.worksheets[0]
            # What a file says of its own size may be anything.
            sheet.reset_dimensions()
            seen = 0
            for number, row in enumerate(sheet.iter_rows(), 1):
                seen += 1 + len(row)
                if seen > _MOST_CELLS:
                    raise TooLarge("Its first sheet has too many cells. Divide it.")
                yield (
                    number,
                    [_value_of(cell, number, at) for at, cell in enumerate(row, 1)],
                )
        finally:
            book.close()
    except (
        *(InvalidFileException, zipfile.BadZipFile, ParseError, KeyError),
        *(IndexError, EOFError, OSError, TypeError, AttributeError),
    ) as error:
        detail = "This workbook can't be read. Open it, and save it as .xlsx anew."
        raise Invalid.field("file", detail) from error


def _check_parts(content: bytes) -> None:
    """Refuse an archive that would unpack to more than is taken; nothing is unpacked.

    What is read of a part never passes the size that stands here.
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        detail = "This workbook is damaged. Save it as .xlsx anew."
        raise Invalid.field("file", detail) from error
    if len(parts) > _MOST_PARTS or sum(one.file_size for one in parts) > MOST_UNPACKED:
        raise TooLarge(
            f"Unpacked, this workbook is larger than {MOST_UNPACKED // 2**20} MB. "
            "Take out what is not to be imported, or divide it."
        )


def _value_of(cell: Any, number: int, at: int) -> Cell:
    value = cell.value
    if value is None or isinstance(value, bool | int | date | datetime):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    place = f"{get_column_letter(at)}{number}"
    if cell.data_type == "f" or not isinstance(value, str):
        detail = f"{place} holds a formula: put its value there (paste as values)."
        raise Invalid.field("file", detail)
    if cell.data_type == "e":
        raise Invalid.field("file", f"{place} holds the error {value}.")
    return value.strip() or None


def _lines_of(rows: Iterable[tuple[int, Sequence[Cell]]]) -> list[BulkLine]:
    names: list[str] | None = None
    found: list[BulkLine] = []
    for number, row in rows:
        if all(cell is None for cell in row):
            continue
        if names is None:
            names = _names_of(row)
            continue
        found.append(_line(number, row, names))
        if len(found) > MOST_LINES:
            raise TooLarge(f"It has more than {MOST_LINES:,} lines. Divide it.")
    if names is None:
        raise Invalid.field("file", "The file is empty. Its first line names columns.")
    return found


def _names_of(row: Sequence[Cell]) -> list[str]:
    names = [_name_of(cell) for cell in row]
    while names and not names[-1]:
        names.pop()
    if len(names) > _MOST_COLUMNS:
        raise TooLarge(f"It has more than {_MOST_COLUMNS} columns.")
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise Invalid.field("file", f"Two columns are called {twice[0]}.")
    return names


def _name_of(cell: Cell) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", str(cell or "").strip().lower())
    return words.strip("_")[:_LONGEST_HEAD]


def _line(number: int, row: Sequence[Cell], names: Sequence[str]) -> BulkLine:
    cells: dict[str, Cell] = {}
    for at, cell in enumerate(row):
        name = names[at] if at < len(names) else ""
        if not name:
            if cell is not None:
                detail = f"Line {number} has a value in a column that has no name."
                raise Invalid.field("file", detail)
            continue
        if isinstance(cell, str):
            _check_text(cell, number, name)
        cells[name] = cell
    return BulkLine(number, cells)


def _check_text(text: str, number: int, name: str) -> None:
    if len(text) > _MOST_TEXT:
        detail = f"Line {number}, {name}: longer than {_MOST_TEXT:,} characters."
        raise Invalid.field("file", detail)
    if _CONTROL.search(text):
        detail = f"Line {number}, {name}: has characters that can't be shown."
        raise Invalid.field("file", detail)
