"""Bodies of requests, read in time: a sender that stalls does not keep a thread.

The server hands a body over as it comes in, and reading waits for it without end. So
when several threads read at once, the next ones let a thread of its own read and wait
for that one only as long as is fair. When somebody without a key has let it come to
that, only a few of those without one are listened to for a while.
"""

import time
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Protocol

WITHOUT_END = 4  # threads that may wait without end: they are not missed
STALL_S = 3.0  # for which nothing may come
GRACE_S = 15.0  # a body may take so long ...
RATE = 50_000  # ... and a second more for so many bytes of it
PART = 2**16  # bytes read at once
WARY_S = 30.0  # for which few without a key are read after one of them stalled
OF_WARY = 2  # threads that read for them meanwhile


class Source(Protocol):
    """Where a body comes from."""

    def read(self, size: int, /) -> bytes: ...


class TooSlowError(OSError):
    """The body did not come in time."""


class CrowdedError(OSError):
    """Somebody without a key asks while such have stalled a moment ago."""


class Reading:
    """Who reads bodies now in this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[Hashable] = Counter()
        self._wary_until = 0.0

    @contextmanager
    def begun(self, party: Hashable) -> Iterator[bool]:
        """Count one more of *party* (None: unknown); tell whether to read in time.

        Raises:
            CrowdedError: it is unknown, and such have stalled a moment ago.
        """
        with self._lock:
            if party is None and self._counts[party] >= OF_WARY and self._is_wary():
                raise CrowdedError("Too many bodies are on their way; try again soon.")
            self._counts[party] += 1
            is_crowded = self._counts.total() > WITHOUT_END
        try:
            yield is_crowded
        except TooSlowError:
            if party is None:
                self._wary_until = time.monotonic() + WARY_S
            raise
        finally:
            with self._lock:
                self._counts[party] -= 1
                if not self._counts[party]:
                    del self._counts[party]

    def _is_wary(self) -> bool:
        return time.monotonic() < self._wary_until


class Body:
    """One request's body, as Django reads it: CrowdedError, TooSlowError."""

    def __init__(
        self, source: Source, length: int | None, reading: Reading, party: Hashable
    ) -> None:
        self._source = source
        self._left = length  # bytes; None: until it ends
        self._reading, self._party = reading, party
        self._is_timed = False
        self._ahead = b""  # read already, for a line

    @property
    def is_read(self) -> bool:
        """Whether nothing of it can still be on its way."""
        return self._left == 0

    def read(self, size: int = -1, /) -> bytes:
        """Return *size* bytes, or all there are with less than 0; fewer at the end."""
        parts, wanted = [self._ahead], size - len(self._ahead)
        self._ahead = b""
        with self._reading.begun(self._party) as is_crowded:
            if is_crowded and not self._is_timed:
                self._source, self._is_timed = _Timed(self._source), True
            while (size < 0 or wanted > 0) and (part := self._part(size, wanted)):
                parts.append(part)
                wanted -= len(part)
        found = b"".join(parts)
        if 0 <= size < len(found):
            found, self._ahead = found[:size], found[size:]
        return found

    def readline(self, size: int = -1, /) -> bytes:
        """Return the next line, or *size* bytes of it."""
        found = self.read(PART if size < 0 else size)
        line, end, rest = found.partition(b"\n")
        self._ahead = rest + self._ahead
        return line + end

    def _part(self, size: int, wanted: int) -> bytes:
        part = self._source.read(PART if size < 0 else min(wanted, PART))
        if not part:
            self._left = 0
        elif self._left is not None:
            self._left = max(0, self._left - len(part))
        return part


class _Timed:
    """A source that another thread reads, waited for as long as its size allows."""

    def __init__(self, source: Source) -> None:
        self._parts: SimpleQueue[bytes | OSError] = SimpleQueue()
        self._until = time.monotonic() + GRACE_S
        self._ahead = b""
        Thread(target=self._hand_over, args=(source,), daemon=True).start()

    def read(self, size: int, /) -> bytes:
        part = self._ahead or self._next()
        self._ahead = part[size:]
        return part[:size]

    def _next(self) -> bytes:
        left = self._until - time.monotonic()
        try:
            part = self._parts.get(timeout=max(0.0, min(STALL_S, left)))
        except Empty as error:
            raise TooSlowError("The body did not come in time.") from error
        if isinstance(part, OSError):
            raise part
        self._until += len(part) / RATE
        return part

    def _hand_over(self, source: Source) -> None:
        """Pass on what comes; ends with it, or when the connection is closed."""
        try:
            while part := source.read(PART):
                self._parts.put(part)
            self._parts.put(b"")
        except OSError as error:
            self._parts.put(error)
