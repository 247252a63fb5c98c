"""Channels, and what was sent through them.

Made by `python -m dev.sdk_types` from what the server answers with: change that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Optional


@dataclass(frozen=True)
class Channel:
    """A way to reach people or programs. What is secret is only named, in `secrets`."""

    id: str
    type: str  # email, slack, webhook, pagerduty, sms, phone, apprise
    name: str
    enabled: bool
    organization_id: str = ""
    # email, sms, phone: `recipients`; slack: `webhook_url`, `channel`, `mentions`,
    # `requests` (true: requests for money are told there); webhook: `url`, `secret`;
    # pagerduty: `routing_key`; apprise: `url`. Keys may be written as `webhookUrl`, and
    # the template may stand in here. Secrets are written and never read. A signing
    # secret made here is in the answer that made it.
    config: dict[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()  # The secrets that are set.
    # Text, or what Slack takes: `{"text", "attachments": [...]}`, with {{variables}}.
    # Empty: our own wording.
    template: Any = None
    # Why it was switched off: the receiver said that it is gone.
    disabled_reason: str = ""
    created_at: Optional[datetime] = None


@dataclass(frozen=True)
class Attempt:
    """One try to send a delivery."""

    id: str
    at: datetime
    status: Optional[int] = None  # HTTP's or SMTP's; None: there was no answer.
    error: str = ""
    duration_ms: Optional[int] = None  # None: it has not ended.


@dataclass(frozen=True)
class Delivery:
    """One message to one address, with every attempt to send it."""

    id: str
    type: str  # email, slack, webhook, pagerduty, sms, phone, apprise
    state: str  # pending, delivered, failed
    organization_id: str = ""
    channel: Optional[str] = None  # None: mail to a person, or the channel is deleted.
    channel_name: Optional[str] = None
    recipient: str = ""
    # The id of the alert it is about; None: a test, or a channel.
    alert: Optional[str] = None
    event: str = ""  # fired, escalated, acknowledged, resolved, test or disabled.
    title: str = ""
    error: str = ""  # What went wrong last.
    attempts: tuple[Attempt, ...] = ()
    next_attempt_at: Optional[datetime] = None
    created_at: Optional[datetime] = None
    finished_at: Optional[datetime] = None


@dataclass(frozen=True)
class Trial:
    """What became of a test message."""

    state: str  # delivered: to every recipient; failed: to one of them not.
    error: str = ""
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True)
class Preference:
    """When one person wants mail."""

    recipient: str  # A mail address.
    organization_id: str = ""
    digest: str = ""  # none, hourly, daily
    quiet_from: Optional[str] = None  # A time such as 22:00.
    quiet_until: Optional[str] = None
    timezone: str = ""
    critical_at_once: bool = True  # What is critical is sent at once all the same.
    daily_requests: bool = True  # On working days: which requests wait for them.
    holidays: tuple[str, ...] = ()  # Dates on which they are not reminded of requests.
