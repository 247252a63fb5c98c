"""The ids of calls that are decided under a lease: whose, which one, and for how much.

Such a call has no row. Its id says what it holds of the lease, so that the rest goes
back when it is booked or given up; it is signed, for it is as good as money.
"""

from functools import cache
from hashlib import blake2b
from hmac import compare_digest
from typing import NamedTuple
from uuid import UUID

from django.conf import settings

_SIZE = 8  # bytes of a signature


class Ticket(NamedTuple):
    """A call under a lease: its number there, and what it holds in units of 10^-10."""

    lease: UUID
    number: int
    units: int


def ticket_id(lease: str, number: int, units: int) -> str:
    """Return the id of a call that holds *units* of a lease."""
    what = f"{lease}.{number}.{units}"
    return f"{what}.{_signature(what)}"


def ticket_of(text: str) -> Ticket | None:
    """Return the ticket with the id *text*; None: it is none of ours."""
    what, _, signature = text.rpartition(".")
    parts = what.split(".")
    if len(parts) != 3 or not _is_signed(what, signature):
        return None
    return Ticket(UUID(parts[0]), int(parts[1]), int(parts[2]))


def uid_of(authorization_id: str) -> UUID | None:
    """Return the reservation that an authorization's, lease's or ticket's id is of."""
    ticket = ticket_of(authorization_id)
    if ticket is not None:
        return ticket.lease
    try:
        return UUID(authorization_id)
    except ValueError:
        return None


def _is_signed(what: str, signature: str) -> bool:
    return compare_digest(signature.encode(), _signature(what).encode())


def _signature(what: str) -> str:
    return blake2b(what.encode(), key=_key(), digest_size=_SIZE).hexdigest()


@cache
def _key() -> bytes:
    return blake2b(settings.SECRET_KEY.encode(), person=b"tickets").digest()


def with_number(done: list[list[int]], number: int) -> list[list[int]] | None:
    """Return the ranges of numbers *done* with one more; None: it is there already.

    Ranges are [first, last], ascending, and neither overlap nor touch.
    """
    if any(first <= number <= last for first, last in done):
        return None
    joined: list[list[int]] = []
    for first, last in sorted([*done, [number, number]]):
        if joined and first == joined[-1][1] + 1:
            joined[-1][1] = last
        else:
            joined.append([first, last])
    return joined
