"""The only way to the workers: a task commits or rolls back with its cause."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django_q.tasks import async_task


def enqueue(task: str, *args: Any) -> None:
    """Have a worker call *task*, a dotted name, with *args*; at least once.

    On the database's own queue it is part of the present transaction. Redis knows
    nothing of transactions, so there it is sent once this one has committed.
    Arguments are positional: the library takes some keywords for its own.
    """
    if settings.REDIS_URL:
        transaction.on_commit(lambda: async_task(task, *args))
    else:
        async_task(task, *args)
