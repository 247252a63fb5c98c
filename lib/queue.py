"""The only way to the workers: a task commits or rolls back with its cause."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django_q.brokers.orm import ORM
from django_q.brokers.redis_broker import Redis as RedisQueue
from django_q.tasks import async_task
from redis import Redis, RedisError

logger = logging.getLogger("lib.queue")

AWAY_S = 5  # that Redis is left alone once it could not be reached
ANSWERS_S = 1  # how soon Redis must, or it can't be reached
SLOW_S = 0.2  # after which nobody else asks Redis before who waits has heard
_gathered: ContextVar[set[str] | None] = ContextVar("gathered", default=None)


def enqueue(task: str, *args: Any) -> None:
    """Have a worker call *task*, a dotted name, with *args*; at least once.

    On the database's own queue it is part of the present transaction. Redis knows
    nothing of transactions, so there it is sent once this one has committed; while it
    can't be reached nothing is, and all that is due is done by the clock.
    Arguments are positional: the library takes some keywords for its own.
    """
    if settings.REDIS_URL:
        transaction.on_commit(partial(_broker.send, task, *args))
    else:
        async_task(task, *args)


class _Broker:
    """Redis, which may be away: what has committed stays done, and is not an error.

    It may also hang. Who waits for it is a request, so that few wait, and not for long.
    """

    def __init__(self) -> None:
        self.back_at = 0.0  # of time.monotonic(): not asked before
        self.asked: dict[object, float] = {}  # since when it has not answered
        self.left = 0  # tasks that were not sent meanwhile

    @cached_property
    def _queue(self) -> RedisQueue:
        queue = RedisQueue()
        queue.connection = Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=ANSWERS_S,
            socket_connect_timeout=ANSWERS_S,
        )
        return queue

    def send(self, task: str, *args: Any) -> None:
        now, asking = time.monotonic(), object()
        slow = any(now - since > SLOW_S for since in tuple(self.asked.values()))
        if slow or now < self.back_at:
            self.left += 1
            return
        self.asked[asking] = now
        try:
            async_task(task, *args, broker=self._queue)
        except (RedisError, OSError) as error:
            self.back_at = time.monotonic() + AWAY_S
            logger.warning(
                "The queue can't be reached, so the clock does what is due. %s was not "
                "sent, nor were %d before: %s",
                *(task, self.left, error),
            )
        finally:
            del self.asked[asking]
        self.left = 0


_broker = _Broker()


def announce(change: str, *args: Any) -> None:
    """Have workers do what follows *change*, as `enqueue` would.

    A change is named after the app it happens in, "budgets.watched_amounts". What
    follows it may lie in apps above, of which who announces knows nothing: it stands
    in one table of the project's (`costops.schedules.FOLLOWING`).
    """
    enqueue(settings.FOLLOWING_TASK, change, *args)


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
