"""Messages about nothing: for tests of a channel and previews of a template."""

from datetime import datetime
from decimal import Decimal
from uuid import uuid4

from django.conf import settings

from lib.money import told, told_use
from notifications.models import Channel
from notifications.types import Link, Message

_TRIAL = "test-"  # how the subjects of tests begin

VARIABLES: dict[str, dict[str, str]] = {
    "alert": {
        "message": "ML Team has spent 84 % of $15,000.00 in November.",
        "type": "threshold",
        "severity": "warning",
        "severity_color": "#b45309",
        "state": "firing",
        "event": "fired",
        "period": "November 2026",
        "id": "0b9f8a52-5d0e-4a7e-9d0a-6f6f2f1f7c11",
        "acknowledge_url": "https://costops.example.com/alerts/…",
    },
    "budget": {
        "name": "ML Team",
        "current": "$12,600.00",
        "limit": "$15,000.00",
        "percentage": "84",
        "forecast": "$19,400.00",
        "currency": "USD",
        "url": "https://costops.example.com/admin/budgets/budget/3/page/",
    },
}


def sample_message() -> Message:
    """Return what an alert might say, for previews."""
    return Message(
        event="fired",
        subject="sample",
        severity="warning",
        title="Warning: ML Team is at 84 % of $15,000.00 (November)",
        text=VARIABLES["alert"]["message"],
        bar=0.84,
        variables=VARIABLES,
    )


def trial_message(channel: Channel, *, by: str, now: datetime) -> Message:
    """Return what the test button sends. It uses the channel's template, if any."""
    text = f"This is a test of the channel “{channel.name}”, sent by {by}."
    return Message(
        event="test",
        subject=f"{_TRIAL}{uuid4()}",
        severity="info",
        title=f"Test of the channel “{channel.name}”",
        text=text,
        links=(Link("Open CostOps", settings.SITE_URL),),
        reason="Somebody pressed the test button. Nothing is wrong.",
        payload={
            "type": "test",
            "severity": "info",
            "budget_name": "Test",
            **told("limit", Decimal(0)),
            **told("current_spend", Decimal(0)),
            **told_use(Decimal(0)),
            "message": text,
            "timestamp": now.isoformat().replace("+00:00", "Z"),
        },
        variables={
            **VARIABLES,
            "alert": {**VARIABLES["alert"], "message": text, "severity": "info"},
        },
    )


def is_trial(subject: str) -> bool:
    """Tell whether a message about *subject* is a test."""
    return subject.startswith(_TRIAL)
