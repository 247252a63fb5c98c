"""What every transport is given, and how it says what became of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from lib import http
from notifications.types import Message

COLORS = {"info": "#2563eb", "warning": "#b45309", "critical": "#b91c1c"}
RESOLVED_COLOR = "#15803d"
# Statuses below 500 after which another try may help.
_PASSING = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}
_MOVED = {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.PERMANENT_REDIRECT}
_LONGEST_QUOTE = 120


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A file that goes with a mail."""

    name: str
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Parcel:
    """One thing to send: a message, or several that go together to one person.

    `uid` is the same at every try, `attempt_uid` never. `setup` is the channel's
    config and secrets in one, with the signing secrets that are good now.
    """

    uid: str
    attempt_uid: str
    at: datetime
    messages: tuple[Message, ...]
    recipient: str = ""
    setup: Mapping[str, Any] = field(default_factory=dict)
    signing: tuple[str, ...] = ()
    template: Mapping[str, Any] = field(default_factory=dict)
    enclosed: tuple[Enclosed, ...] = ()

    @property
    def message(self) -> Message:
        return self.messages[0]


@dataclass(frozen=True, slots=True)
class Accepted:
    """It was taken. `status` is HTTP's or SMTP's; `note` what was not as wished."""

    status: int | None = None
    note: str = ""


class TransportError(Exception):
    """It was not taken; the reason may be shown.

    `permanent`: trying again can't help. `gone`: nor can anything else sent there.
    """

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool = False,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.status = status
        self.retry_after_s = retry_after_s

    @property
    def gone(self) -> bool:
        return self.status == HTTPStatus.GONE


def post_json(
    url: str, payload: Any, headers: Mapping[str, str] | None = None
) -> Accepted:
    """POST *payload* as JSON.

    Raises:
        TransportError: any answer but a 2xx, or none.
    """
    return post(url, json.dumps(payload).encode(), headers)


def post(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Accepted:
    """POST *body*, which is JSON.

    Raises:
        TransportError: any answer but a 2xx, or none.
    """
    try:
        answer = http.post(
            url, body, {"Content-Type": "application/json", **(headers or {})}
        )
    except http.NoAnswer as error:
        raise not_answered(error) from error
    if 200 <= answer.status < 300:
        return Accepted(answer.status)
    raise turned_down(answer)


def not_answered(error: http.NoAnswer) -> TransportError:
    refused = isinstance(error, http.AddressRefused)
    return TransportError(str(error), permanent=refused)


def turned_down(answer: http.HttpAnswer) -> TransportError:
    """Return what an answer that is no 2xx means."""
    status = answer.status
    redirects = 300 <= status < 400
    permanent = (
        status in _MOVED
        if redirects
        else 400 <= status < 500 and status not in _PASSING
    )
    said = "it redirects, which is not followed" if redirects else _quoted(answer.body)
    return TransportError(
        f"Answered {status}{f': {said}' if said else ''}",
        permanent=permanent,
        status=status,
        retry_after_s=answer.retry_after_s,
    )


def _quoted(body: bytes) -> str:
    text = " ".join(body[:1000].decode(errors="replace").split())
    return "".join(sign for sign in text if sign.isprintable())[:_LONGEST_QUOTE]


def color_of(message: Message) -> str:
    if message.event == "resolved":
        return RESOLVED_COLOR
    return COLORS.get(message.severity, COLORS["info"])


def plain_text(message: Message, text: str) -> str:
    """Return *message* with the sentence *text*, as lines that need no formatting."""
    parts = [text]
    if message.facts:
        parts.append("\n".join(f"{label}: {value}" for label, value in message.facts))
    if message.drivers:
        rows = (
            f"{name}: {amount} ({share})" for name, amount, share in message.drivers
        )
        parts.append("\n".join(rows))
    if message.links:
        parts.append("\n".join(f"{link.label}: {link.url}" for link in message.links))
    return "\n\n".join(parts)
