"""What has become of the records and calls of a tracker."""

from __future__ import annotations

import threading
from dataclasses import dataclass, fields


@dataclass
class Stats:
    """Counts since the tracker was made.

    recorded = sent + spooled (waiting on disk) + what is in memory + rejected + lost.
    """

    calls: int = 0  # that were let through
    blocked: int = 0
    downgraded: int = 0
    unguarded: int = 0  # let through although CostOps could not be asked
    recorded: int = 0
    sent: int = 0  # booked, or known already
    spooled: int = 0  # put on disk
    replayed: int = 0  # sent from disk, of whatever process
    rejected: int = 0  # the server will never take them; kept on disk
    lost: int = 0  # neither the server nor the disk took them
    estimated: int = 0  # recorded by estimate: the provider told no usage


class Counter:
    """Counts from any thread."""

    def __init__(self) -> None:
        self._counts = {each.name: 0 for each in fields(Stats)}
        self.begin_anew()

    def begin_anew(self) -> None:
        self._lock = threading.Lock()

    def add(self, name: str, count: int = 1) -> None:
        with self._lock:
            self._counts[name] += count

    def snapshot(self) -> Stats:
        with self._lock:
            return Stats(**self._counts)
