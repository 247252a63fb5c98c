"""Sending at once, for somebody who waits to see what becomes of it."""

import time
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from lib.errors import Conflict
from notifications import services
from notifications.models import Channel, ChannelType, Delivery, DeliveryState
from notifications.outbox import deliver_one
from notifications.samples import trial_message
from notifications.types import Message, Target

PATIENCE_S = 25.0  # how long somebody waits; what is not sent by then a worker sends
_LOOK_S = 0.1


class ChannelOff(Conflict):
    """Nothing goes through a channel that is switched off, tests neither."""

    code = "channel_off"


def send_test(channel: Channel, *, by: str, mark: str = "") -> list[Delivery]:
    """Send a test message to every address of *channel*, and wait for the outcome.

    Tried once: what does not arrive has failed. The same *mark* sends once only.
    PagerDuty's incident is resolved again.

    Raises:
        ChannelOff: switch it on first.
    """
    if not channel.enabled:
        raise ChannelOff("The channel is switched off. Switch it on, then test it.")
    message = trial_message(channel, by=by, now=timezone.now())
    key = f"test:{sha256(mark.encode()).hexdigest() if mark else uuid4()}"
    deliveries = [
        _tried_once(each) for each in wait_for(_written(channel, message, key))
    ]
    if channel.type == ChannelType.PAGERDUTY and outcome(deliveries)["state"] == (
        DeliveryState.DELIVERED
    ):
        _written(channel, replace(message, event="resolved"), f"{key}:end")
    return deliveries


def outcome(deliveries: Iterable[Delivery]) -> dict[str, Any]:
    """Return what became of them together, as `TrialSerializer` has it."""
    rows = list(deliveries)
    states = {each.state for each in rows}
    worst = (DeliveryState.FAILED, DeliveryState.PENDING, DeliveryState.DELIVERED)
    state = next((each for each in worst if each in states), DeliveryState.FAILED)
    errors = [each.error for each in rows if each.state == state and each.error]
    return {"state": state, "error": next(iter(errors), ""), "deliveries": rows}


@transaction.atomic
def _written(channel: Channel, message: Message, key: str) -> list[Delivery]:
    """Write the message's deliveries, due now whatever hours people keep."""
    found = services.resolve(channel.organization_id, [channel.name], [])
    targets: list[Target] = [
        target for target in found.targets if target.channel_id == channel.pk
    ]
    rows = services.notify(
        channel.organization_id, targets, lambda target: message, key=key
    )
    now = timezone.now()
    fresh = Delivery.objects.filter(
        pk__in=[row.pk for row in rows], state=DeliveryState.PENDING, tries=0
    )
    # Never later: whoever asked with the same mark before is about to send it.
    fresh.filter(Q(together=True) | Q(next_attempt_at__gt=now)).update(
        next_attempt_at=now, together=False
    )
    return sorted(rows, key=lambda row: row.pk)


def wait_for(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Send what is due of them, one after another; wait where a worker came first."""
    ends = time.monotonic() + PATIENCE_S
    rows = list(deliveries)
    for delivery in rows:
        if time.monotonic() < ends:
            deliver_one(delivery, now=timezone.now())
        while _is_being_sent(delivery) and time.monotonic() < ends:
            time.sleep(_LOOK_S)
            delivery.refresh_from_db()
    return rows


def _is_being_sent(delivery: Delivery) -> bool:
    until = delivery.claimed_until
    return until is not None and until > timezone.now()


def _tried_once(delivery: Delivery) -> Delivery:
    """Give *delivery* up if its first try failed."""
    Delivery.objects.filter(
        pk=delivery.pk, state=DeliveryState.PENDING, tries__gt=0, claimed_until=None
    ).update(
        state=DeliveryState.FAILED, next_attempt_at=None, finished_at=timezone.now()
    )
    delivery.refresh_from_db()
    return delivery
