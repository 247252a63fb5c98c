"""When to send a request again, and how long to wait before. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Union

from llm_cost_ops.errors import ApiError, BadAnswerError, NoAnswerError

AGAIN = frozenset({429, 502, 503, 504})
Failure = Union[ApiError, NoAnswerError, BadAnswerError]


@dataclass(frozen=True)
class RetryPolicy:
    """How often to try again, and the waits between in seconds.

    By itself it goes on for 15 to 30 s, which is longer than a server takes to start.
    No try begins later, however long each takes or the server asks to wait: beyond that
    who calls waits for the last one's timeout at most.
    """

    retries: int = 7
    first_wait: float = 0.25
    longest_wait: float = 30.0
    begins_within: float = 30.0  # of the first try, the last one does

    def wait_after(
        self, failure: Failure, attempt: int, chance: float, passed: float = 0.0
    ) -> Optional[float]:
        """Return how long to wait after the *attempt*-th failure; None: give up.

        *chance*, between 0 and 1, spreads out clients that failed together; *passed*
        seconds are gone since the first try began.
        """
        if attempt > self.retries or not is_passing(failure):
            return None
        wait = self._wait(failure, attempt, chance)
        is_in_time = passed + wait <= self.begins_within
        return wait if wait <= self.longest_wait and is_in_time else None

    def _wait(self, failure: Failure, attempt: int, chance: float) -> float:
        asked = failure.retry_after_s if isinstance(failure, ApiError) else None
        if asked is not None:
            return asked
        full = min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1))
        return full * (0.5 + chance / 2)


def is_passing(failure: Failure) -> bool:
    """Tell whether the same request may succeed later."""
    if isinstance(failure, ApiError):
        return failure.status in AGAIN
    return isinstance(failure, NoAnswerError)
