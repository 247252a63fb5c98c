"""Plain values that cross the edge of notifications."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Link:
    """Somewhere a reader can go; a GET of it changes nothing."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Button:
    """What a reader may press where a channel sends that back, signed: Slack's."""

    label: str
    action: str  # which button it is: "approve"
    value: str  # what it is about, as it comes back
    style: str = ""  # "primary", "danger"; "": neither
    question: str = ""  # asked before it counts


@dataclass(frozen=True, slots=True)
class Reply:
    """Where a message answers somebody who pressed a button, and how."""

    url: str
    replaces: bool = False  # the message with the buttons; else only they see it


@dataclass(frozen=True, slots=True)
class Message:
    """What is told, before a channel gives it its form. Amounts are ready to read.

    `event` says what happened to `subject`: "fired", "escalated", "acknowledged",
    "resolved", "test" or "disabled". `payload` is the generic webhook's JSON,
    `variables` what templates may use, one dict for each name: {"alert": {...},
    "budget": {...}}.
    """

    event: str
    subject: str  # stable id of what it is about: the alert's uid
    severity: str  # info, warning, critical
    title: str  # one line, the mail's subject
    text: str  # one sentence
    bar: float | None = None  # a share to draw, 0.84
    facts: tuple[tuple[str, str], ...] = ()  # label and value, in order
    drivers: tuple[tuple[str, str, str], ...] = ()  # name, amount, share
    links: tuple[Link, ...] = ()  # the first is the main one
    listed: tuple[Link, ...] = ()  # what it is a list of, each with where it leads
    buttons: tuple[Button, ...] = ()  # for channels that send them back
    comment: str = ""  # label of the box to write in beside the buttons
    reply: Reply | None = None
    unsubscribe: str = ""  # where one POST stops more of the kind: digests and feeds
    attachment: str = ""  # the uid of an MailFile, for mail
    reason: str = ""  # why the reader gets this and how to change it
    payload: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """One address that a message goes to.

    `channel_id` is None for mail to a person, which needs no channel. `recipient` is a
    mail address or phone number, "" where the channel is the address.
    """

    kind: str  # a ChannelType
    channel_id: int | None = None
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to one address, written once by *key*."""

    key: str
    target: Target


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where channels named by type or by name lead to, and which lead nowhere yet."""

    targets: tuple[Target, ...]
    missing: tuple[str, ...] = ()  # known types that are not set up, or are disabled


def packed(message: Message) -> dict[str, Any]:
    """Return *message* as JSON holds it; what JSON has no form for becomes text."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(message), default=str))
    return plain


def unpacked(plain: Mapping[str, Any]) -> Message:
    """Return the message that `packed` made *plain* of."""
    values = dict(plain)
    for name in ("facts", "drivers"):
        values[name] = tuple(tuple(row) for row in values[name])
    for name in ("links", "listed"):
        values[name] = tuple(Link(**link) for link in values.get(name, ()))
    values["buttons"] = tuple(Button(**one) for one in values.get("buttons", ()))
    values["reply"] = Reply(**values["reply"]) if values.get("reply") else None
    return Message(**values)
