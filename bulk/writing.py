"""Writing what is there as a sheet, to be changed and read again."""

from collections.abc import Iterator, Sequence

from accounts.models import Organization
from bulk.forms import text_of
from bulk.kinds import SheetKind
from bulk.types import Cell
from lib.tables import cell, csv_lines
from lib.workbooks import XLSX, Value, workbook_pieces

CONTENT_TYPES = {"xlsx": XLSX, "csv": "text/csv; charset=utf-8"}


def sheet_of(kind: SheetKind, organization: Organization, form: str) -> bytes:
    """Return all that *organization* has of *kind*, in a *form* of CONTENT_TYPES.

    Read again, it changes nothing.
    """
    header = [column.name for column in kind.columns]
    rows = _rows(kind, organization, header)
    if form == "csv":
        lines = [header, *([cell(text_of(one)) for one in row] for row in rows)]
        return csv_lines(lines).encode()
    values: Iterator[Sequence[Value]] = ([_value(one) for one in row] for row in rows)
    return b"".join(workbook_pieces(kind.kind.label, header, values))


def _rows(
    kind: SheetKind, organization: Organization, header: Sequence[str]
) -> Iterator[list[Cell]]:
    for row in kind.rows(organization):
        yield [row.get(name) for name in header]


def _value(one: Cell) -> Value:
    return text_of(one) if isinstance(one, bool) else one
