"""Tests of channels: deliveries like others, which somebody waits for.

Nothing is sent in here: workers send, who waits looks until it is known what became of
it.
"""

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from threading import BoundedSemaphore
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from lib.errors import Conflict
from notifications import services
from notifications.mail_limits import check_test
from notifications.models import Channel, Delivery, DeliveryState
from notifications.samples import is_trial, trial_message
from notifications.types import Message, Target

PATIENCE_S = 10.0  # how long a request waits for an outcome
MOST_WAITING = 4  # requests of one process: the others are answered at once
NOBODY_SENDS = timedelta(seconds=10)  # a worker takes what is due within one or two
_LOOK_S = 0.1
_END = "end"  # in the key of what closes the incident that a test opened
_waiting = BoundedSemaphore(MOST_WAITING)


class ChannelOff(Conflict):
    """Nothing goes through a channel that is switched off, tests neither."""

    code = "channel_off"


@transaction.atomic
def send_test(channel: Channel, *, by: str, mark: str = "") -> list[Delivery]:
    """Have a worker send a test message to every address of *channel*, at once.

    Tried once: what does not arrive has failed. The same *mark* sends once only.
    PagerDuty's incident is resolved again.

    Raises:
        ChannelOff: switch it on first.
        MailLimitReached: tests have sent enough mails in the last hour.
    """
    if not channel.enabled:
        raise ChannelOff("The channel is switched off. Switch it on, then test it.")
    message = trial_message(channel, by=by, now=timezone.now())
    key = f"test:{sha256(mark.encode()).hexdigest() if mark else uuid4()}"
    if not Delivery.objects.filter(
        organization=channel.organization_id, key__startswith=f"{key}:"
    ).exists():
        check_test(channel, now=timezone.now())
    return _written(channel, message, key)


def close_incident(delivery: Delivery, message: Message) -> None:
    """Have the incident resolved again that a test opened at PagerDuty.

    Call it in the transaction that writes down that the test arrived.
    """
    services.notify(
        delivery.organization_id,
        [Target(delivery.type, delivery.channel_id)],
        lambda _: replace(message, event="resolved"),
        key=f"{_key_of(delivery)}:{_END}",
    )


def sent_with(delivery: Delivery) -> list[Delivery]:
    """Return the deliveries of the test that *delivery* belongs to; else it alone."""
    if not is_trial(delivery.subject):
        return [delivery]
    rows = Delivery.objects.filter(
        organization=delivery.organization_id,
        subject=delivery.subject,
        channel=delivery.channel_id,
    )
    ends = rows.filter(key__startswith=f"{_key_of(delivery)}:{_END}:")
    return list(rows.exclude(pk__in=ends).order_by("pk"))


def _key_of(delivery: Delivery) -> str:
    """Return what the deliveries of one test were written under."""
    return ":".join(delivery.key.split(":")[:2])


def outcome(deliveries: Iterable[Delivery]) -> dict[str, Any]:
    """Return what became of them together, as `TrialOut` has it."""
    rows = list(deliveries)
    states = {each.state for each in rows}
    worst = (DeliveryState.FAILED, DeliveryState.PENDING, DeliveryState.DELIVERED)
    state = next((each for each in worst if each in states), DeliveryState.FAILED)
    errors = [each.error for each in rows if each.state == state and each.error]
    return {"state": state, "error": next(iter(errors), ""), "deliveries": rows}


def is_under_way(delivery: Delivery, now: datetime) -> bool:
    """Tell whether *delivery* is being sent, or will be as soon as a worker is free."""
    if delivery.state != DeliveryState.PENDING or delivery.next_attempt_at is None:
        return False
    until = delivery.claimed_until
    return (until is not None and until > now) or delivery.next_attempt_at <= now


def is_left_lying(delivery: Delivery, now: datetime) -> bool:
    """Tell whether it looks as if there were no worker that could take *delivery*."""
    return (
        is_under_way(delivery, now)
        and delivery.claimed_until is None
        and delivery.next_attempt_at is not None
        and now - delivery.next_attempt_at > NOBODY_SENDS
    )


def wait_for(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Return *deliveries* as they are once sent, or after PATIENCE_S.

    At most MOST_WAITING threads wait, so that some are left for all else.
    """
    rows = list(deliveries)
    if not _waiting.acquire(blocking=False):
        return rows
    try:
        ends = time.monotonic() + PATIENCE_S
        while _any_under_way(rows) and time.monotonic() < ends:
            pause()
    finally:
        _waiting.release()
    return rows


def pause() -> None:
    """Leave a worker time to send."""
    time.sleep(_LOOK_S)


def _any_under_way(rows: Iterable[Delivery]) -> bool:
    now = timezone.now()
    left = [row for row in rows if is_under_way(row, now)]
    for row in left:
        row.refresh_from_db()
    return any(is_under_way(row, now) for row in left)


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
    # Never later: whoever asked with the same mark before has it sent already.
    fresh = fresh.filter(error="")  # what the limit of mails puts off waits
    fresh.filter(Q(together=True) | Q(next_attempt_at__gt=now)).update(
        next_attempt_at=now, together=False
    )
    for row in rows:
        row.refresh_from_db()
    return sorted(rows, key=lambda row: row.pk)
