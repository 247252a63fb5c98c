"""No party holds all threads of a process: not one organization, not those unknown.

A party is slow when it has as many requests in work as its share, all of them for
seconds: they wait for a lock, which nobody waits for longer than five. Then what more
it asks is turned down at once, to come again: the threads that are left belong to the
others. Requests that take their milliseconds, or a second on a busy machine, are never
counted out, however many there are.
"""

import time
from collections import defaultdict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from itertools import islice
from threading import Lock

SLOW_S = 4.0
_LEAST = 2  # threads of a share


class ShareTakenError(Exception):
    """All threads that the party may hold are waiting for something."""


class Shares:
    """Who has how many requests in work, in a process of *threads* threads."""

    def __init__(self, threads: int) -> None:
        self.most = max(_LEAST, threads * 5 // 8)
        self._lock = Lock()
        self._began: dict[Hashable, dict[object, float]] = defaultdict(dict)

    @contextmanager
    def of(self, party: Hashable) -> Iterator[None]:
        """Hold a thread for *party* meanwhile.

        Raises:
            ShareTakenError: the party's share is held by requests that take long.
        """
        ticket, now = object(), time.monotonic()
        with self._lock:
            began = self._began[party]
            # They are in order: when the last of a share is slow, all of it are.
            last = next(islice(began.values(), self.most - 1, None), now)
            if now - last > SLOW_S:
                raise ShareTakenError
            began[ticket] = now
        try:
            yield
        finally:
            with self._lock:
                del began[ticket]
                if not began:
                    self._began.pop(party, None)
