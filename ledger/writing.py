"""Writing rows of the ledger: COPY on PostgreSQL, executemany on SQLite."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from django.db import IntegrityError, connection
from psycopg.errors import UniqueViolation

from ledger.booking import Conversion, Row
from ledger.types import Stretch, Totals

CHUNK = 250  # rows: the server inserts some while the next are made
RECORDS = f"ledger_costrecord (organization_id, {', '.join(Row._fields)})"
_DELTAS = (
    "ledger_spenddelta (organization_id, attribution_id, starts_at, currency, requests,"
    " unpriced, input_tokens, cached_tokens, output_tokens, cost)"
)
_CONVERSIONS = (
    f"ledger_convertedcost (organization_id, {', '.join(Conversion._fields)})"
)
_TIMESTAMP = Row._fields.index("timestamp")
_RATE = Row._fields.index("exchange_rate")
_RATE_UNITS = 10**12

Values = tuple[Any, ...]  # of one row, as the database at hand takes them


class AlreadyThere(Exception):  # noqa: N818 - an answer to the caller, not a fault
    """A row with the same unique key was there already; nothing was inserted."""


def insert_records(
    organization_id: int,
    rows: Iterable[Row],
    *,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Insert *rows*, made as they are read, sorted by usage id by the caller.

    Does *meanwhile* when all of them are made and on their way: PostgreSQL is busy
    with them for about as long again.

    Raises:
        AlreadyThere: one of them is in the ledger. The transaction can only be rolled
            back then: a savepoint would cost every batch two round trips.
    """
    try:
        _insert(RECORDS, record_values(organization_id, rows), meanwhile)
    except UniqueViolation as error:
        raise AlreadyThere from error
    except IntegrityError as error:
        if "UNIQUE" not in str(error):
            raise
        raise AlreadyThere from error


def record_values(organization_id: int, rows: Iterable[Row]) -> Iterator[Values]:
    """Turn rows into the values of `RECORDS`."""
    if connection.vendor == "sqlite":
        for row in rows:
            stored: list[Any] = list(row)
            stored[_TIMESTAMP] = _sqlite_time(row.timestamp)
            stored[_RATE] = row.exchange_rate and int(row.exchange_rate * _RATE_UNITS)
            yield organization_id, *stored
        return
    for row in rows:
        # By place and written out: with names and loops it takes three times as long.
        input_cost, output_cost, total, source = row[10:14]
        yield (
            organization_id,
            *row[:10],
            None if input_cost is None else f"{input_cost}e-10",
            None if output_cost is None else f"{output_cost}e-10",
            None if total is None else f"{total}e-10",
            None if source is None else f"{source}e-10",
            *row[14:],
        )


def insert_deltas(organization_id: int, totals: dict[Stretch, Totals]) -> None:
    """Add what a batch spent to what is folded into daily spend later."""
    on_sqlite = connection.vendor == "sqlite"
    _insert(
        _DELTAS,
        (
            (
                organization_id,
                stretch.attribution_id,
                _sqlite_time(stretch.start) if on_sqlite else stretch.start,
                currency,
                sums.requests,
                sums.unpriced,
                sums.input_tokens,
                sums.cached_tokens,
                sums.output_tokens,
                cost if on_sqlite else f"{cost}e-10",
            )
            for stretch, sums in totals.items()
            for currency, cost in _amounts(stretch, sums)
        ),
    )


def insert_conversions(organization_id: int, rows: Sequence[Conversion]) -> None:
    """Keep the amounts in foreign currencies that budgets were charged."""
    if not rows:
        return
    on_sqlite = connection.vendor == "sqlite"
    _insert(
        _CONVERSIONS,
        (
            (
                organization_id,
                row.usage_id,
                row.currency,
                int(row.rate * _RATE_UNITS) if on_sqlite else row.rate,
                row.amount if on_sqlite else f"{row.amount}e-10",
                row.correction,
            )
            for row in rows
        ),
    )


def _amounts(stretch: Stretch, sums: Totals) -> list[tuple[str, int]]:
    amounts = [("", sums.cost)]
    for (currency, _), amount in zip(stretch.currencies, sums.converted, strict=True):
        amounts.append((currency, amount))
    return amounts


def _sqlite_time(moment: datetime) -> str:
    """Return the moment as Django keeps it on SQLite: UTC, without the offset."""
    # msgspec writes "2026-01-31T12:00:00Z", quotes included, five times as fast as str.
    return _encode(moment)[1:-2].decode().replace("T", " ")


def _insert(
    target: str, rows: Iterable[Values], meanwhile: Callable[[], None] = lambda: None
) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(copy_statement(target)) as copy:
                for chunk in csv_of(rows):
                    copy.write(chunk)
                meanwhile()
        else:
            marks = ", ".join(["%s"] * (target.count(",") + 1))
            statement = f"INSERT INTO {target} VALUES ({marks})"  # noqa: S608 - a constant
            cursor.executemany(statement, list(rows))
            meanwhile()


def copy_statement(target: str) -> str:
    return f"COPY {target} FROM STDIN (FORMAT csv, NULL 'null', ESCAPE '\\')"


_encode = msgspec.json.Encoder().encode
_encode_lines = msgspec.json.Encoder().encode_lines
_ESCAPE = re.compile(rb"\\(?:u00([0-9a-f]{2})|(.))")
_CONTROLS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def csv_of(rows: Iterable[Values]) -> Iterator[bytes]:
    r"""Write *rows* as CSV whose escape character is \, CHUNK of them at a time.

    By way of JSON, for its encoder is several times faster than anything written in
    Python: without its brackets a line of it is such CSV already, except for control
    characters.
    """
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        text = _encode_lines(chunk)[1:-2].replace(b"]\n[", b"\n") + b"\n"
        yield _ESCAPE.sub(_unescaped, text) if b"\\" in text else text


def _unescaped(escape: re.Match[bytes]) -> bytes:
    code, letter = escape.groups()
    if code:
        return bytes.fromhex(code.decode())
    return _CONTROLS.get(letter, escape.group())
