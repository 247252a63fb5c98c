"""Group commit: small requests that arrive together share one transaction.

Whoever comes first leads: it books everything that waits, then hands over to one of
those that came meanwhile. Nobody waits for a timer, and alone nothing is different.
"""

from collections.abc import Sequence
from threading import Lock

from django.db import DatabaseError

from intake.pipeline import take
from ledger.types import Outcome
from ledger.usage import Usage

MOST_TOGETHER = 5_000  # records in one transaction


class _Request:
    """One caller's records, and the lock it waits at until they are booked."""

    __slots__ = ("gate", "leads", "outcomes", "usage")

    def __init__(self, usage: Sequence[Usage]) -> None:
        self.usage = usage
        self.outcomes: Sequence[Outcome] | None = None
        self.leads = False
        self.gate = Lock()
        self.gate.acquire()


class _Group:
    """The requests of one organization in this process."""

    def __init__(self, organization_id: int) -> None:
        self.organization_id = organization_id
        self._mutex = Lock()
        self._waiting: list[_Request] = []
        self._led = False

    def take(self, usage: Sequence[Usage]) -> Sequence[Outcome]:
        request = _Request(usage)
        with self._mutex:
            self._waiting.append(request)
            request.leads = not self._led
            self._led = True
        if not request.leads:
            request.gate.acquire()
        if request.leads:
            self._lead()
        if request.outcomes is None:
            # The shared transaction failed, maybe through another's records.
            return take(self.organization_id, usage)
        return request.outcomes

    def _lead(self) -> None:
        together = self._next_batch()
        try:
            outcomes = take(
                self.organization_id,
                [one for request in together for one in request.usage],
            )
            start = 0
            for request in together:
                request.outcomes = outcomes[start : start + len(request.usage)]
                start += len(request.usage)
        except DatabaseError:
            # Each is tried again by itself, the leader's own too: one of them may
            # have spoilt it for all.
            if len(together) == 1:
                raise
        finally:
            self._hand_over(together)

    def _next_batch(self) -> list[_Request]:
        """Take from the waiting; the leader's own request is the first of them."""
        with self._mutex:
            count = size = 0
            for request in self._waiting:
                if count and size + len(request.usage) > MOST_TOGETHER:
                    break
                count, size = count + 1, size + len(request.usage)
            together = self._waiting[:count]
            del self._waiting[:count]
            return together

    def _hand_over(self, done: list[_Request]) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].gate.release()
            else:
                self._led = False
        for request in done[1:]:
            request.gate.release()


_groups: dict[int, _Group] = {}
_groups_mutex = Lock()


def take_together(organization_id: int, usage: Sequence[Usage]) -> Sequence[Outcome]:
    """Do what `pipeline.take` does, in a transaction shared with whoever waits too."""
    group = _groups.get(organization_id)
    if group is None:
        with _groups_mutex:
            group = _groups.setdefault(organization_id, _Group(organization_id))
    return group.take(usage)
