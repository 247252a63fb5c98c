"""Sending several statements to the database at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def one_round_trip() -> Iterator[None]:
    """Send the statements inside together; each still sees what those before it did.

    Where the database can't, one after the other. What fails is raised at the end, or
    where a result is fetched.
    """
    if connection.vendor != "postgresql":
        yield
        return
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield
