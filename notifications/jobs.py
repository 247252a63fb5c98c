"""One sending: what is begun with, and what became of it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notifications.models import Attempt, Channel, Delivery
from notifications.transports import Parcel, TransportError

_LONGEST_ERROR = 500
_SHORTEST_SECRET = 6  # characters; what is shorter can't be found in a text
_SEPARATORS = re.compile(r"[/:@?&=]+")  # of the parts of an address


@dataclass(slots=True)
class Job:
    """One sending: a delivery, or several of one person that go together."""

    deliveries: Sequence[Delivery]
    attempts: Sequence[Attempt]
    claimed_until: datetime
    lane: object  # what the limit of sendings at once counts by
    channel: Channel | None
    problem: str = ""  # why it can't be sent at all
    passing: bool = False  # the problem may pass
    parcel: Parcel | None = None

    @property
    def secrets(self) -> Mapping[str, Any]:
        """What no remark may tell."""
        return self.channel.secrets if self.channel else {}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a job: `error` is None where it was taken."""

    job: Job
    at: datetime
    duration_ms: int
    status: int | None = None
    note: str = ""
    error: TransportError | None = None


def masked(text: str, secrets: Mapping[str, Any]) -> str:
    """Return *text* fit to be kept: none of *secrets* in it, and not too long."""
    for secret in _texts_in(secrets):
        # The other side may repeat a part of an address: the token at its end.
        for part in (secret, *_SEPARATORS.split(secret)):
            if len(part) >= _SHORTEST_SECRET:
                text = text.replace(part, "•••")
    return text[:_LONGEST_ERROR]


def _texts_in(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _texts_in(one)
