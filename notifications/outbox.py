"""Sending what is written down: claimed, sent outside any transaction, tried again.

A worker first commits that it begins (an attempt with an id of its own, and a claim on
the delivery), then sends, then commits what became of it. Killed at any step it leaves
a claim that runs out, and the delivery to the others; no attempt is ever sent twice.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lib.processes import is_asked_to_stop
from notifications.claims import claim
from notifications.jobs import Job, Result, masked
from notifications.models import Delivery
from notifications.outcomes import settle
from notifications.transports import TRANSPORTS, Accepted, TransportError

logger = logging.getLogger("notifications")

THREADS = 96  # sendings at once, of one worker
MOST_TO_ONE = 32  # of them to one channel: one that hangs must leave room for others
_POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one run did, in deliveries."""

    delivered: int = 0
    failed: int = 0  # for good
    again: int = 0  # to be tried again later


class _Clock:
    """The time as of *now*, going on from there."""

    def __init__(self, now: datetime) -> None:
        self._now, self._began = now, time.monotonic()

    def __call__(self) -> datetime:
        return self._now + timedelta(seconds=time.monotonic() - self._began)


def deliver(*, now: datetime, stay_s: float = 0, most_s: float = 300) -> Delivered:
    """Send all that is due, and what becomes due meanwhile.

    Stays while something that failed in this run is due again within *stay_s*, and
    begins nothing new after *most_s* or once the worker is asked to stop. Any number of
    workers may do this at once.
    """
    return _Delivering(_Clock(now), stay_s, time.monotonic() + most_s).run()


def due_within(now: datetime, seconds: float) -> bool:
    """Tell whether something waits to be sent until then."""
    return Delivery.objects.due(now + timedelta(seconds=seconds)).exists()


# -- The run


@dataclass(slots=True)
class _Delivering:
    clock: Callable[[], datetime]
    stay_s: float
    ends: float  # of time.monotonic()
    counts: Counter[str] = field(default_factory=Counter)
    flying: dict["Future[Result]", Job] = field(default_factory=dict)
    again: list[datetime] = field(default_factory=list)  # when what failed here is due

    def run(self) -> Delivered:
        with ThreadPoolExecutor(THREADS) as pool:
            while True:
                started = self._start(pool)
                if self.flying:
                    self._collect()
                elif not started and not self._waits():
                    break
        return Delivered(**self.counts)

    def _start(self, pool: ThreadPoolExecutor) -> bool:
        """Claim as much as there are free threads for; tell whether any was due."""
        free = THREADS - len(self.flying)
        if self._is_over() or free <= 0:
            return False
        lanes = Counter(job.lane for job in self.flying.values())
        full = [lane for lane, count in lanes.items() if count >= MOST_TO_ONE]
        busiest = max((lanes[lane] for lane in lanes.keys() - full), default=0)
        most = min(free, MOST_TO_ONE - busiest)
        jobs = claim(self.clock(), most=most, full=full)
        for job in jobs:
            self.flying[pool.submit(_sent, job, self.clock)] = job
        return bool(jobs)

    def _collect(self) -> None:
        done, _ = wait(self.flying, timeout=_POLL_S, return_when=FIRST_COMPLETED)
        results = [future.result() for future in done]
        for future in done:
            del self.flying[future]
        if not results:
            return
        told = settle(results)
        self.counts.update(told.counts)
        self.again += told.again

    def _is_over(self) -> bool:
        return time.monotonic() >= self.ends or is_asked_to_stop()

    def _waits(self) -> bool:
        """Pause if what failed here is due again soon; else say that all is done."""
        if not self.again or self._is_over():
            return False
        wait_s = (min(self.again) - self.clock()).total_seconds()
        if wait_s > self.stay_s:
            return False
        if wait_s <= 0:
            self.again.remove(min(self.again))
        time.sleep(min(max(wait_s, 0), _POLL_S))
        return True


# -- Sending: in a thread, without the database


def _sent(job: Job, clock: Callable[[], datetime]) -> Result:
    began = time.monotonic()
    error, sent = None, Accepted()
    try:
        sent = _send(job)
    except TransportError as refused:
        error = refused
    except Exception as bug:  # a bug in one transport must not keep the others waiting
        logger.exception("Delivery %s could not be sent.", job.deliveries[0].uid)
        error = TransportError(f"Unexpected: {type(bug).__name__}.")
    return Result(
        job,
        clock(),
        round((time.monotonic() - began) * 1_000),
        error.status if error else sent.status,
        masked(sent.note, job.secrets),
        error,
    )


def _send(job: Job) -> Accepted:
    if job.parcel is None:
        raise TransportError(job.problem, permanent=not job.passing)
    return TRANSPORTS[job.deliveries[0].type](job.parcel)
