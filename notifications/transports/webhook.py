"""Generic webhooks, signed as Standard Webhooks has it (www.standardwebhooks.com)."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from notifications.templating import worded
from notifications.transports.base import Accepted, Parcel, TransportError, post

MOST_BYTES = 20_000  # what Standard Webhooks advises; some receivers take no more
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


def send(parcel: Parcel) -> Accepted:
    """POST the message's payload. The receiver tells repeats by `webhook-id`."""
    wording = worded(parcel.message, parcel.template)
    sent = post_signed(parcel, held(_payload(parcel, wording.text)))
    return replace(sent, note=wording.problem)


def post_signed(parcel: Parcel, body: str) -> Accepted:
    """POST *body*, which is JSON, to where *parcel* goes, signed by its secrets.

    Raises:
        TransportError: any answer but a 2xx, or none.
    """
    headers = {
        "webhook-id": parcel.uid,
        "webhook-timestamp": str(int(parcel.at.timestamp())),
        "webhook-signature": _signature(parcel, body),
        "webhook-attempt": parcel.attempt_uid,
    }
    return post(str(parcel.setup.get("url", "")), body.encode(), headers)


def held(payload: Any, most: int = MOST_BYTES) -> str:
    """Return *payload* as JSON of at most *most* bytes.

    Texts that are too long for it are cut, which their last character shows: …
    """
    body = json.dumps(payload)
    if len(body) <= most:  # ASCII
        return body
    low, high = 1, most  # the longest texts that fit are found by halving
    while low < high:
        middle = (low + high + 1) // 2
        fits = len(json.dumps(_cut(payload, middle))) <= most
        low, high = (middle, high) if fits else (low, middle - 1)
    return json.dumps(_cut(payload, low))


def _cut(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= longest else f"{value[: longest - 1]}…"
    if isinstance(value, Mapping):
        return {name: _cut(one, longest) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(one, longest) for one in value]
    return value


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
