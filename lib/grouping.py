"""Group commit: small pieces of work that arrive together share one transaction.

Whoever comes first leads: it does everything that waits, then hands over to one of
those that came meanwhile. Alone, nobody waits for anything.
"""

import time
from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import Generic, TypeVar

PATIENCE_S = 0.001  # that a transaction begins later for the sake of company

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Key = TypeVar("Key", bound=Hashable)


class _Request(Generic[Item, Answer]):
    """One caller's items, and the lock it waits at until they are done."""

    __slots__ = ("answers", "gate", "items", "leads")

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self.answers: Sequence[Answer] | None = None
        self.leads = False
        self.gate = Lock()
        self.gate.acquire()


class _Group(Generic[Item, Answer]):
    """The requests of one key in this process."""

    def __init__(
        self, work: Callable[[Sequence[Item]], Sequence[Answer]], most: int
    ) -> None:
        self._work = work
        self._most = most
        self._mutex = Lock()
        self._waiting: list[_Request[Item, Answer]] = []
        self._led = False
        self._last = 1  # how many requests shared the last transaction

    def do(self, items: Sequence[Item]) -> Sequence[Answer]:
        request: _Request[Item, Answer] = _Request(items)
        with self._mutex:
            self._waiting.append(request)
            request.leads = not self._led
            self._led = True
        if not request.leads:
            request.gate.acquire()
        if request.leads:
            self._lead()
        if request.answers is None:
            # The shared transaction failed, maybe through another's items.
            return self._work(items)
        return request.answers

    def _lead(self) -> None:
        self._gather()
        together = self._next_batch()
        try:
            answers = self._work([one for request in together for one in request.items])
            start = 0
            for request in together:
                request.answers = answers[start : start + len(request.items)]
                start += len(request.items)
        except Exception:
            # Each is tried again by itself, the leader's own too: one of them may
            # have spoilt it for all, in whatever way.
            if len(together) == 1:
                raise
        finally:
            self._hand_over(together)

    def _gather(self) -> None:
        """Let come who was answered a moment ago and asks again at once.

        Else every other transaction would be for whoever is back first, alone. Without
        company there was nobody to wait for.
        """
        if self._last == 1:
            return
        until = time.perf_counter() + PATIENCE_S
        while len(self._waiting) < self._last and time.perf_counter() < until:
            time.sleep(PATIENCE_S / 20)

    def _next_batch(self) -> list[_Request[Item, Answer]]:
        """Take from the waiting; the leader's own request is the first of them."""
        with self._mutex:
            count = size = 0
            for request in self._waiting:
                if count and size + len(request.items) > self._most:
                    break
                count, size = count + 1, size + len(request.items)
            self._last = count
            together = self._waiting[:count]
            del self._waiting[:count]
            return together

    def _hand_over(self, done: list[_Request[Item, Answer]]) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].gate.release()
            else:
                self._led = False
        for request in done[1:]:
            request.gate.release()


class Together(Generic[Key, Item, Answer]):
    """Does *work* for whoever asks, grouped by key, at most *most* items at once.

    `work(key, items)` returns an answer for each item, in order, all or none.
    """

    def __init__(
        self, work: Callable[[Key, Sequence[Item]], Sequence[Answer]], *, most: int
    ) -> None:
        self._work = work
        self._most = most
        self._groups: dict[Key, _Group[Item, Answer]] = {}
        self._mutex = Lock()

    def do(self, key: Key, items: Sequence[Item]) -> Sequence[Answer]:
        """Return the answers to *items*, done with whatever of *key* waits too."""
        group = self._groups.get(key)
        if group is None:
            with self._mutex:
                group = self._groups.setdefault(key, self._new_group(key))
        return group.do(items)

    def _new_group(self, key: Key) -> _Group[Item, Answer]:
        return _Group(lambda items: self._work(key, items), self._most)
