"""Generic webhooks, signed as Standard Webhooks has it (www.standardwebhooks.com)."""

import json
from dataclasses import replace
from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from notifications.templating import worded
from notifications.transports.base import Parcel, Sent, TransportError, post

_ALWAYS_THERE = (
    "type",
    "severity",
    "budget_name",
    "limit",
    "current_spend",
    "utilization",
    "message",
    "timestamp",
)


def send(parcel: Parcel) -> Sent:
    """POST the message's payload. The receiver tells repeats by `webhook-id`."""
    wording = worded(parcel.message, parcel.template)
    body = json.dumps(_payload(parcel, wording.text))
    headers = {
        "webhook-id": parcel.uid,
        "webhook-timestamp": str(int(parcel.at.timestamp())),
        "webhook-signature": _signature(parcel, body),
        "webhook-attempt": parcel.attempt_uid,
    }
    sent = post(str(parcel.setup.get("url", "")), body.encode(), headers)
    return replace(sent, note=wording.problem)


def _signature(parcel: Parcel, body: str) -> str:
    """Sign with each secret that is good now, so that one can be changed at leisure."""
    try:
        signed = [
            Webhook(secret).sign(parcel.uid, parcel.at, body)
            for secret in parcel.signing
        ]
    except (ValueError, EmptyWebhookSecretError) as error:
        raise TransportError(
            "The signing secret is no good.", permanent=True
        ) from error
    if not signed:
        raise TransportError("There is no signing secret.", permanent=True)
    return " ".join(signed)


def _payload(parcel: Parcel, text: str) -> dict[str, Any]:
    message = parcel.message
    payload: dict[str, Any] = dict.fromkeys(_ALWAYS_THERE)
    payload |= {
        "type": message.event,
        "severity": message.severity,
        "timestamp": parcel.at.isoformat(),
        "event": message.event,
        **message.payload,
    }
    if parcel.template or not payload["message"]:
        payload["message"] = text
    return payload
