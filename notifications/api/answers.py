"""Channels, deliveries and preferences as the API answers them."""

from collections.abc import Iterable, Mapping
from datetime import time
from typing import Annotated, Any

from lib.answers import Moment, Out, choices, note
from notifications.api.schemas import CONFIG_NOTE, TEMPLATE_NOTE
from notifications.channels import secrets_set
from notifications.models import (
    Attempt,
    Channel,
    ChannelType,
    Delivery,
    DeliveryState,
    Preference,
)
from notifications.notices import is_notice
from notifications.samples import is_trial


class ChannelOut(Out, frozen=True):
    """A way to reach people or programs. What is secret is only named, in `secrets`."""

    id: str
    organization_id: str
    type: Annotated[str, choices(ChannelType.values)]
    name: str
    config: Annotated[
        dict[str, Any],
        note(
            f"{CONFIG_NOTE} A signing secret made here is in the answer that made it."
        ),
    ]
    secrets: Annotated[list[str], note("The secrets that are set.")]
    template: Annotated[Any, note(TEMPLATE_NOTE)]
    enabled: bool
    disabled_reason: Annotated[
        str, note("Why it was switched off: the receiver said that it is gone.")
    ]
    created_at: Moment


class AttemptOut(Out, frozen=True):
    """One try to send a delivery."""

    id: str
    at: Moment
    status: Annotated[int | None, note("HTTP's or SMTP's; null: there was no answer.")]
    error: str
    duration_ms: Annotated[int | None, note("Null: it has not ended.")]


class DeliveryOut(Out, frozen=True):
    """One message to one address, with every attempt to send it."""

    id: str
    organization_id: str
    channel: Annotated[
        str | None, note("Null: mail to a person, or the channel is deleted.")
    ]
    channel_name: str | None
    type: Annotated[str, choices(ChannelType.values)]
    recipient: str
    alert: Annotated[
        str | None, note("The id of the alert it is about; null: a test, or a channel.")
    ]
    event: Annotated[
        str, note("fired, escalated, acknowledged, resolved, test or disabled.")
    ]
    title: str
    state: Annotated[str, choices(DeliveryState.values)]
    error: Annotated[str, note("What went wrong last.")]
    attempts: list[AttemptOut]
    next_attempt_at: Moment | None
    created_at: Moment
    finished_at: Moment | None


class TrialOut(Out, frozen=True):
    """What became of a test message."""

    state: Annotated[
        str,
        choices(DeliveryState.values),
        note("delivered: to every recipient; failed: to one of them not."),
    ]
    error: str
    deliveries: list[DeliveryOut]


class PreferenceOut(Out, frozen=True):
    """When one person wants mail."""

    organization_id: str
    recipient: Annotated[str, note("A mail address.")]
    digest: Annotated[str, choices(Preference.Digest.values)]
    quiet_from: Annotated[str | None, note("A time such as 22:00.")]
    quiet_until: str | None
    timezone: str
    critical_at_once: Annotated[
        bool, note("What is critical is sent at once all the same.")
    ]
    daily_requests: Annotated[
        bool, note("On working days: which requests wait for them.")
    ]
    holidays: Annotated[
        list[str], note("Dates on which they are not reminded of requests.")
    ]


def channel_out(channel: Channel) -> ChannelOut:
    return ChannelOut(
        id=str(channel.uid),
        organization_id=channel.organization.slug,
        type=channel.type,
        name=channel.name,
        config=channel.config,
        secrets=secrets_set(channel),
        template=channel.template,
        enabled=channel.enabled,
        disabled_reason=channel.disabled_reason,
        created_at=channel.created_at,
    )


def delivery_out(delivery: Delivery) -> DeliveryOut:
    """Return a delivery; its channel and attempts are at hand."""
    channel = delivery.channel
    return DeliveryOut(
        id=str(delivery.uid),
        organization_id=delivery.organization.slug,
        channel=str(channel.uid) if channel else None,
        channel_name=channel.name if channel else None,
        type=delivery.type,
        recipient=delivery.recipient,
        alert=_alert_of(delivery),
        event=str(delivery.message.get("event", "")),
        title=str(delivery.message.get("title", "")),
        state=delivery.state,
        error=delivery.error,
        attempts=[_attempt_out(attempt) for attempt in delivery.attempts.all()],
        next_attempt_at=delivery.next_attempt_at,
        created_at=delivery.created_at,
        finished_at=delivery.finished_at,
    )


def _alert_of(delivery: Delivery) -> str | None:
    subject = delivery.subject
    is_about_alert = not (is_trial(subject) or is_notice(subject))
    return (subject or None) if is_about_alert else None


def _attempt_out(attempt: Attempt) -> AttemptOut:
    return AttemptOut(
        id=str(attempt.uid),
        at=attempt.at,
        status=attempt.status,
        error=attempt.error,
        duration_ms=attempt.duration_ms,
    )


def trial_out(outcome: Mapping[str, Any]) -> TrialOut:
    """Return what became of a test's deliveries; see `trials.outcome`."""
    deliveries: Iterable[Delivery] = outcome["deliveries"]
    return TrialOut(
        state=outcome["state"],
        error=outcome["error"],
        deliveries=[delivery_out(each) for each in deliveries],
    )


def preference_out(preference: Preference) -> PreferenceOut:
    return PreferenceOut(
        organization_id=preference.organization.slug,
        recipient=preference.recipient,
        digest=preference.digest,
        quiet_from=_clock(preference.quiet_from),
        quiet_until=_clock(preference.quiet_until),
        timezone=preference.timezone,
        critical_at_once=preference.critical_at_once,
        daily_requests=preference.daily_requests,
        holidays=preference.holidays,
    )


def _clock(moment: time | None) -> str | None:
    return None if moment is None else f"{moment:%H:%M}"
