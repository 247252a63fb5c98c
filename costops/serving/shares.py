"""No party holds all threads of a process: not one organization, not those unknown.

A party has all threads but an eighth of them. What more it asks waits for its turn as
long as its requests do end; when none of them has for a moment, they wait for something
themselves, a lock say, and what more comes is turned down at once, to come again. The
threads that are left belong to the others. ADR 0041 says why.
"""

import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition

STALLED_S = 1.0  # without an end, after which a party's requests are taken to wait


class ShareTakenError(Exception):
    """All threads that the party may hold are waiting for something."""


@dataclass(slots=True)
class _Share:
    """How many requests of one party are in work, and when one last began or ended."""

    moved: float  # by the monotonic clock
    held: int = 0


class Shares:
    """Who has how many requests in work, in a process of *threads* threads."""

    def __init__(self, threads: int) -> None:
        self.most = max(1, threads - max(1, threads // 8))
        self._turn = Condition()
        self._shares: dict[Hashable, _Share] = {}

    @contextmanager
    def of(self, party: Hashable) -> Iterator[None]:
        """Hold a thread for *party* meanwhile.

        Raises:
            ShareTakenError: no turn came up.
        """
        with self._turn:
            share = self._wait_for_turn(party)
            share.held += 1
            share.moved = time.monotonic()
        try:
            yield
        finally:
            with self._turn:
                share.held -= 1
                share.moved = time.monotonic()
                if not share.held:
                    del self._shares[party]
                self._turn.notify_all()

    def _wait_for_turn(self, party: Hashable) -> _Share:
        while True:
            now = time.monotonic()
            share = self._shares.setdefault(party, _Share(now))
            if share.held < self.most:
                return share
            if now - share.moved > STALLED_S:
                raise ShareTakenError
            self._turn.wait(STALLED_S / 10)
