"""Ids of providers' responses, by which a call that is reported twice counts once."""

from __future__ import annotations

from typing import Any, Optional

SHORTEST = 20  # characters; shorter ones, as of local servers, come again
MOST = 10_000  # remembered at least


class Responses:
    """Lets an id pass once: what two calls of a process got names no response."""

    def __init__(self) -> None:
        self._recent: dict[str, object] = {}
        self._before: dict[str, object] = {}

    def new(self, response_id: Any) -> Optional[str]:
        """Return *response_id* if it may be one that no other response has."""
        if not isinstance(response_id, str) or not SHORTEST <= len(response_id) <= 255:
            return None
        if len(self._recent) >= MOST:
            self._recent, self._before = {}, self._recent
        mine = object()
        # One step, so that of two threads with the same id one is the first.
        if self._recent.setdefault(response_id, mine) is not mine:
            return None
        return None if response_id in self._before else response_id


# Of all trackers of the process: a server that repeats its ids does so to each of them.
responses = Responses()
