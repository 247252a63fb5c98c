"""Sends usage in the background, in batches; what can't be sent goes to disk."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Callable, NamedTuple, Optional

from llm_cost_ops.client import CostOpsClient
from llm_cost_ops.config import TrackerConfig
from llm_cost_ops.errors import CostOpsError
from llm_cost_ops.reporting.delivery import deliver, line_of
from llm_cost_ops.reporting.health import Pulse
from llm_cost_ops.reporting.spool import Spool
from llm_cost_ops.reporting.stats import Counter

_CHANCE = random.SystemRandom()
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
log = logging.getLogger("llm_cost_ops")


class Entry(NamedTuple):
    """A record, and whom to tell once the server has it."""

    line: bytes
    arrived: Optional[Callable[[], None]]


class Reporter:
    """A bounded buffer and the thread that empties it."""

    def __init__(
        self,
        client: CostOpsClient,
        spool: Spool,
        config: TrackerConfig,
        counter: Counter,
        pulse: Optional[Pulse] = None,
    ) -> None:
        self._client = client
        self._spool = spool
        self._config = config
        self._counter = counter
        self._pulse = pulse or Pulse()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Begin with nothing: what a parent process has buffered, it sends itself."""
        self._buffer: deque[Entry] = deque()
        self._wake = threading.Condition()
        self._sending = threading.Lock()
        self._in_flight: Sequence[Entry] = ()
        self._is_stuck = False
        self._thread: Optional[threading.Thread] = None
        self._is_over = False
        self._pause = 0.0
        self._retry_at = 0.0  # the server is away until then
        self._spool.begin_anew()

    def start(self) -> None:
        """Begin to send what earlier processes have left on disk."""
        with self._wake:
            if self._thread is not None or self._is_over:
                return
            self._thread = threading.Thread(
                target=self._run, name="llm-cost-ops reports", daemon=True
            )
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter is ending: close() sends the rest
            self._is_over = True

    def add(
        self, record: dict[str, Any], arrived: Optional[Callable[[], None]] = None
    ) -> None:
        """Take a record; it is sent soon.

        Raises:
            ValueError, TypeError: it can't be written as JSON.
        """
        entry = Entry(line_of(record), arrived)
        self._counter.add("recorded")
        if self._thread is None:
            self.start()
        with self._wake:
            self._buffer.append(entry)
            size = len(self._buffer)
            if size == self._config.batch_size:
                self._wake.notify()
        if size > self._config.buffer_size:
            self._put_on_disk(self._taken(self._config.batch_size))
        elif self._is_over:
            self._put_on_disk(self._taken(size))

    def _taken(self, most: int) -> list[Entry]:
        with self._wake:
            return [self._buffer.popleft() for _ in range(min(most, len(self._buffer)))]

    def _taken_batch(self) -> list[Entry]:
        return self._taken(self._config.batch_size)

    # -- In the background

    def _run(self) -> None:
        while not self._is_over:
            try:
                self.send_all()
            except Exception:
                log.exception("usage could not be sent")
                self._pause_a_while()
            with self._wake:
                is_full = len(self._buffer) >= self._config.batch_size
                if not self._is_over and (self._is_stuck or not is_full):
                    self._wake.wait(self._next_look())

    def _next_look(self) -> Optional[float]:
        if self._retry_at:
            return max(self._retry_at - time.monotonic(), 0.05)
        return self._config.flush_interval_s

    def send_all(self, until: float = float("inf")) -> None:
        """Send what is buffered and on disk, as far as the server takes it."""
        if not self._sending.acquire(timeout=min(_left(until), threading.TIMEOUT_MAX)):
            return  # another thread is at it, and will not be done in time
        try:
            self._is_stuck = False
            while not self._is_stuck and (entries := self._taken_batch()):
                self._in_flight = entries
                self._send(entries, until)
                self._in_flight = ()
            if not self._spool.is_empty() and self._may_try():
                self._replay(until)
        finally:
            self._sending.release()

    def _may_try(self) -> bool:
        return time.monotonic() >= self._retry_at

    def _timeout(self, until: float) -> float:
        return min(self._config.report_timeout_s, _left(until))

    def _send(self, entries: Sequence[Entry], until: float) -> None:
        timeout = self._timeout(until)
        if not self._may_try() or timeout <= 0:
            self._put_on_disk(entries)
            return
        lines = [entry.line for entry in entries]
        try:
            arrived, refused = deliver(self._client, lines, timeout)
        except CostOpsError as error:
            self._failed(error)
            self._put_on_disk(entries)
            return
        self._succeeded()
        self._counter.add("sent", len(arrived))
        for place in refused:
            self._reject(lines[place])
        for entry in entries:
            if entry.arrived is not None:
                entry.arrived()

    def _reject(self, line: bytes) -> None:
        self._counter.add("rejected")
        try:
            self._spool.reject(line)
        except OSError:
            log.exception("the refused record could not be kept")

    def _put_on_disk(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        try:
            self._spool.write(entry.line for entry in entries)
        except OSError as error:
            self._keep_in_memory(entries, error)
        else:
            self._counter.add("spooled", len(entries))

    def _keep_in_memory(self, entries: Sequence[Entry], error: OSError) -> None:
        """Hold on to records that the disk does not take, as far as there is room."""
        with self._wake:
            room = max(self._config.buffer_size - len(self._buffer), 0)
            kept = [] if self._is_over else entries[:room]
            self._buffer.extendleft(reversed(kept))
            self._is_stuck = True  # neither the server nor the disk takes anything
        if lost := len(entries) - len(kept):
            self._counter.add("lost", lost)
            log.error("%s usage records are lost: %s", lost, error)

    def _replay(self, until: float = float("inf")) -> None:
        """Send what is on disk, oldest first; stop at the first failure."""
        try:
            for claim in self._spool.claimed():
                lines = list(claim.lines())
                for start in range(0, len(lines), self._config.batch_size):
                    part = lines[start : start + self._config.batch_size]
                    if not self._send_lines(part, until):
                        return
                claim.done()
        except OSError as error:
            log.warning("the spool can't be read: %s", error)
            self._pause_a_while()

    def _send_lines(self, lines: Sequence[bytes], until: float) -> bool:
        timeout = self._timeout(until)
        if timeout <= 0:
            return False
        try:
            arrived, refused = deliver(self._client, lines, timeout)
        except CostOpsError as error:
            self._failed(error)
            return False
        self._succeeded()
        self._counter.add("replayed", len(arrived))
        for place in refused:
            self._reject(lines[place])
        return True

    def _failed(self, error: CostOpsError) -> None:
        if not self._pause:
            log.warning("usage can't be sent, and is kept on disk: %s", error)
        self._pulse.reported(error)
        self._pause_a_while()

    def _pause_a_while(self) -> None:
        self._pause = min(max(self._pause * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)
        wait = self._pause * _CHANCE.uniform(0.5, 1)  # spreads clients out
        self._retry_at = time.monotonic() + wait

    def _succeeded(self) -> None:
        if self._pause:
            log.info("usage is being sent again")
        self._pulse.reported()
        self._pause = self._retry_at = 0.0

    # -- At the end

    def flush(self, until: float) -> None:
        """Send everything now; what has not arrived by *until* is on disk."""
        self._retry_at = 0.0
        self.send_all(until)

    def close(self, until: float) -> None:
        """Stop; what has not arrived by *until* (monotonic) is on disk."""
        self._is_over = True
        with self._wake:
            self._wake.notify_all()
        self.flush(until)
        # What a slow server has been sent, and may yet take, goes on disk as well.
        self._put_on_disk([*self._in_flight, *self._taken(len(self._buffer))])
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_left(until))
        self._spool.close()


def _left(until: float) -> float:
    return max(until - time.monotonic(), 0.0)
