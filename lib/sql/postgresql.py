"""Round trips, exact decimals and values, as PostgreSQL has them."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor

_encode = msgspec.json.Encoder().encode


@contextmanager
def one_round_trip() -> Iterator[None]:
    """Send the statements inside together; each still sees what those before it did.

    What fails is raised at the end, or where a result is fetched. A transaction that
    begins and ends inside goes along.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def cursor_that_prepares() -> CursorWrapper:
    """Return a cursor for statements that are sent all the time.

    PostgreSQL parses and plans each of them once for a connection, not every time.
    Values are sent apart from it: say the type of a text that stands for another.
    """
    cursor = connection.cursor()
    # Django's own writes the values into the statement, which is always another then;
    # it stays where statements are logged, for the log to have them.
    if not connection.queries_logged:
        cursor.cursor = Cursor(connection.connection)
    return cursor


def streaming() -> AbstractContextManager[object]:
    """Have rows that are read bit by bit come from where they are.

    Outside a transaction PostgreSQL would first put all of them on disk.
    """
    return transaction.atomic()


def see_one_moment() -> None:
    """Have the transaction, just begun, see the database as it is now throughout."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def takes_writes() -> bool:
    """Tell whether the database lets itself be written to, without writing.

    Whether its disk has room, only a write can tell (see `lib.availability`).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT NOT pg_is_in_recovery()"
            " AND current_setting('transaction_read_only') = 'off'"
        )
        (found,) = cursor.fetchone()
    return bool(found)


def decimal_type(places: int) -> str:
    """Return the type of a column of decimals with so many places."""
    return f"numeric(30, {places})"


def decimal_check(column: str) -> str | None:
    """Return what the database itself has to refuse in such a column."""
    del column
    return None


most_told = Decimal(10) ** 18  # of an amount that is only told
reads_decimals = False  # psycopg makes decimals itself: a call for each costs time


def stored_decimal(amount: Decimal, places: int) -> object:
    """Return a decimal of no more than *places* as such a column takes it."""
    del places
    return amount


def decimal_of(value: Decimal, places: int) -> Decimal:
    """Return what such a column has as a decimal."""
    del places
    return value


def array_of(values: Sequence[object]) -> str:
    """Write an array as PostgreSQL reads it: of numbers, times or plain codes.

    By way of JSON, which is ten times as fast as psycopg.
    """
    return f"{{{_encode(values)[1:-1].decode()}}}"


def stored_money(units: int | None) -> object:
    """Return units of 10^-10 as they stand in a statement past Django's fields."""
    return None if units is None else f"{units}e-10"


def stored_rate(rate: Decimal | None) -> object:
    return rate


def stored_moment(moment: datetime) -> object:
    return moment


def stored_uid(uid: UUID | None) -> object:
    return uid
