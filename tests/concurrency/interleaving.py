"""Making threads meet where it hurts, so that a guard that is gone is found each time.

Left to themselves they hardly ever do: most transactions are over in a millisecond.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from threading import Barrier, BrokenBarrierError, Event, local
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from django.db import transaction
from django.db.models import QuerySet

from controls.decisions import services
from lib.grouping import Together
from tests.concurrency.waiting import come_to_wait, until_somebody_waits
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


@contextmanager
def jostling(rows: QuerySet[Any], number: int) -> Iterator[None]:
    """Lock *rows* again and again meanwhile, each time until *number* wait for them.

    Or for a moment, where there are no longer so many.
    """
    over = Event()

    def jostle() -> None:
        while not over.wait(0.0005):
            with transaction.atomic():
                if rows.select_for_update().first() is not None:
                    come_to_wait(number, patience_s=0.05)

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(at_once, jostle)
        try:
            yield
        finally:
            over.set()
        assert done.result() == [None]


@contextmanager
def several_servers(number: int) -> Iterator[None]:
    """Have each thread decide together with some others only, as of *number* servers.

    Threads of one process share transactions: nothing of it would be at once.
    """
    work, most = services._decide_each, services.MOST_TOGETHER
    servers = [Together(work, most=most) for _ in range(number)]
    threads, mine = count(), local()

    def do(organization_id: int, asks: Sequence[Any]) -> Sequence[Any]:
        if not hasattr(mine, "server"):
            mine.server = servers[next(threads) % number]
        answers: Sequence[Any] = mine.server.do(organization_id, asks)
        return answers

    with patch.object(services, "_together", SimpleNamespace(do=do)):
        yield


@contextmanager
def meeting_after(
    where: object, name: str, threads: int, *, patience_s: float = 0.3
) -> Iterator[None]:
    """Have *threads* come back from a function together, in the first calls.

    Where a lock keeps them apart they can't: then none waits longer than a moment.
    Where nothing keeps them apart, *patience_s* is for machines that are busy.
    """
    barrier = Barrier(threads)
    function = getattr(where, name)

    def meet(*args: Any, **kwargs: Any) -> Any:
        found = function(*args, **kwargs)
        with suppress(BrokenBarrierError):
            barrier.wait(patience_s)
        return found

    with patch.object(where, name, meet):
        yield
