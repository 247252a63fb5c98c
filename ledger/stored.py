"""Values as the database at hand takes them, where they go past Django's fields."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db import connection

_RATE_UNITS = 10**12
_encode = msgspec.json.Encoder().encode

Values = tuple[Any, ...]  # of one row


class Forms(NamedTuple):
    """How one kind of database takes what the others take otherwise."""

    money: Callable[[int | None], object]  # from units of 10^-10
    rate: Callable[[Decimal | None], object]
    moment: Callable[[datetime], object]
    uid: Callable[[UUID | None], object]


def forms() -> Forms:
    return _SQLITE if connection.vendor == "sqlite" else _POSTGRESQL


def array_of(values: Sequence[object]) -> str:
    """Write an array as PostgreSQL reads it: of numbers, times or plain codes.

    By way of JSON, which is ten times as fast as psycopg.
    """
    return f"{{{_encode(values)[1:-1].decode()}}}"


def _text_of(units: int | None) -> str | None:
    return None if units is None else f"{units}e-10"


def _sqlite_time(moment: datetime) -> str:
    """Return the moment as Django keeps it on SQLite: UTC, without the offset."""
    # msgspec writes "2026-01-31T12:00:00Z", quotes included, five times as fast as str.
    return _encode(moment)[1:-2].decode().replace("T", " ")


_POSTGRESQL = Forms(
    money=_text_of,
    rate=lambda rate: rate,
    moment=lambda moment: moment,
    uid=lambda uid: uid,
)
_SQLITE = Forms(
    money=lambda units: units,
    rate=lambda rate: rate and int(rate * _RATE_UNITS),
    moment=_sqlite_time,
    uid=lambda uid: uid and uid.hex,
)
