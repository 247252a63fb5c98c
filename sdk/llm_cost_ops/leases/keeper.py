"""Looks after leases in the background: more money ahead, idle money back."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from functools import partial
from typing import Callable, Optional

from llm_cost_ops.api import controls
from llm_cost_ops.breaker import Breaker
from llm_cost_ops.client import CostOpsClient
from llm_cost_ops.errors import ConflictError, CostOpsError, NotFoundError
from llm_cost_ops.leases.book import Book
from llm_cost_ops.leases.slot import Slot

TICK_S = 1.0
IDLE_S = 30.0  # after which a lease that nobody used goes back
AHEAD_S = 15.0  # before its time is over, a lease in use is prolonged

log = logging.getLogger("llm_cost_ops")


class Keeper:
    """A thread that runs once there is a lease, and only then."""

    def __init__(self, client: CostOpsClient, book: Book, timeout: float) -> None:
        self._client = client
        self._book = book
        self._timeout = timeout
        self.breaker = Breaker()
        self.begin_anew()

    def begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: Optional[threading.Thread] = None
        self._releases: deque[str] = deque()
        self._is_over = False

    def wake(self) -> None:
        """Have leases looked after now."""
        if self._thread is None:
            self._start()
        self._wake.set()

    def release(self, authorization_id: str) -> None:
        """Give an authorization back whose call was not made, soon."""
        self._releases.append(authorization_id)
        self.wake()

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None or self._is_over:
                return
            self._thread = threading.Thread(
                target=self._run, name="llm-cost-ops leases", daemon=True
            )
            try:
                self._thread.start()
            except RuntimeError:  # the interpreter is ending
                self._is_over = True

    def _run(self) -> None:
        while not self._is_over:
            has_work = bool(self._releases) or any(
                slot.lease is not None for slot in self._book.slots()
            )
            self._wake.wait(TICK_S if has_work else None)
            self._wake.clear()
            if not self._is_over:
                self._look_after_all()

    def _look_after_all(self) -> None:
        try:
            self.look_after()
        except Exception:
            log.exception("leases could not be looked after")

    def look_after(self) -> None:
        """Do once what is due: refill, refresh, prolong, return, release."""
        now = time.monotonic()
        for slot in self._book.slots():
            self._guarded(partial(self._attend, slot, now))
        self._release_all()
        self._book.finish_ending()

    def _attend(self, slot: Slot, now: float) -> None:
        lease = slot.lease
        if lease is None:
            return
        if lease.outstanding == 0 and now - lease.used_at > IDLE_S:
            self._book.give_back(slot)
        elif (
            lease.left < lease.low
            or now >= slot.look_at
            or now >= lease.until - AHEAD_S
        ) and slot.flight.acquire(blocking=False):
            try:
                slot.look_at = now + TICK_S * 5  # if it fails, not again at once
                slot.fetch(self._client, 0, self._timeout)
            finally:
                slot.unclaim()
                slot.flight.release()
            self._book.trim(lease)

    def _release_all(self) -> None:
        while self._releases:
            request = controls.release_authorization(self._releases.popleft())
            send = partial(self._client.send_once, request, timeout=self._timeout)
            self._guarded(send)

    def _guarded(self, work: Callable[[], object]) -> None:
        if not self.breaker.may_ask():
            return
        try:
            work()
        except (ConflictError, NotFoundError) as error:
            log.debug("a lease or authorization is over: %s", error)
        except CostOpsError as error:
            self.breaker.failed()
            log.info("leases could not be looked after: %s", error)
        else:
            self.breaker.succeeded()

    def close(self, until: float) -> None:
        """Stop, and give everything back while there is time (monotonic *until*)."""
        self._is_over = True
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(until - time.monotonic(), 0))
        for slot in self._book.slots():
            if time.monotonic() < until:
                self._book.give_back(slot)
        if time.monotonic() < until:
            self._release_all()
