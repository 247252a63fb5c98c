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

    By itself it goes on for 15 to 32 s, which is longer than a server takes to start.
    """

    retries: int = 7
    first_wait: float = 0.25
    longest_wait: float = 30.0

    def wait_after(
        self, failure: Failure, attempt: int, chance: float
    ) -> Optional[float]:
        """Return how long to wait after the *attempt*-th failure; None: give up.

        *chance*, between 0 and 1, spreads out clients that failed together.
        """
        if attempt > self.retries or not is_passing(failure):
            return None
        asked = failure.retry_after_s if isinstance(failure, ApiError) else None
        if asked is not None:
            return asked if asked <= self.longest_wait else None
        full = min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1))
        return full * (0.5 + chance / 2)


def is_passing(failure: Failure) -> bool:
    """Tell whether the same request may succeed later."""
    if isinstance(failure, ApiError):
        return failure.status in AGAIN
    return isinstance(failure, NoAnswerError)
