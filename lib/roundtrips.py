"""Asking the database less often, and for less work each time."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor


@contextmanager
def one_round_trip() -> Iterator[None]:
    """Send the statements inside together; each still sees what those before it did.

    Where the database can't, one after the other. What fails is raised at the end, or
    where a result is fetched. A transaction that begins and ends inside goes along.
    """
    if connection.vendor != "postgresql":
        yield
        return
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
    if connection.vendor == "postgresql" and not connection.queries_logged:
        cursor.cursor = Cursor(connection.connection)
    return cursor


def streaming() -> AbstractContextManager[object]:
    """Have rows that are read bit by bit come from where they are.

    Outside a transaction PostgreSQL would first put all of them on disk. SQLite's
    transactions are for writers: one would keep all others waiting.
    """
    return transaction.atomic() if connection.vendor == "postgresql" else nullcontext()
