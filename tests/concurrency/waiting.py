"""Knowing that another connection has come as far as a lock."""

from collections.abc import Callable
from time import monotonic, sleep

import pytest
from django.db import connection


def until_somebody_waits(*, unless: Callable[[], bool] = lambda: False) -> None:
    """Return once a connection waits for a lock, or what *unless* tells has come.

    With the guard that a test is about, the other waits; without, it has gone on.
    """
    deadline = monotonic() + 10
    while monotonic() < deadline:
        with connection.cursor() as cursor:
            # Or a transaction goes on seeing the connections there were at first.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
                " WHERE NOT granted AND datname = current_database()"
            )
            if cursor.fetchone()[0] or unless():
                return
        sleep(0.01)
    pytest.fail("Nobody waits.")
