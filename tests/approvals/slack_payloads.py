"""What Slack sends when a button is pressed, as its documentation shows it."""

import hmac
import json
import time
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from django.test import Client

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TEAM, LEAD = "T9TK3CUKW", "UA8RXUSPL"


def payload_of(
    action: str,
    value: str,
    *,
    response_url: str,
    user: str = LEAD,
    team: str = TEAM,
    comment: str | None = None,
) -> dict[str, Any]:
    """Return a block_actions payload of a message's button, with the box beside it."""
    box = {"type": "plain_text_input", "value": comment}
    return {
        "type": "block_actions",
        "user": {"id": user, "username": "lead", "name": "lead", "team_id": team},
        "api_app_id": "AABA1ABCD",
        "token": "9s8d9as89d8as9d8as989",
        "container": {
            "type": "message",
            "message_ts": "1548261231.000200",
            "channel_id": "CBR2V3XEX",
            "is_ephemeral": False,
        },
        "trigger_id": "12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3",
        "team": {"id": team, "domain": "workspace"},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": "CBR2V3XEX", "name": "review-updates"},
        "message": {"bot_id": "BAH5CA16Z", "type": "message", "text": "To decide"},
        "state": {"values": {"comment": {"comment": box}}},
        "response_url": response_url,
        "actions": [
            {
                "action_id": action,
                "block_id": "answer",
                "text": {"type": "plain_text", "text": action, "emoji": True},
                "value": value,
                "type": "button",
                "action_ts": "1548426417.840180",
            }
        ],
    }


def signature_of(body: bytes, stamp: str, secret: str = SECRET) -> str:
    signed = b"v0:" + stamp.encode() + b":" + body
    return f"v0={hmac.new(secret.encode(), signed, sha256).hexdigest()}"


def sent(
    payload: dict[str, Any],
    *,
    organization: str = "acme",
    secret: str = SECRET,
    at_s: int | None = None,
    **headers: str,
) -> Any:
    """POST *payload* as Slack does, signed at *at_s*; None: now."""
    body = urlencode({"payload": json.dumps(payload)}).encode()
    stamp = str(int(time.time()) if at_s is None else at_s)
    signed = {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature_of(body, stamp, secret),
        **headers,
    }
    return Client(enforce_csrf_checks=True).post(
        f"/slack/{organization}",
        body,
        content_type="application/x-www-form-urlencoded",
        headers=signed,
    )
