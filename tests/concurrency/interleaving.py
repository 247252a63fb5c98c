"""Making threads meet where it hurts, so that a guard that is gone is found each time.

Left to themselves they hardly ever do: most transactions are over in a millisecond.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from tests.concurrency.waiting import until_somebody_waits
from tests.factories import at_once


def at_once_behind(
    obstacle: Callable[[], object],
    *calls: Callable[[], Any],
    waiting: int | None = None,
) -> list[Any]:
    """Make *calls* as `at_once` does, behind a transaction that has done *obstacle*.

    That is rolled back once all of them, or *waiting*, wait for it or for each other:
    what they looked at before they had a lock is then old for all but the first.
    """
    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            obstacle()
            done = thread.submit(at_once, *calls)
            until_somebody_waits(waiting or len(calls))
            transaction.set_rollback(True)
        return done.result()


def locked(rows: QuerySet[Any]) -> Callable[[], object]:
    """Return the obstacle that is a lock on each of *rows*."""
    return lambda: list(rows.select_for_update())
