"""What a question comes to, as a file: what is seen, all its rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from lib.money import quantize
from lib.tables import cell, csv_lines
from lib.workbooks import XLSX, workbook_pieces
from reports.spending.questions import SpendQuestion
from reports.spending.tables import SpendTable

_AT_ONCE = 500  # lines of CSV in a piece
Row = list[str | Decimal | int]


def header_of(table: SpendTable, currency: str) -> list[str]:
    """Name the columns of a file, in the words of the API where it has them."""
    unit = currency if table.question.measure == "cost" else table.question.measure
    compared = [f"cost_before_{currency}"] if table.question.compare else []
    return [
        *table.question.by,
        *(f"{name or 'not given'} ({unit})" for name in table.columns),
        f"cost_{currency}",
        *compared,
        *("requests", "input_tokens", "cached_tokens", "output_tokens"),
        "unpriced_requests",
    ]


def rows_of(table: SpendTable) -> Iterator[Row]:
    """Yield the rows, as exact as they are booked, without what they add up to."""
    for line in table.lines:
        sums = line.now
        cells = [line.cells.get(name, Decimal(0)) for name in table.columns]
        compared = [quantize(line.before.cost)] if table.question.compare else []
        yield [
            *line.names,
            *map(quantize, cells),
            quantize(sums.cost),
            *compared,
            *(sums.requests, sums.input_tokens, sums.cached_tokens),
            *(sums.output_tokens, sums.unpriced),
        ]


def _csv(header: Sequence[str], rows: Iterator[Row]) -> Iterator[bytes]:
    waiting = [[cell(name) for name in header]]
    for row in rows:
        waiting.append([cell(value) for value in row])
        if len(waiting) >= _AT_ONCE:
            yield csv_lines(waiting).encode()
            waiting = []
    yield csv_lines(waiting).encode()


def _xlsx(header: Sequence[str], rows: Iterator[Row]) -> Iterator[bytes]:
    return workbook_pieces("Spend", header, rows)


@dataclass(frozen=True, slots=True)
class SpendForm:
    """A form such a file is written in."""

    content_type: str
    pieces: Callable[[Sequence[str], Iterator[Row]], Iterator[bytes]]


FORMS = {
    "csv": SpendForm("text/csv; charset=utf-8", _csv),
    "xlsx": SpendForm(XLSX, _xlsx),
}


def name_of(question: SpendQuestion, slug: str, form: str) -> str:
    """Return what the file is called."""
    by = "-".join(question.by)
    return f"spend-{slug}-by-{by}-{question.first}-to-{question.last}.{form}"
