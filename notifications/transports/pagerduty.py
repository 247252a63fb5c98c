"""PagerDuty's Events API v2: one incident for what a message is about."""

from dataclasses import replace
from typing import Any

from django.conf import settings

from notifications.templating import worded
from notifications.transports.base import Accepted, Parcel, post_json

_ACTIONS = {"acknowledged": "acknowledge", "resolved": "resolve"}  # else: trigger
_LONGEST_SUMMARY = 1_024


def send(parcel: Parcel) -> Accepted:
    """Trigger, acknowledge or resolve the incident `subject` stands for."""
    message = parcel.message
    wording = worded(message, parcel.template)
    action = _ACTIONS.get(message.event, "trigger")
    event: dict[str, Any] = {
        "routing_key": parcel.setup.get("routing_key", ""),
        "event_action": action,
        "dedup_key": message.subject,
    }
    if action == "trigger":
        links = [{"href": link.url, "text": link.label} for link in message.links]
        event |= {
            "client": "CostOps",
            "links": links,
            "payload": {
                "summary": (message.title or wording.text)[:_LONGEST_SUMMARY],
                "source": "CostOps",
                "severity": message.severity,
                "custom_details": {"message": wording.text, **dict(message.facts)},
            },
        }
    url = f"{settings.PAGERDUTY_URL.rstrip('/')}/v2/enqueue"
    sent = post_json(url, event, {"X-Attempt-Id": parcel.attempt_uid})
    return replace(sent, note=wording.problem)
