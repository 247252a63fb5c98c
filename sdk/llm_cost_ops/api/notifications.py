"""Channels, and what was sent through them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from llm_cost_ops.answers.notifications import Channel, Delivery, Preference, Trial
from llm_cost_ops.api.fields import Moment
from llm_cost_ops.requests import (
    Page,
    Request,
    present,
    reads,
    reads_nothing,
    reads_page,
    segment,
)

_CHANNELS = "/api/v1/notification-channels"
_PREFERENCES = "/api/v1/notification-preferences"


def add_notification_channel(
    *,
    type: str,
    name: str,
    config: Mapping[str, Any],
    template: Optional[Any] = None,
    enabled: Optional[bool] = None,
    organization_id: Optional[str] = None,
) -> Request[Channel]:
    """Set a channel up: email, slack, webhook, pagerduty, sms, phone or apprise.

    A webhook without a secret gets one; only this answer's `config` ever shows it.
    """
    return Request(
        "POST", _CHANNELS, reads(Channel), body=present(locals()), creates=True
    )


def list_notification_channels(
    *,
    organization_id: Optional[str] = None,
    type: Optional[str] = None,
    limit: Optional[int] = None,
) -> Request[Page[Channel]]:
    return Request("GET", _CHANNELS, reads_page(Channel), query=locals())


def get_notification_channel(channel_id: str) -> Request[Channel]:
    return Request("GET", f"{_CHANNELS}/{segment(channel_id)}", reads(Channel))


def update_notification_channel(
    channel_id: str,
    *,
    name: Optional[str] = None,
    config: Optional[Mapping[str, Any]] = None,
    template: Optional[Any] = None,
    enabled: Optional[bool] = None,
) -> Request[Channel]:
    """Change a channel; keys of its config that are left out stay as they are."""
    body = {"name": name, "config": config, "template": template, "enabled": enabled}
    path = f"{_CHANNELS}/{segment(channel_id)}"
    return Request("PATCH", path, reads(Channel), body=present(body))


def delete_notification_channel(channel_id: str) -> Request[None]:
    return Request("DELETE", f"{_CHANNELS}/{segment(channel_id)}", reads_nothing)


def test_notification_channel(channel_id: str) -> Request[Trial]:
    """Send a sample through a channel now, and tell what came of it.

    After ten seconds at most: the state is "pending" where it is still on its way.
    """
    path = f"{_CHANNELS}/{segment(channel_id)}/test"
    return Request("POST", path, reads(Trial), body={})


def rotate_channel_secret(channel_id: str) -> Request[Channel]:
    """Give a webhook a new secret; the one before signs for a day more."""
    path = f"{_CHANNELS}/{segment(channel_id)}/rotate-secret"
    return Request("POST", path, reads(Channel), body={}, creates=True)


def list_notifications(
    *,
    organization_id: Optional[str] = None,
    alert: Optional[str] = None,
    channel: Optional[str] = None,
    recipient: Optional[str] = None,
    state: Optional[str] = None,
    type: Optional[str] = None,
    start_date: Optional[Moment] = None,
    end_date: Optional[Moment] = None,
    limit: Optional[int] = None,
) -> Request[Page[Delivery]]:
    """List deliveries, newest first, each with its attempts."""
    return Request("GET", "/api/v1/notifications", reads_page(Delivery), query=locals())


def get_notification(delivery_id: str) -> Request[Delivery]:
    path = f"/api/v1/notifications/{segment(delivery_id)}"
    return Request("GET", path, reads(Delivery))


def redeliver_notification(delivery_id: str) -> Request[Delivery]:
    """Send a delivery again."""
    path = f"/api/v1/notifications/{segment(delivery_id)}/redeliver"
    return Request("POST", path, reads(Delivery), body={}, creates=True)


def list_notification_preferences(
    *, organization_id: Optional[str] = None, limit: Optional[int] = None
) -> Request[Page[Preference]]:
    return Request("GET", _PREFERENCES, reads_page(Preference), query=locals())


def get_notification_preference(
    recipient: str, *, organization_id: Optional[str] = None
) -> Request[Preference]:
    path = f"{_PREFERENCES}/{segment(recipient)}"
    query = {"organization_id": organization_id}
    return Request("GET", path, reads(Preference), query=query)


def set_notification_preference(
    recipient: str,
    *,
    digest: Optional[str] = None,
    quiet_from: Optional[str] = None,
    quiet_until: Optional[str] = None,
    timezone: Optional[str] = None,
    critical_at_once: Optional[bool] = None,
    daily_requests: Optional[bool] = None,
    holidays: Optional[Sequence[str]] = None,
    organization_id: Optional[str] = None,
) -> Request[Preference]:
    """Say when a recipient wants mail; *holidays* are dates such as "2026-12-25"."""
    body = {
        "recipient": recipient,
        "digest": digest,
        "quiet_from": quiet_from,
        "quiet_until": quiet_until,
        "timezone": timezone,
        "critical_at_once": critical_at_once,
        "daily_requests": daily_requests,
        "holidays": holidays,
    }
    return Request(
        "PUT",
        f"{_PREFERENCES}/{segment(recipient)}",
        reads(Preference),
        query={"organization_id": organization_id},
        body=present(body),
    )


def delete_notification_preference(
    recipient: str, *, organization_id: Optional[str] = None
) -> Request[None]:
    path = f"{_PREFERENCES}/{segment(recipient)}"
    query = {"organization_id": organization_id}
    return Request("DELETE", path, reads_nothing, query=query)
