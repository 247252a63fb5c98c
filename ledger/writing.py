"""Writing rows of the ledger: COPY on PostgreSQL, executemany on SQLite."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from operator import attrgetter
from typing import NamedTuple, TypeVar

import msgspec
from django.db import IntegrityError, connection
from django.db.backends.utils import CursorWrapper
from psycopg.errors import UniqueViolation

from ledger.batch import PLAIN, REST, Conversion, Row
from ledger.stored import Values, array_of, forms
from ledger.types import ChargedSpan, TargetT, Totals

# Rows sent at once: the first few soon, for the server to begin; then twice as many
# each time, up to the most.
FEWEST, MOST = 50, 400
RECORDS = f"ledger_costrecord ({', '.join(Row._fields[:PLAIN])})"
_DELTA = (
    "starts_at, currency, requests, unpriced, input_tokens, cached_tokens,"
    " output_tokens, cost"
)
_DELTAS = f"ledger_spenddelta (organization_id, attribution_id, {_DELTA})"
_BATCH = f"ledger_spendbatch (organization_id, attribution_ids, {_DELTA})"
_CONVERSIONS = (
    f"ledger_convertedcost (organization_id, {', '.join(Conversion._fields)})"
)

_T = TypeVar("_T")


class AlreadyThere(Exception):
    """A row with the same unique key was there already; nothing was inserted."""


def insert_records(rows: Iterable[Values], *, meanwhile: Callable[[], _T]) -> _T:
    """Insert *rows*, made as they are read, sorted by usage id by the caller.

    Does *meanwhile* when all of them are made and on their way, for PostgreSQL is busy
    with them for about as long again, and returns what it returned.

    Raises:
        AlreadyThere: one of them is in the ledger. The transaction can only be rolled
            back then: a savepoint would cost every batch two round trips.
    """
    try:
        return _insert(_record_pieces(rows), meanwhile)
    except UniqueViolation as error:
        raise AlreadyThere from error
    except IntegrityError as error:
        if "UNIQUE" not in str(error):
            raise
        raise AlreadyThere from error


def ready_deltas(
    organization_id: int, totals: Mapping[ChargedSpan[TargetT], Totals]
) -> Sequence[Values]:
    """Return what `insert_deltas` inserts: rows on SQLite, arrays on PostgreSQL."""
    by = forms()
    rows = [
        (
            span.attribution_id,
            by.moment(span.start),
            currency,
            sums.requests,
            sums.unpriced,
            sums.input_tokens,
            sums.cached_tokens,
            sums.output_tokens,
            by.money(cost),
        )
        for span, sums in totals.items()
        for currency, cost in _amounts(span, sums)
    ]
    if connection.vendor == "sqlite":
        return [(organization_id, *row) for row in rows]
    return [(organization_id, *map(array_of, zip(*rows, strict=True)))]


def insert_deltas(ready: Sequence[Values]) -> None:
    """Insert what a batch spent, to be rolled up into daily spend later."""
    target = _DELTAS if connection.vendor == "sqlite" else _BATCH
    with connection.cursor() as cursor:
        cursor.executemany(_statement(target), ready)


def insert_conversions(organization_id: int, rows: Sequence[Conversion]) -> None:
    """Keep the amounts in foreign currencies that budgets were charged."""
    if not rows:
        return
    by = forms()
    values = (
        (
            organization_id,
            row.usage_id,
            row.currency,
            by.rate(row.rate),
            by.money(row.amount),
            row.correction,
        )
        for row in rows
    )
    _insert((Piece(_CONVERSIONS, chunk) for chunk in _chunks(values)), lambda: None)


def _amounts(span: ChargedSpan[TargetT], sums: Totals) -> Sequence[tuple[str, int]]:
    own = "", sums.cost
    if not span.currencies:
        return (own,)
    currencies = (currency for currency, _ in span.currencies)
    return own, *zip(currencies, sums.converted, strict=True)


class Piece(NamedTuple):
    """Some rows, and the columns of which table they are for."""

    target: str
    rows: list[Values]


def _record_pieces(rows: Iterable[Values]) -> Iterator[Piece]:
    """Part rows of the ledger into pieces, each with the columns that its rows need.

    From the first row on that needs more all have more, so the order stays, and there
    are few targets: the columns that are needed most often come first.
    """
    width = PLAIN
    for chunk in _chunks(rows):
        most = max(map(len, chunk))
        if most > width:
            first = next(at for at, row in enumerate(chunk) if len(row) > width)
            if first:
                yield _piece(chunk[:first], width)
                del chunk[:first]
            width = most
        yield _piece(chunk, width)


def _piece(rows: list[Values], width: int) -> Piece:
    if width == PLAIN:
        return Piece(RECORDS, rows)
    return Piece(
        f"ledger_costrecord ({', '.join(Row._fields[:width])})",
        [
            row if len(row) == width else row + REST[len(row) - PLAIN : width - PLAIN]
            for row in rows
        ],
    )


def _insert(pieces: Iterator[Piece], meanwhile: Callable[[], _T]) -> _T:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            return _copy(cursor, pieces, meanwhile)
        for target, same in groupby(pieces, key=attrgetter("target")):
            rows = [row for piece in same for row in piece.rows]
            cursor.executemany(_statement(target), rows)
        return meanwhile()


def _copy(
    cursor: CursorWrapper, pieces: Iterator[Piece], meanwhile: Callable[[], _T]
) -> _T:
    piece = next(pieces, None)
    while piece is not None:
        target = piece.target
        with cursor.copy(copy_statement(target)) as copy:
            while piece is not None and piece.target == target:
                copy.write(_csv(piece.rows))
                piece = next(pieces, None)
            if piece is None:
                return meanwhile()
    return meanwhile()


def _statement(target: str) -> str:
    marks = ", ".join(["%s"] * (target.count(",") + 1))
    return f"INSERT INTO {target} VALUES ({marks})"  # noqa: S608 - a constant


def copy_statement(target: str) -> str:
    return f"COPY {target} FROM STDIN (FORMAT csv, NULL 'null', ESCAPE '\\')"


_encode_lines = msgspec.json.Encoder().encode_lines
_ESCAPE = re.compile(rb"\\(?:u00([0-9a-f]{2})|(.))")
_CONTROLS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def csv_of(rows: Iterable[Values]) -> Iterator[bytes]:
    """Write *rows* of one table as CSV, some of them at a time."""
    return map(_csv, _chunks(rows))


def _chunks(rows: Iterable[Values]) -> Iterator[list[Values]]:
    rows = iter(rows)
    size = FEWEST
    while chunk := list(islice(rows, size)):
        size = min(2 * size, MOST)
        yield chunk


def _csv(rows: list[Values]) -> bytes:
    r"""Write *rows* as CSV whose escape character is \.

    By way of JSON, for its encoder is several times faster than anything written in
    Python: without its brackets a line of it is such CSV already, except for control
    characters.
    """
    text = _encode_lines(rows)[1:-2].replace(b"]\n[", b"\n") + b"\n"
    return _ESCAPE.sub(_unescaped, text) if b"\\" in text else text


def _unescaped(escape: re.Match[bytes]) -> bytes:
    code, letter = escape.groups()
    if code:
        return bytes.fromhex(code.decode())
    return _CONTROLS.get(letter, escape.group())
