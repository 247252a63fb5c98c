"""What is asked before something is saved that stops calls, moves money or silences
alerts: what follows from it, in sentences, and why it is done."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from accounts.audit import MOST_REASON, TOO_LONG

SAY_WHY = "Say why. It is kept with the change."


class Consequence(NamedTuple):
    """Something that follows from a change."""

    about: str  # stays the same while the figures in the words move
    words: str


class Consequences(NamedTuple):
    """What to ask about; empty: nothing moves money, stops calls or silences alerts."""

    changes: Sequence[tuple[str, str, str]] = ()  # label, now, then
    told: Sequence[Consequence] = ()
    is_counted_anew: bool = False
    needs_reason: bool = False

    @property
    def token(self) -> str:
        """Return what stands for it, so that anything else is asked about anew."""
        if not self.changes and not self.told:
            return ""
        said = (list(self.changes), [one.about for one in self.told])
        return sha256(repr(said).encode()).hexdigest()[:16]


class Confirmation(NamedTuple):
    """What a page asks before it saves, and what is wrong with the reason given."""

    asked: Consequences
    reason: str
    error: str = ""


def confirmation_of(
    asked: Consequences, data: Mapping[str, Any]
) -> Confirmation | None:
    """Return what is to be asked first; None: nothing is, or *data* answers it."""
    if not asked.token:
        return None
    reason = reason_in(data)
    if data.get("confirm") != asked.token:
        return Confirmation(asked, reason)
    if asked.needs_reason and not reason:
        return Confirmation(asked, reason, SAY_WHY)
    if len(reason) > MOST_REASON:
        return Confirmation(asked, reason, TOO_LONG)
    return None


def reason_in(data: Mapping[str, Any]) -> str:
    """Return why a change is made, as it was filled in."""
    return str(data.get("reason", "")).strip()
