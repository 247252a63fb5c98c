"""Long polls: clients that wait for a decision, a few at a time.

Each holds a thread of the server, so they are counted; whoever finds no place is
answered at once, and asks again. All that wait in a process look at the database
together, and none keeps a connection while it sleeps.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock

from django.db import connection

from approvals.models import BudgetRequest

THREADS = 16  # of a process, until its server says how many it has
LOOK_EVERY_S = 0.5
LONGEST_S = 30


class Places:
    """Who waits in this process, and for which requests."""

    def __init__(self) -> None:
        self.fit(THREADS)
        self._lock = Lock()
        self._waiting: Counter[int] = Counter()
        self._of: Counter[int] = Counter()
        self._seen: Mapping[int, bool] = {}  # whether a request is pending
        self._seen_at = 0.0

    def fit(self, threads: int) -> None:
        """Let half the process's *threads* wait at most, and half of those for one.

        What is left of an organization's share, see costops.serving.shares, is for its
        usage and its decisions.
        """
        self.most = threads // 2
        self.most_of_one = (self.most + 1) // 2

    @contextmanager
    def taken(self, request: BudgetRequest) -> Iterator[bool]:
        """Take a place meanwhile; False: there is none."""
        organization = request.organization_id
        with self._lock:
            is_full = self._waiting.total() >= self.most
            if is_full or self._of[organization] >= self.most_of_one:
                organization = 0
            else:
                self._waiting[request.pk] += 1
                self._of[organization] += 1
        try:
            yield organization != 0
        finally:
            if organization:
                with self._lock:
                    _less(self._waiting, request.pk)
                    _less(self._of, organization)

    def is_pending(self, request: BudgetRequest) -> bool:
        """Tell whether a request that somebody waits for is still to be decided."""
        with self._lock:
            now = time.monotonic()
            if now - self._seen_at >= LOOK_EVERY_S or request.pk not in self._seen:
                waiting = list(self._waiting)
                rows = BudgetRequest.objects.pending().filter(pk__in=waiting)
                still = set(rows.values_list("pk", flat=True))
                self._seen = {pk: pk in still for pk in waiting}
                self._seen_at = now
            return self._seen[request.pk]


PLACES = Places()


def wait_for(request: BudgetRequest, seconds: float) -> bool:
    """Wait until *request* is no longer pending, at most *seconds*.

    Return whether there was a place to wait at: where not, ask again in a moment.
    """
    until = time.monotonic() + seconds
    with PLACES.taken(request) as has_place:
        while has_place and PLACES.is_pending(request):
            _let_go()
            left = until - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(LOOK_EVERY_S, left))
    return has_place


def _let_go() -> None:
    """Give the thread's connection back: others wait for one."""
    if not connection.in_atomic_block:
        connection.close()


def _less(counts: Counter[int], key: int) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
