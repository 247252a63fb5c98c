"""Buttons that were pressed in Slack: signed by it, decided like everything else.

What is sent is form data with one field of JSON, signed as
https://docs.slack.dev/authentication/verifying-requests-from-slack says.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import msgspec
from django.db import transaction

from approvals.decisions import decide
from approvals.errors import AlreadyDecided, ChangedSince
from approvals.models import (
    BudgetRequest,
    How,
    Outcome,
    RequestState,
    SlackApp,
    Step,
)
from approvals.slack import person_of
from approvals.types import By
from approvals.wording import standing_of, wish_of
from lib.errors import Conflict, Invalid, Refusal, Unauthenticated
from notifications.mailed_links import Visit
from notifications.models import Channel, ChannelType
from notifications.services import notify, untold
from notifications.transports.slack import COMMENT
from notifications.types import Message, Reply, Target

LONGEST_AGE_S = 300  # of a signature, to both sides: clocks differ
HOST = "hooks.slack.com"  # where Slack takes answers
_LONGEST_COMMENT = 3_000
_OF_REQUEST = (
    *("organization", "requester", "on_behalf_of", "budget", "parent", "source"),
)
_WITH = tuple(f"request__{name}" for name in _OF_REQUEST)
_OUTCOMES = {
    "approve": Outcome.APPROVED,
    "changes": Outcome.CHANGES_REQUESTED,
    "reject": Outcome.REJECTED,
}
_STRANGER = (
    "CostOps doesn't know who you are in Slack. A finance admin can name you under "
    "“People in Slack”; then confirm it by the mail you get. Or decide by the link "
    "that was mailed to you."
)


class NotFromSlack(Unauthenticated):
    """It is not signed with the organization's secret, or was so too long ago."""

    code = "not_from_slack"


class Replayed(Conflict):
    """The very same request was answered before."""

    code = "replayed"


class _Who(msgspec.Struct):
    id: str
    team_id: str = ""


class _Pressed(msgspec.Struct):
    action_id: str = ""
    value: str = ""


class _Typed(msgspec.Struct):
    value: str | None = None


class _State(msgspec.Struct):
    values: dict[str, dict[str, _Typed]] = {}


class Press(msgspec.Struct):
    """What Slack sends of a press, as far as it matters here."""

    type: str
    user: _Who
    team: _Who | None = None
    response_url: str = ""
    actions: list[_Pressed] = []
    state: _State | None = None

    @property
    def team_id(self) -> str:
        return self.user.team_id or (self.team.id if self.team else "")

    @property
    def comment(self) -> str:
        boxes = self.state.values.get(COMMENT, {}) if self.state else {}
        typed = boxes.get(COMMENT)
        return (typed.value or "")[:_LONGEST_COMMENT] if typed else ""


@dataclass(frozen=True, slots=True)
class _About:
    """What a button's value says: which step, as of which revision, told where."""

    step: UUID
    revision: int
    channel_id: int


def verify(
    app: SlackApp | None, headers: Mapping[str, str], body: bytes, *, at_s: float
) -> tuple[SlackApp, str]:
    """Return *app* and the signature of *body*, if Slack made it for that just now.

    Raises:
        NotFromSlack: whatever is wrong, in the same words.
    """
    stamp = headers.get("X-Slack-Request-Timestamp", "")
    said = headers.get("X-Slack-Signature", "")
    secret = str(app.secrets.get("signing_secret", "")) if app else ""
    signed = b"v0:" + stamp.encode() + b":" + body
    right = f"v0={hmac.new(secret.encode(), signed, sha256).hexdigest()}"
    is_same = hmac.compare_digest(right.encode(), said.encode())
    is_time = stamp.isascii() and stamp.isdigit() and len(stamp) < 12
    is_good = bool(secret) and is_same and is_time
    if app is None or not is_good or not _is_fresh(int(stamp), at_s):
        raise NotFromSlack("This is not signed by the organization's app in Slack.")
    return app, said


def _is_fresh(stamp_s: int, at_s: float) -> bool:
    return abs(at_s - stamp_s) <= LONGEST_AGE_S


