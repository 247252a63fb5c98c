"""Whether CostOps can be asked and told, for the app to know and for its log."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Optional

from llm_cost_ops.errors import ForbiddenError, NotAuthenticatedError

log = logging.getLogger("llm_cost_ops")

TELL_EVERY_S = 60.0


@dataclass(frozen=True)
class Health:
    """How a tracker is doing.

    `is_guarding`: the last question whether a call may be made was answered.
    `is_reporting`: the last records that were sent arrived. `problem` says what is
    wrong, "" if nothing is; `key_refused`, that it is the API key, which no waiting
    mends. `unguarded` calls were let through since the tracker was made although
    CostOps could not be asked.
    """

    is_guarding: bool
    is_reporting: bool
    key_refused: bool
    problem: str
    unguarded: int

    @property
    def ok(self) -> bool:
        return self.is_guarding and self.is_reporting


class Pulse:
    """The last problem of asking and of telling; safe from any thread."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._asking: Optional[Exception] = None
        self._telling: Optional[Exception] = None
        self._told_at: Optional[float] = None  # monotonic
        self._passed = 0  # calls that nobody was asked for, since it was told

    def asked(self, problem: Optional[Exception] = None) -> None:
        """Note that a question was answered, or what came in its way."""
        self._asking = problem

    def reported(self, problem: Optional[Exception] = None) -> None:
        """Note that records arrived, or what came in their way."""
        self._telling = problem
        if _is_of_key(problem):
            self._tell("Usage is kept on disk")

    def let_through(self) -> None:
        """Count a call that is made although nobody was asked."""
        with self._lock:
            self._passed += 1
        self._tell("Calls are made without being asked for")

    def _tell(self, what: str) -> None:
        """Write the problem to the log, once a minute."""
        now = time.monotonic()
        with self._lock:
            if self._told_at is not None and now - self._told_at < TELL_EVERY_S:
                return
            self._told_at = now
            passed, self._passed = self._passed, 0
        log.error("%s (%s since last told): %s", what, passed, self._problem())

    def _problem(self) -> str:
        found = self._asking or self._telling
        if _is_of_key(found):
            return f"CostOps refuses the API key: {found}"
        return "" if found is None else f"CostOps can't be asked: {found}"

    def health(self, unguarded: int) -> Health:
        return Health(
            is_guarding=self._asking is None,
            is_reporting=self._telling is None,
            key_refused=_is_of_key(self._asking) or _is_of_key(self._telling),
            problem=self._problem(),
            unguarded=unguarded,
        )


def _is_of_key(problem: Optional[Exception]) -> bool:
    return isinstance(problem, (NotAuthenticatedError, ForbiddenError))
