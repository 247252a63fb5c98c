"""What goes wrong: a call that may not be made, an API that refuses, a server away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from llm_cost_ops.answers.controls import Reason


class CostOpsError(Exception):
    """Anything this package raises on purpose."""


class BudgetExceededError(CostOpsError):
    """The call was not made: a budget, a rule or a kill switch forbids it.

    `reasons` say which budget and which rule, in words that can be shown;
    `retry_after_s` is None where waiting does not help. `request` is the id of the
    request for money that people were asked about, where somebody was.
    """

    status_code: int  # where LiteLLM looks for the one that its proxy answers with

    def __init__(
        self,
        message: str,
        *,
        reasons: Sequence[Reason] = (),
        retry_after_s: Optional[int] = None,
        request: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.reasons = tuple(reasons)
        self.retry_after_s = retry_after_s
        self.request = request


class RateLimitedError(BudgetExceededError):
    """The call was not made: it has to wait `retry_after_s` seconds."""


class GuardUnavailableError(BudgetExceededError):
    """The call was not made: CostOps can't be asked, and `fail_closed` is set."""


class NoAnswerError(CostOpsError):
    """The server could not be reached, or did not answer in time."""


class BadAnswerError(CostOpsError):
    """The server answered something that its contract does not have."""


class FieldError:
    """What is wrong with one field: its name, a stable code, what to do about it."""

    def __init__(self, attr: str, code: str, detail: str) -> None:
        self.attr = attr
        self.code = code
        self.detail = detail

    def __repr__(self) -> str:
        return f"FieldError({self.attr!r}, {self.code!r}, {self.detail!r})"


class ApiError(CostOpsError):
    """The server refused: a problem in the sense of RFC 9457.

    `code` is stable, `detail` one sentence, `errors` has one entry per bad field.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        retry_after_s: Optional[float] = None,
    ) -> None:
        super().__init__(f"{detail} ({status} {code})")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after_s = retry_after_s


class BadRequestError(ApiError):
    """400: a field is wrong; see `errors`."""


class NotAuthenticatedError(ApiError):
    """401: no key, or one that is unknown, revoked or expired."""


class ForbiddenError(ApiError):
    """403: the key may not do this."""


class NotFoundError(ApiError):
    """404: there is no such thing, or not for this key."""


class ConflictError(ApiError):
    """409: it contradicts what is there by now; `code` says how."""


class TooLargeError(ApiError):
    """413: more was sent than is taken at once."""


class TooManyRequestsError(ApiError):
    """429: the server asks for a pause; see `retry_after_s`."""


class ServerError(ApiError):
    """5xx: something went wrong over there."""


_BY_STATUS = {
    400: BadRequestError,
    401: NotAuthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    413: TooLargeError,
    429: TooManyRequestsError,
}


def kind_of(status: int) -> type[ApiError]:
    """Return the exception for an HTTP status that is not a success."""
    return _BY_STATUS.get(status, ServerError if status >= 500 else ApiError)
