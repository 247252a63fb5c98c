"""Bodies of requests: senders that stall keep a few threads, and no more.

The server hands a body over as it comes in, and reading waits for it without end; only
the sender can end that. So of one party only so many threads read at once. Whoever else
of it comes waits for a moment, which is plenty while bodies do come, and is turned down
when they don't.
"""

import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Protocol

OF_UNKNOWN = 4  # threads that read for whoever has no key
PATIENCE_S = 2.0  # that a thread waits for its turn to read
STALLED_S = 1.0  # after which a body is taken not to come soon
PART = 2**16  # bytes read at once


class Source(Protocol):
    """Where a body comes from."""

    def read(self, size: int, /) -> bytes: ...


class CrowdedError(OSError):
    """All threads that may read for the party wait for bodies that don't come."""


class BodyReading:
    """Who reads bodies now, in a process of *threads* threads."""

    def __init__(self, threads: int) -> None:
        self._of_known = max(OF_UNKNOWN, threads * 5 // 8)
        self._turn = Condition()
        self._began: dict[Hashable, dict[object, float]] = {}

    @contextmanager
    def begun(self, party: Hashable) -> Iterator[None]:
        """Read for *party* meanwhile; None is everybody without a key.

        Raises:
            CrowdedError: no turn came up.
        """
        ticket = object()
        with self._turn:
            began = self._wait_for_turn(party)
            began[ticket] = time.monotonic()
        try:
            yield
        finally:
            with self._turn:
                del began[ticket]
                self._turn.notify_all()

    def _wait_for_turn(self, party: Hashable) -> dict[object, float]:
        most = OF_UNKNOWN if party is None else self._of_known
        until = time.monotonic() + PATIENCE_S
        while True:
            began = self._began.setdefault(party, {})
            if len(began) < most:
                return began
            now = time.monotonic()
            if now > until or now - max(began.values()) > STALLED_S:
                raise CrowdedError("Too many bodies are on their way; try again soon.")
            self._turn.wait(STALLED_S / 10)


class Body:
    """One request's body, as Django reads it; raises CrowdedError."""

    def __init__(
        self, source: Source, length: int | None, reading: BodyReading, party: Hashable
    ) -> None:
        self._source = source
        self._left = length  # bytes; None: until it ends
        self._reading, self._party = reading, party
        self._ahead = b""  # read already, for a line

    @property
    def is_read(self) -> bool:
        """Whether nothing of it can still be on its way."""
        return self._left == 0

    def read(self, size: int = -1, /) -> bytes:
        """Return *size* bytes, or all there are with less than 0; fewer at the end."""
        parts, wanted = [self._ahead], size - len(self._ahead)
        self._ahead = b""
        with self._reading.begun(self._party):
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
