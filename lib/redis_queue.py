"""The workers' queue where it is Redis: loaded only then."""

import logging
import time
from functools import cached_property
from typing import Any

from django.conf import settings
from django_q.brokers.redis_broker import Redis as RedisQueue
from django_q.tasks import async_task
from redis import Redis, RedisError

logger = logging.getLogger("lib.queue")

AWAY_S = 5  # that Redis is left alone once it could not be reached
ANSWERS_S = 1  # how soon Redis must, or it can't be reached
SLOW_S = 0.2  # after which nobody else asks Redis before who waits has heard


class Broker:
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


broker = Broker()
