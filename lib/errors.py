"""Refusals: answers that the person or program on the other side can act upon.

Services raise them. Entry points turn them into an HTTP status, a message in the admin
or an exit code; nothing else catches them. Any other exception is a bug.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: its name, a stable code, what to do about it."""

    attr: str
    code: str
    detail: str


class Refusal(Exception):
    """A request that was understood and turned down.

    `code` is public: lower_snake_case, never reused for another meaning. The message is
    one sentence that may be shown; `errors` names the fields it is about.
    """

    code: ClassVar[str] = "refused"

    def __init__(self, detail: str, *, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.errors = errors


class Invalid(Refusal):
    """The request contradicts itself or names something unknown."""

    code = "invalid"

    @classmethod
    def field(cls, attr: str, detail: str, *, code: str = "invalid") -> "Invalid":
        """Return the refusal of one field."""
        return cls(detail, errors=(FieldError(attr, code, detail),))


class Unauthenticated(Refusal):
    """Nobody the product knows is asking."""

    code = "not_authenticated"


class Forbidden(Refusal):
    """This actor may not do this."""

    code = "forbidden"


class NotFound(Refusal):
    """There is no such thing, or not for this actor."""

    code = "not_found"


class Conflict(Refusal):
    """The request contradicts what is there by now."""

    code = "conflict"


class OutOfRange(Conflict):
    """Amounts add up to more than the database's exact numbers hold."""

    code = "amount_out_of_range"

    def __init__(self, what: str = "Amounts") -> None:
        super().__init__(
            f"{what} would pass what the database can hold exactly: 922 million if it "
            "is the embedded one. Use PostgreSQL."
        )


class PreconditionFailed(Refusal):
    """What the request names is not what is there by now."""

    code = "precondition_failed"


class TooLarge(Refusal):
    """More was sent than is taken in one go."""

    code = "too_large"


class UnsupportedType(Refusal):
    """The body's content type or encoding is not one the endpoint reads."""

    code = "unsupported_media_type"


class Unavailable(Refusal):
    """Something the product needs is away for the moment; nothing was done."""

    code = "unavailable"

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
