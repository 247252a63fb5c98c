"""What the outbox tells by itself: that a channel of the organization is no more."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from accounts.people import finance_admins
from notifications.models import Channel, ChannelType
from notifications.services import notify
from notifications.types import Link, Message, Target

_ABOUT = "channel-"  # how the subjects of notices begin


def tell_of_gone(channel: Channel, *, now: datetime) -> None:
    """Mail the organization's finance admins that *channel* was switched off.

    Call it in the transaction that switches it off: it is told once. The mail needs no
    channel, so it can't go through one that is dead as well.
    """
    people = finance_admins(channel.organization_id)
    notify(
        channel.organization_id,
        [Target(ChannelType.EMAIL, recipient=person) for person in people],
        lambda _: _gone(channel),
        key=f"{_ABOUT}{channel.uid}:gone:{now.isoformat()}",
        now=now,
    )


def _gone(channel: Channel) -> Message:
    path = reverse("admin:notifications_channel_change", args=[channel.pk])
    return Message(
        event="disabled",
        subject=f"{_ABOUT}{channel.uid}",
        severity="critical",
        title=f"The channel “{channel.name}” was switched off",
        text=(
            f"Alerts are no longer told through “{channel.name}”. "
            f"{channel.disabled_reason} Give it another address and switch it on again."
        ),
        facts=(("Type", channel.get_type_display()),),
        links=(Link("Open channel", f"{settings.SITE_URL}{path}"),),
        reason="You get this because you are a finance admin: alerts may not arrive.",
    )


def is_notice(subject: str) -> bool:
    """Tell whether a message about *subject* is one of these."""
    return subject.startswith(_ABOUT)