def press_of(body: bytes) -> Press:
    """Read what was sent.

    Raises:
        Invalid: it is no press of a button.
    """
    try:
        fields = parse_qs(body.decode(), max_num_fields=10)
        return msgspec.json.decode(fields["payload"][0], type=Press)
    except (KeyError, ValueError, msgspec.MsgspecError) as error:
        detail = "Must be what Slack sends when a button is pressed."
        raise Invalid.field("payload", detail) from error


@transaction.atomic
def take(
    app: SlackApp, press: Press, *, signature: str, visit: Visit, now: datetime
) -> None:
    """Decide what was pressed, and answer who pressed it; links to look are no press.

    Raises:
        NotFromSlack: it is another workspace's.
        Replayed: it was taken before.
        Invalid: the button is none of ours.
    """
    pressed = next((one for one in press.actions if one.action_id in _OUTCOMES), None)
    if press.type != "block_actions" or pressed is None:
        return
    if press.team_id != app.team:
        raise NotFromSlack("This is not signed by the organization's app in Slack.")
    about = _about(pressed.value)
    rows = Channel.objects.filter(
        organization=app.organization_id, type=ChannelType.SLACK
    )
    channel = rows.filter(pk=about.channel_id).first()
    if channel is None:
        raise Invalid.field("value", "The channel of this message is gone.")
    if not _takes_answers(press.response_url, channel):
        raise Invalid.field("response_url", f"Must be an address at {HOST}.")
    target = Target(ChannelType.SLACK, channel.pk)
    key = f"slack:{sha256(signature.encode()).hexdigest()}"
    if not untold(app.organization_id, [target], key=key):
        raise Replayed("This was sent before, and answered.")
    message = _answer(app, press, _OUTCOMES[pressed.action_id], about, visit, now)
    notify(app.organization_id, [target], lambda _: message, key=key, now=now)


def _about(value: str) -> _About:
    step, _, rest = value.partition(":")
    revision, _, channel_id = rest.partition(":")
    try:
        return _About(UUID(step), int(revision[:9]), int(channel_id[:18]))
    except ValueError as error:
        raise Invalid.field("value", "The button is none of CostOps'.") from error


def _takes_answers(url: str, channel: Channel) -> bool:
    """Tell whether *url* is Slack's: its own, or where the channel's webhook is."""
    asked = urlsplit(url)
    if asked.scheme == "https" and asked.netloc == HOST:
        return True
    hook = urlsplit(str(channel.secrets.get("webhook_url", "")))
    return bool(asked.netloc) and asked[:2] == hook[:2]


def _answer(
    app: SlackApp,
    press: Press,
    outcome: Outcome,
    about: _About,
    visit: Visit,
    now: datetime,
) -> Message:
    """Decide, and return what whoever pressed is told.

    Where the request has ended, or is another by now, in place of the buttons.
    """
    steps = Step.objects.filter(organization=app.organization_id, uid=about.step)
    step = steps.select_related(*_WITH).first()
    person = person_of(app.organization_id, press.user.id)
    if step is None:
        return _said(press, "This request is gone.", replaces=True)
    if person is None:
        return _said(press, _STRANGER)
    try:
        done = decide(
            step.request,
            outcome,
            by=By.someone(person, How.SLACK, visit),
            now=now,
            revision=about.revision,
            step=step,
            comments=press.comment,
        )
    except Refusal as refusal:
        there = BudgetRequest.objects.select_related(*_OF_REQUEST).get(
            pk=step.request_id
        )
        words = f"Nothing was changed: {refusal} {standing_of(there)}"
        is_over = there.state != RequestState.PENDING
        return _said(press, words, replaces=is_over or _is_stale(refusal))
    return _told(press, done.request, person.email)


def _is_stale(refusal: Refusal) -> bool:
    return isinstance(refusal, AlreadyDecided | ChangedSince)


def _told(press: Press, request: BudgetRequest, person: str) -> Message:
    if request.state == RequestState.PENDING:
        words = f"Your approval is kept, {person}. Others have to decide too."
        return _said(press, words)
    wish = wish_of(request)
    words = f"{wish[0].upper()}{wish[1:]}. {standing_of(request)}"
    return _said(press, words, replaces=True)


def _said(press: Press, words: str, *, replaces: bool = False) -> Message:
    return Message(
        event="answered",
        subject=f"slack-{press.user.id}"[:64],
        severity="info",
        title="Answer to who pressed a button in Slack",
        text=words,
        reply=Reply(press.response_url, replaces),
    )
