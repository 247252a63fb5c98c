"""No party holds all threads of a process, nor do a few of them together.

A party is an organization by its keys, its clients that wait for decisions, or whoever
has no key at one address. One that holds no thread takes one. One that holds some takes
another while there is one left for each party that was here a moment ago and holds none
and one for somebody new, at least an eighth of all. What more it asks waits for a turn
as long as its requests do end; when none of them has for a moment, they wait for
something themselves, a lock say, and what more comes is turned down at once, to come
again. ADR 0041 says why.
"""

import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition

STALLED_S = 1.0  # without an end, after which a party's requests are taken to wait
HERE_S = 10.0  # after its last request a party counts as being here


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
        self._threads = threads
        self._least_left = max(1, threads // 8)
        self._most_left = max(1, threads // 2)
        self._turn = Condition()
        self._shares: dict[Hashable, _Share] = {}
        self._held = 0
        self._idle = 0  # parties that are here and hold nothing
        self._looked_at = time.monotonic()

    @contextmanager
    def of(self, party: Hashable) -> Iterator[None]:
        """Hold a thread for *party* meanwhile.

        Raises:
            ShareTakenError: no turn came up.
        """
        with self._turn:
            share = self._wait_for_turn(party)
            self._held += 1
            self._idle -= not share.held
            share.held += 1
            share.moved = time.monotonic()
        try:
            yield
        finally:
            with self._turn:
                self._held -= 1
                share.held -= 1
                self._idle += not share.held
                share.moved = time.monotonic()
                self._turn.notify_all()

    def _wait_for_turn(self, party: Hashable) -> _Share:
        while True:
            now = time.monotonic()
            share = self._share_of(party, now)
            if not share.held or self._held < self._threads - self._for_others():
                return share
            if now - share.moved > STALLED_S:
                raise ShareTakenError
            self._turn.wait(STALLED_S / 10)

    def _for_others(self) -> int:
        """Return how many threads are left to those who hold none."""
        return max(self._least_left, min(self._most_left, self._idle + 1))

    def _share_of(self, party: Hashable, now: float) -> _Share:
        if now - self._looked_at > HERE_S / 10:
            self._looked_at = now
            self._forget_before(now - HERE_S)
        share = self._shares.get(party)
        if share is None:
            share = self._shares[party] = _Share(now)
            self._idle += 1
        return share

    def _forget_before(self, moment: float) -> None:
        gone = [
            party
            for party, share in self._shares.items()
            if not share.held and share.moved < moment
        ]
        for party in gone:
            del self._shares[party]
        self._idle -= len(gone)
