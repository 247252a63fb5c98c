"""Round trips, exact decimals and values, as SQLite has them.

Its own decimals are floats, so they are kept as whole numbers of the last place.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from shutil import disk_usage
from uuid import UUID

import msgspec
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.backends.utils import CursorWrapper

_MOST = 2**63 - 1
_RATE_UNITS = 10**12
_ROOM = 2**20  # bytes of disk without which the next writes fail
_encode = msgspec.json.Encoder().encode


@contextmanager
def one_round_trip() -> Iterator[None]:
    """Do the statements inside one after the other: there is no way to the database."""
    yield


def cursor_that_prepares() -> CursorWrapper:
    """Return a cursor for statements that are sent all the time; SQLite keeps them."""
    return connection.cursor()


def streaming() -> AbstractContextManager[object]:
    """Have rows that are read bit by bit come from where they are.

    Not in a transaction: those are for writers, and would keep all others waiting.
    """
    return nullcontext()


def see_one_moment() -> None:
    """Do nothing: every transaction sees the database as it was at its start."""


def takes_writes() -> bool:
    """Tell whether the database lets itself be written to, without writing.

    It takes no lock: whoever writes just now keeps nobody waiting who only asks.
    """
    with connection.cursor() as cursor:
        said = [
            cursor.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("query_only", "max_page_count", "page_count", "freelist_count")
        ]
        files = cursor.execute("PRAGMA database_list").fetchall()
    is_closed, most, pages, free = said
    places = [Path(file) for _, name, file in files if name == "main" and file]
    has_disk = all(
        os.access(place, os.W_OK) and disk_usage(place.parent).free >= _ROOM
        for place in places
    )
    return not is_closed and pages - free < most and has_disk


def decimal_type(places: int) -> str:
    """Return the type of a column of decimals with so many places."""
    del places
    return "bigint"


def decimal_check(column: str) -> str | None:
    """Return what the database itself has to refuse in such a column.

    SQLite takes anything into any column, and arithmetic with a bare Decimal
    (F("spent") + amount) would leave a float there: better an error.
    """
    return f"typeof({column}) IN ('integer', 'null')"


most_told = Decimal(900_000_000)  # of an amount that is only told
reads_decimals = True


def stored_decimal(amount: Decimal, places: int) -> object:
    """Return a decimal of no more than *places* as such a column takes it.

    Raises:
        ValidationError: it is more than a whole number holds.
    """
    units = int(amount.scaleb(places))
    if abs(units) > _MOST:
        raise ValidationError(
            f"{amount:f} is more than the embedded database can hold exactly "
            f"({_MOST // 10**places:,}). Use PostgreSQL."
        )
    return units


def decimal_of(value: Decimal, places: int) -> Decimal:
    """Return what such a column has, units of the last place, as a decimal."""
    return Decimal(value).scaleb(-places)


def stored_money(units: int | None) -> object:
    """Return units of 10^-10 as they stand in a statement past Django's fields."""
    return units


def stored_rate(rate: Decimal | None) -> object:
    return rate and int(rate * _RATE_UNITS)


def stored_moment(moment: datetime) -> object:
    """Return the moment as Django keeps it: UTC, without the offset."""
    # msgspec writes "2026-01-31T12:00:00Z", quotes included, five times as fast as str.
    return _encode(moment)[1:-2].decode().replace("T", " ")


def stored_uid(uid: UUID | None) -> object:
    return uid and uid.hex
