"""Writing rows of the ledger: COPY on PostgreSQL, executemany on SQLite.

Both insert all or nothing and say so when a row was there already.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice

from django.db import IntegrityError, connection, transaction
from psycopg.errors import UniqueViolation

from ledger.booking import Conversion, Row
from ledger.types import Stretch, Totals

CHUNK = 250  # rows: the server inserts some while the next are made
_COLUMNS = (
    "organization_id",
    *(name for name in Row._fields if name not in {"correction", "repricing_id"}),
    "correction",
    "repricing_id",
)
RECORDS = f"ledger_costrecord ({', '.join(_COLUMNS)})"
_DELTAS = (
    "ledger_spenddelta (organization_id, attribution_id, starts_at, currency, requests,"
    " unpriced, input_tokens, cached_tokens, output_tokens, cost)"
)
_CONVERSIONS = (
    "ledger_convertedcost"
    " (organization_id, usage_id, currency, rate, amount, correction)"
)
_RATE_UNITS = 10**12
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class AlreadyThere(Exception):  # noqa: N818 - an answer to the caller, not a fault
    """A row with the same unique key was there already; nothing was inserted."""


def insert_records(organization_id: int, rows: Iterable[Row]) -> None:
    """Insert *rows*, made as they are read, sorted by usage id by the caller.

    Raises:
        AlreadyThere: one of them is in the ledger; none was inserted.
    """
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                _copy(RECORDS, (record_text(organization_id, row) for row in rows))
            else:
                _insert(RECORDS, [record_values(organization_id, row) for row in rows])
    except (UniqueViolation, IntegrityError) as error:
        raise AlreadyThere from error


def insert_deltas(organization_id: int, totals: dict[Stretch, Totals]) -> None:
    """Add what a batch spent to what is folded into daily spend later."""
    lines = [
        (organization_id, stretch, currency, sums, cost)
        for stretch, sums in totals.items()
        for currency, cost in _amounts(stretch, sums)
    ]
    if connection.vendor == "postgresql":
        _copy(
            _DELTAS,
            (
                f"{org}\t{s.attribution_id}\t{s.start}\t{currency}\t{t.requests}\t"
                f"{t.unpriced}\t{t.input_tokens}\t{t.cached_tokens}\t{t.output_tokens}"
                f"\t{cost}e-10\n"
                for org, s, currency, t, cost in lines
            ),
        )
        return
    _insert(
        _DELTAS,
        [
            (
                org,
                s.attribution_id,
                _sqlite_time(s.start),
                currency,
                t.requests,
                t.unpriced,
                t.input_tokens,
                t.cached_tokens,
                t.output_tokens,
                cost,
            )
            for org, s, currency, t, cost in lines
        ],
    )


def insert_conversions(organization_id: int, rows: Sequence[Conversion]) -> None:
    """Keep the amounts in foreign currencies that budgets were charged."""
    if not rows:
        return
    if connection.vendor == "postgresql":
        _copy(
            _CONVERSIONS,
            (
                f"{organization_id}\t{_escaped(row.usage_id)}\t{row.currency}\t"
                f"{row.rate:f}\t{row.amount}e-10\t{row.correction}\n"
                for row in rows
            ),
        )
        return
    _insert(
        _CONVERSIONS,
        [
            (
                organization_id,
                row.usage_id,
                row.currency,
                int(row.rate * _RATE_UNITS),
                row.amount,
                row.correction,
            )
            for row in rows
        ],
    )


def _amounts(stretch: Stretch, sums: Totals) -> Iterable[tuple[str, int]]:
    yield "", sums.cost
    for (currency, _), amount in zip(stretch.currencies, sums.converted, strict=True):
        yield currency, amount


def _copy(target: str, lines: Iterable[str]) -> None:
    lines = iter(lines)
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {target} FROM STDIN") as copy,
    ):
        while chunk := "".join(islice(lines, CHUNK)):
            copy.write(chunk)


def _insert(target: str, rows: Sequence[tuple[object, ...]]) -> None:
    marks = ", ".join(["%s"] * (target.count(",") + 1))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {target} VALUES ({marks})", rows)  # noqa: S608 - a constant


def record_text(organization_id: int, row: Row) -> str:
    (
        attribution_id, usage_id, timestamp, input_tokens, cached, written,
        output_tokens, reasoning, latency, tier, input_cost, output_cost, total, source,
        currency, rate, reported, metadata, correction, repricing_id,
    ) = row  # fmt: skip
    return (
        f"{organization_id}\t{attribution_id}\t{_escaped(usage_id)}\t{timestamp}\t"
        f"{input_tokens}\t{cached}\t{written}\t{output_tokens}\t{reasoning}\t"
        f"{_null if latency is None else latency}\t{_escaped(tier)}\t"
        f"{_null if input_cost is None else f'{input_cost}e-10'}\t"
        f"{_null if output_cost is None else f'{output_cost}e-10'}\t"
        f"{_null if total is None else f'{total}e-10'}\t"
        f"{_null if source is None else f'{source}e-10'}\t{currency}\t"
        f"{_null if rate is None else f'{rate:f}'}\t{'t' if reported else 'f'}\t"
        f"{_null if metadata is None else _escaped(_json(metadata))}\t{correction}\t"
        f"{_null if repricing_id is None else repricing_id}\n"
    )


_null = "\\N"


def record_values(organization_id: int, row: Row) -> tuple[object, ...]:
    values = list(row)
    values[2] = _sqlite_time(row.timestamp)
    values[15] = row.exchange_rate and int(row.exchange_rate * _RATE_UNITS)
    values[17] = None if row.metadata is None else _json(row.metadata)
    return (organization_id, *values)


def _escaped(text: str) -> str:
    # isprintable is False for tabs and line ends, the rest of what COPY reads itself.
    if "\\" in text or not text.isprintable():
        return text.translate(_ESCAPES)
    return text


def _json(value: dict[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _sqlite_time(moment: datetime) -> str:
    """Return the moment as Django keeps it on SQLite: UTC, without the offset."""
    return str(moment)[:-6]


def units_of(amount: Decimal) -> int:
    return int(amount.scaleb(10))
