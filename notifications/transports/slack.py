"""Slack's incoming webhooks: blocks, or attachments as the channel's template has."""

import re
from dataclasses import replace
from typing import Any

from notifications.templating import worded
from notifications.transports.base import Accepted, Parcel, color_of, post_json
from notifications.types import Message

_LONGEST_TEXT = 3_000  # of a block
_LONGEST_TITLE = 150
_MOST_FIELDS = 10
_EVERYBODY = ("here", "channel", "everyone")
_ID = re.compile(r"[A-Z][A-Z0-9]{6,20}")


def send(parcel: Parcel) -> Accepted:
    """POST the message to the channel's webhook."""
    wording = worded(parcel.message, parcel.template, escape=escape)
    attachments = (
        _linked(parcel.message, wording.attachments)
        if wording.attachments
        else [_attachment(parcel.message, wording.text)]
    )
    lead = wording.text if wording.attachments else escape(parcel.message.title)
    mentions = [_mention(each) for each in parcel.setup.get("mentions", [])]
    payload: dict[str, Any] = {
        "text": " ".join([*mentions, lead]),
        "link_names": True,  # "@engineering-leads" is made a link there
        "attachments": attachments,
    }
    if channel := parcel.setup.get("channel"):
        payload["channel"] = channel
    sent = post_json(
        str(parcel.setup.get("webhook_url", "")),
        payload,
        {"X-Attempt-Id": parcel.attempt_uid},
    )
    return replace(sent, note=wording.problem)


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
