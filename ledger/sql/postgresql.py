"""The ledger's rows on PostgreSQL: COPY, arrays, and sums over both."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Func
from psycopg.errors import UniqueViolation

from ledger.errors import AlreadyThere
from ledger.sql.portable import DELTA, Piece, Slice, Values, chosen_by, insert_of
from lib.sql.postgresql import array_of

_T = TypeVar("_T")
_BATCH = f"ledger_spendbatch (organization_id, attribution_ids, {DELTA})"


def insert(pieces: Iterator[Piece], meanwhile: Callable[[], _T]) -> _T:
    """Insert rows as they are made, and return what *meanwhile* does.

    It is done when all of them are made and on their way.

    Raises:
        AlreadyThere: one of them has the unique key of another row.
        DatabaseError: Django's, as of any other statement; COPY itself has psycopg's.
    """
    with connection.wrap_database_errors:
        try:
            with connection.cursor() as cursor:
                return _copy(cursor, pieces, meanwhile)
        except UniqueViolation as error:
            raise AlreadyThere from error


def _copy(
    cursor: CursorWrapper, pieces: Iterator[Piece], meanwhile: Callable[[], _T]
) -> _T:
    piece = next(pieces, None)
    while piece is not None:
        target = piece.target
        with cursor.copy(copy_statement(target)) as copy:
            while piece is not None and piece.target == target:
                copy.write(csv_of(piece.rows))
                piece = next(pieces, None)
            if piece is None:
                return meanwhile()
    return meanwhile()


def copy_statement(target: str) -> str:
    return f"COPY {target} FROM STDIN (FORMAT csv, NULL 'null', ESCAPE '\\')"


_encode_lines = msgspec.json.Encoder().encode_lines
_ESCAPE = re.compile(rb"\\(?:u00([0-9a-f]{2})|(.))")
_CONTROLS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def csv_of(rows: Sequence[Values]) -> bytes:
    r"""Write *rows* of one table as CSV whose escape character is \.

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


def ready_deltas(organization_id: int, rows: Sequence[Values]) -> Sequence[Values]:
    """Return what `insert_deltas` inserts: *rows* as one row of arrays."""
    return [(organization_id, *map(array_of, zip(*rows, strict=True)))]


def insert_deltas(ready: Sequence[Values]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(insert_of(_BATCH), ready)


_INSERT_ATTRIBUTIONS = """
INSERT INTO ledger_attribution (
    organization_id, digest, tags, sent_user, sent_provider, department, team,
    project, environment, "user", provider, model, model_version, sent_model
) VALUES (%s, %s, %s::jsonb, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""


def insert_attributions(rows: Sequence[Values]) -> None:
    """Insert attributions, but for those that others have added meanwhile."""
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT_ATTRIBUTIONS, rows)


# Numbers as rows: one parameter, see `numbers`, however many there are.
ELEMENTS = "SELECT unnest(%s::bigint[])"


def numbers(ids: Iterable[int]) -> Sequence[int] | str:
    """Return *ids* as the parameter of ELEMENTS."""
    return list(ids)


def elements_of(ids: Iterable[int]) -> Func:
    """Return *ids* for an `__in` filter, of which there may be very many."""
    return chosen_by(ELEMENTS, numbers(ids))


# From arrays the planner knows how many there are, and takes the indexes.
SLICES = """
    SELECT starts_at, ends_at, bucket,
        (starts_at AT TIME ZONE 'UTC')::date AS first_day,
        (ends_at AT TIME ZONE 'UTC')::date AS next_day
    FROM unnest(%s::timestamptz[], %s::timestamptz[], %s::int[])
        AS slice (starts_at, ends_at, bucket)
"""


def slices_of(slices: Sequence[Slice]) -> list[object]:
    """Return *slices* as the parameters of SLICES."""
    return [[each[position] for each in slices] for position in range(3)]


# What was metered beside plain tokens, as rows.
EACH_KIND = {
    "each": "jsonb_each_text(quantities) AS metered (kind, amount)",
    "kind": "metered.kind",
    "amount": "metered.amount::numeric",
}


def sums(statement: str, parameters: Sequence[Any]) -> list[Values]:
    """Return the rows of a long statement that adds up."""
    # Compiling the statement would take longer than running it ever does; and groups
    # that don't fit into the usual four megabytes would go by way of the disk.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit = off; SET LOCAL work_mem = '64MB'")
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def total_of(sum_of_costs: int | Decimal) -> Decimal:
    """Return what the sum of a column of costs says."""
    return Decimal(sum_of_costs)
