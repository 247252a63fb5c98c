"""The only way to the workers: a task commits or rolls back with its cause."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django_q.brokers.orm import ORM
from django_q.tasks import async_task

_gathered: ContextVar[set[str] | None] = ContextVar("gathered", default=None)


def enqueue(task: str, *args: Any) -> None:
    """Have a worker call *task*, a dotted name, with *args*; at least once.

    On the database's own queue it is part of the present transaction. Redis knows
    nothing of transactions, so there it is sent once this one has committed; while it
    can't be reached nothing is, and all that is due is done by the clock.
    Arguments are positional: the library takes some keywords for its own.
    """
    if settings.REDIS_URL:
        from lib.redis_queue import broker  # the client takes half a second to load

        transaction.on_commit(partial(broker.send, task, *args))
    else:
        async_task(task, *args)


def announce(change: str, *args: Any) -> None:
    """Have workers do what follows *change*, as `enqueue` would.

    A change is named after the app it happens in, "budgets.watched_amounts". What
    follows it may lie in apps above, of which who announces knows nothing: it stands
    in one table of the project's (`costops.schedules.FOLLOWING`).
    """
    enqueue(settings.FOLLOWING_TASK, change, *args)


def announce_at(moment: datetime, change: str, *args: Any) -> None:
    """`announce` *change* at *moment*, to about half a second.

    Redis can't wait: there what follows is done at once.
    """
    if settings.REDIS_URL:
        announce(change, *args)
    else:
        async_task(settings.FOLLOWING_TASK, change, *args, broker=_Later(moment))


def enqueue_once(task: str) -> None:
    """`enqueue` *task*, unless the present transaction (or `gathering`) already has.

    Django forgets what is to run on commit when the savepoint it was said in is rolled
    back, and the task goes with it: so that serves as the note that there is one.
    """
    note = _Enqueued(task)
    gathered = _gathered.get()
    if gathered is not None:
        gathered.add(task)
    elif all(entry[1] != note for entry in connection.run_on_commit):
        enqueue(task)
        transaction.on_commit(note)


@contextmanager
def gathering() -> Iterator[None]:
    """Enqueue what `enqueue_once` asks for within at its end: each task once.

    For many transactions whose tasks the clock would find as well: those of a process
    that is killed within are not enqueued.
    """
    token = _gathered.set(set())
    try:
        yield
    finally:
        tasks = sorted(_gathered.get() or ())
        _gathered.reset(token)
        for task in tasks:
            enqueue_once(task)


@dataclass(frozen=True, slots=True)
class _Enqueued:
    """That the transaction has enqueued *task*; does nothing on commit."""

    task: str

    def __call__(self) -> None:
        """Do nothing: see `enqueue_once`."""


def enqueue_at(moment: datetime, task: str) -> None:
    """Have a worker call *task* at *moment*, to about half a second.

    Part of the present transaction. Redis can't wait: there nothing is sent, so the
    task must also be due by the clock (`costops.schedules`).
    """
    if not settings.REDIS_URL:
        async_task(task, broker=_Later(moment))


class _Later:
    """The database's queue, for what workers are not to see before its time."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment
        self.list_key = ORM().list_key

    def enqueue(self, task: str) -> object:
        # A row is taken once its lock lies in the past.
        rows = ORM.get_connection()
        return rows.create(key=self.list_key, payload=task, lock=self.moment).pk
