"""What is told to workers, and what becomes of it when their queue is away."""

import logging
import socket
import time
from threading import Thread
from typing import Any

import pytest
from django.db import connection, transaction
from django_q.models import OrmQ
from redis import ConnectionError as Away

from lib import redis_queue
from lib.queue import enqueue, enqueue_once, gathering

pytestmark = pytest.mark.django_db
TASK = "alerts.tasks.escalate"


@pytest.fixture
def redis_away(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have Redis refuse; return what it was asked to take."""
    asked: list[str] = []

    def refuse(task: str, *_: Any, **__: Any) -> None:
        asked.append(task)
        raise Away("Connection refused.")

    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(redis_queue, "async_task", refuse)
    monkeypatch.setattr(redis_queue, "broker", redis_queue.Broker())
    return asked


@pytest.mark.django_db(transaction=True)
def test_what_has_committed_is_no_error_when_redis_is_away(
    redis_away: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "lib.queue"):
        for _ in range(5):
            with transaction.atomic():
                enqueue(TASK)
        enqueue(TASK)

    assert redis_away == [TASK]  # asked once, then left alone for a while
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.django_db(transaction=True)
def test_few_wait_for_a_redis_that_hangs_and_not_for_long(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_queue, "ANSWERS_S", 1.0)
    monkeypatch.setattr(redis_queue, "SLOW_S", 0.05)
    monkeypatch.setattr(redis_queue, "broker", redis_queue.Broker())
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes, and never answers
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"

        def request() -> float:
            began = time.monotonic()
            enqueue(TASK)
            return time.monotonic() - began

        def apart() -> None:
            request()
            connection.close()

        first = Thread(target=apart)
        first.start()
        time.sleep(0.1)
        meanwhile = request()
        first.join()
        afterwards = request()

    assert max(meanwhile, afterwards) < redis_queue.ANSWERS_S
    assert redis_queue.broker.left == 1  # since the last warning


def waiting() -> list[str]:
    return [row.task["func"] for row in OrmQ.objects.order_by("pk")]


def test_what_is_gathered_is_told_once_at_the_end() -> None:
    with gathering():
        for _ in range(3):
            with transaction.atomic():
                enqueue_once(TASK)
        meanwhile = waiting()

    assert (meanwhile, waiting()) == ([], [TASK])


def test_what_was_gathered_is_told_though_it_fails() -> None:
    def fail() -> None:
        with gathering():
            enqueue_once(TASK)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert waiting() == [TASK]
