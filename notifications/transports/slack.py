"""Slack's incoming webhooks: blocks, or attachments as the channel's template has.

Buttons that Slack sends back stand in blocks of their own, with a box for a comment.
What is said to who pressed one goes to the address that came with it.
"""

import re
from dataclasses import replace
from typing import Any

from notifications.templating import worded
from notifications.transports.base import (
    Accepted,
    Parcel,
    TransportError,
    color_of,
    post_json,
)
from notifications.types import Button, Message, Reply

_LONGEST_TEXT = 3_000  # of a block
_LONGEST_TITLE = 150
_MOST_FIELDS = 10
COMMENT = "comment"  # block and action of the box, as what is written comes back
_EVERYBODY = ("here", "channel", "everyone")
_ID = re.compile(r"[A-Z][A-Z0-9]{6,20}")


def send(parcel: Parcel) -> Accepted:
    """POST the message to the channel's webhook, or the reply to where it belongs."""
    if parcel.message.reply is not None:
        return _reply(parcel, parcel.message.reply)
    if parcel.message.buttons:
        return _post(parcel, _asking(parcel.message))
    wording = worded(parcel.message, parcel.template, escape=escape)
    attachments = (
        _linked(parcel.message, wording.attachments)
        if wording.attachments
        else [_attachment(parcel.message, wording.text)]
    )
    lead = wording.text if wording.attachments else escape(parcel.message.title)
    mentions = [_mention(each) for each in parcel.setup.get("mentions", [])]
    sent = _post(
        parcel,
        {
            "text": " ".join([*mentions, lead]),
            "link_names": True,  # "@engineering-leads" is made a link there
            "attachments": attachments,
        },
    )
    return replace(sent, note=wording.problem)


def _post(parcel: Parcel, payload: dict[str, Any]) -> Accepted:
    if channel := parcel.setup.get("channel"):
        payload["channel"] = channel
    return post_json(
        str(parcel.setup.get("webhook_url", "")),
        payload,
        {"X-Attempt-Id": parcel.attempt_uid},
    )


def _reply(parcel: Parcel, reply: Reply) -> Accepted:
    """Answer who pressed a button. That such an address is over says nothing of the
    channel."""
    payload = {
        "text": escape(parcel.message.text),
        "response_type": "ephemeral",
        "replace_original": reply.replaces,
    }
    try:
        return post_json(reply.url, payload, {"X-Attempt-Id": parcel.attempt_uid})
    except TransportError as refused:
        if not refused.gone:
            raise
        raise TransportError(str(refused), permanent=True) from refused


def _asking(message: Message) -> dict[str, Any]:
    """Return *message* with its buttons: Slack takes a box to write in only in blocks
    of the message's own."""
    shown = _attachment(replace(message, links=()), escape(message.text))
    *blocks, reason = shown["blocks"] if message.reason else [*shown["blocks"], None]
    if message.comment:
        blocks.append(_box(message.comment))
    pressed = [_pressed(button) for button in message.buttons]
    linked = [
        {"type": "button", "text": _plain(link.label), "url": link.url}
        for link in message.links
    ]
    elements = [
        {**one, "action_id": one.get("action_id", f"open-{number}")}
        for number, one in enumerate([*pressed, *linked])
    ]
    blocks.append({"type": "actions", "block_id": "answer", "elements": elements})
    if reason is not None:
        blocks.append(reason)
    return {"text": escape(message.title), "blocks": blocks}


def _pressed(button: Button) -> dict[str, Any]:
    shown = {
        "type": "button",
        "action_id": button.action,
        "text": _plain(button.label),
        "value": button.value,
    }
    if button.style:
        shown["style"] = button.style
    if button.question:
        shown["confirm"] = {
            "title": _plain("Are you sure?"),
            "text": {"type": "plain_text", "text": button.question[:300]},
            "confirm": _plain(button.label[:30]),
            "deny": _plain("Not yet"),
        }
    return shown


def _box(label: str) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": COMMENT,
        "optional": True,
        "label": {"type": "plain_text", "text": label},
        "element": {
            "type": "plain_text_input",
            "action_id": COMMENT,
            "multiline": True,
            "max_length": 3_000,
        },
    }


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text[:75]}


def escape(text: str) -> str:
    """Keep what people typed from being read as Slack's own signs."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mention(name: str) -> str:
    plain = name.strip().lstrip("@")
    if plain in _EVERYBODY:
        return f"<!{plain}>"
    if _ID.fullmatch(plain):
        return f"<!subteam^{plain}>" if plain.startswith("S") else f"<@{plain}>"
    return f"@{escape(plain)}"


def _linked(message: Message, attachments: list[Any]) -> list[Any]:
    """Return *attachments* with the message's links below them."""
    buttons = _buttons(message)
    if not buttons:
        return attachments
    return [*attachments, {"color": color_of(message), "blocks": buttons}]


def _attachment(message: Message, text: str) -> dict[str, Any]:
    title = {"type": "plain_text", "text": message.title[:_LONGEST_TITLE]}
    blocks: list[dict[str, Any]] = [{"type": "header", "text": title}, _section(text)]
    if message.facts:
        fields = [
            {"type": "mrkdwn", "text": f"*{escape(label)}*\n{escape(value)}"[:2_000]}
            for label, value in message.facts[:_MOST_FIELDS]
        ]
        blocks.append({"type": "section", "fields": fields})
    if message.drivers:
        rows = [
            f"• {escape(name)}: {escape(amount)} ({escape(share)})"
            for name, amount, share in message.drivers
        ]
        blocks.append(_section("\n".join(rows)))
    blocks += _buttons(message)
    if message.reason:
        reason = {"type": "mrkdwn", "text": escape(message.reason)[:_LONGEST_TEXT]}
        blocks.append({"type": "context", "elements": [reason]})
    return {"color": color_of(message), "fallback": message.title, "blocks": blocks}


def _section(text: str) -> dict[str, Any]:
    inner = {"type": "mrkdwn", "text": text[:_LONGEST_TEXT] or "…"}
    return {"type": "section", "text": inner}


def _buttons(message: Message) -> list[dict[str, Any]]:
    if not message.links:
        return []
    elements = [
        {
            "type": "button",
            "text": {"type": "plain_text", "text": link.label[:75]},
            "url": link.url,
            **({"style": "primary"} if number == 0 else {}),
        }
        for number, link in enumerate(message.links[:5])
    ]
    return [{"type": "actions", "elements": elements}]
