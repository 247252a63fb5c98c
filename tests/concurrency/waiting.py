"""Knowing that another connection has come as far as a lock."""

from collections.abc import Callable
from time import monotonic, sleep

import pytest
from django.db import connection

_WAITING = """
SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE NOT granted AND datname = current_database()
"""


def until_somebody_waits(
    number: int = 1, *, unless: Callable[[], bool] = lambda: False
) -> None:
    """Return once *number* connections wait for a lock, or what *unless* tells is so.

    With the guard that a test is about, the others wait; without, they have gone on.
    """
    if not come_to_wait(number, patience_s=10, unless=unless):
        pytest.fail("Nobody waits." if number == 1 else f"Fewer than {number} wait.")


def come_to_wait(
    number: int, *, patience_s: float, unless: Callable[[], bool] = lambda: False
) -> bool:
    """As `until_somebody_waits`; False: it took longer than that."""
    deadline = monotonic() + patience_s
    while monotonic() < deadline:
        with connection.cursor() as cursor:
            # Or a transaction goes on seeing the connections there were at first.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(_WAITING)
            if cursor.fetchone()[0] >= number or unless():
                return True
        sleep(0.001)
    return False
