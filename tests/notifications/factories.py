"""Makers of channels, messages and deliveries."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from accounts.models import Organization
from notifications.models import Channel, Delivery
from notifications.services import notify
from notifications.transports import Parcel
from notifications.types import Link, Message, Target
from tests.factories import NOON

SECRET = f"whsec_{base64.b64encode(b'a secret of thirty-two bytes ...').decode()}"

SLACK_TEMPLATE = {
    "text": "{{alert.message}}",
    "attachments": [
        {
            "color": "{{alert.severity_color}}",
            "fields": [
                {"title": "Current", "value": "{{budget.current}}", "short": True},
                {"title": "Share", "value": "{{budget.percentage}}%", "short": True},
            ],
        }
    ],
}


def make_channel(
    organization: Organization,
    kind: str,
    name: str = "",
    *,
    config: Mapping[str, Any] | None = None,
    secrets: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Channel:
    return Channel.objects.create(
        organization=organization,
        type=kind,
        name=name or f"Our {kind}",
        config=dict(config or {}),
        secrets=dict(secrets or {}),
        **fields,
    )


def make_webhook(organization: Organization, url: str, **fields: Any) -> Channel:
    return make_channel(
        organization,
        "webhook",
        **{"config": {"url": url}, "secrets": {"secret": SECRET}, **fields},
    )


def make_message(**overrides: Any) -> Message:
    fields: dict[str, Any] = {
        "event": "fired",
        "subject": "alert-1",
        "severity": "warning",
        "title": "Warning: ML Team is at 84 % of $15,000.00 (November)",
        "text": "ML Team has spent $12,600.00 of $15,000.00 in November, 84 %.",
        "bar": 0.84,
        "facts": (("Spent", "$12,600.00"), ("At this pace", "$19,400.00")),
        "drivers": (
            ("gpt-4o", "$8,000.00", "63 %"),
            ("project search <beta>", "$3,100.00", "25 %"),
            ("claude & co", "$1,500.00", "12 %"),
        ),
        "links": (
            Link("Acknowledge", "http://testserver/alerts/acknowledge/token-1"),
            Link("Open budget", "http://testserver/admin/budgets/1"),
        ),
        "reason": "You get this because you own ML Team.",
        "payload": {
            "type": "threshold",
            "severity": "warning",
            "budget_name": "ML Team",
            "limit": 15000.0,
            "limit_exact": "15000.0000000000",
            "current_spend": 12600.0,
            "current_spend_exact": "12600.0000000000",
            "utilization": 0.84,
            "message": "ML Team has spent 84 %.",
            "timestamp": "2025-01-15T12:00:00Z",
        },
        "variables": {
            "alert": {
                "message": "ML Team & co has spent 84 %.",
                "severity_color": "#d97706",
            },
            "budget": {
                "current": "$12,600.00",
                "limit": "$15,000.00",
                "percentage": "84",
                "forecast": "$19,400.00",
            },
        },
    }
    return Message(**{**fields, **overrides})


def make_parcel(message: Message | None = None, **fields: Any) -> Parcel:
    return Parcel(
        **{
            "uid": str(uuid4()),
            "attempt_uid": str(uuid4()),
            "at": datetime.now(UTC),
            "messages": (message or make_message(),),
            **fields,
        }
    )


def write(
    organization: Organization,
    *targets: Target,
    message: Message | None = None,
    key: str = "k",
    now: datetime = NOON,
) -> list[Delivery]:
    """Write deliveries of a message to *targets*, in the order of their ids."""
    made = notify(
        organization.pk,
        targets,
        lambda target: message or make_message(),
        key=key,
        now=now,
    )
    return sorted(made, key=lambda delivery: delivery.pk)


def to(channel: Channel, recipient: str = "") -> Target:
    return Target(channel.type, channel.pk, recipient)


def mail_to(address: str) -> Target:
    return Target("email", recipient=address)
