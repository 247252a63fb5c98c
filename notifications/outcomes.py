"""Writing down what became of what was sent."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom

from django.db import connection, transaction

from accounts.audit import acting_as
from notifications.jobs import Result, masked
from notifications.models import (
    Channel,
    ChannelType,
    Delivery,
    DeliveryState,
    Preference,
)
from notifications.notices import tell_of_gone
from notifications.quiet_hours import earliest
from notifications.services import wish_of
from notifications.transports import TransportError
from notifications.trials import close_incident

logger = logging.getLogger("notifications")
_random = SystemRandom()

# Standard Webhooks' schedule: seconds from one try to the next.
WAITS_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER = 0.1  # up to this share is added, so that what failed together spreads
LONGEST_WAIT_S = 86_400.0  # whatever a receiver asks for


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What was written down, and when what is tried again is due."""

    counts: Counter[str]
    again: list[datetime]


@transaction.atomic
def settle(results: Sequence[Result]) -> Outcomes:
    """Write down what became of *results*, all in one commit."""
    _close_attempts(results)
    counts: Counter[str] = Counter()
    again: list[datetime] = []
    taken = [result for result in results if result.error is None]
    _close_delivered(taken, counts)
    for result in taken:
        _close_incident(result)
    for result in results:
        if result.error is not None:
            again += _close_failed(result, result.error, counts)
            if result.error.gone:
                _disable(result)
    return Outcomes(counts, again)


_CLOSE = """
UPDATE notifications_attempt SET status = %s, error = %s, duration_ms = %s WHERE id = %s
"""


def _close_attempts(results: Sequence[Result]) -> None:
    rows = [
        (result.status, _words_of(result), result.duration_ms, attempt.pk)
        for result in results
        for attempt in result.job.attempts
    ]
    # The ORM's bulk_update would take longer than the sending.
    with connection.cursor() as cursor:
        cursor.executemany(_CLOSE, rows)


def _words_of(result: Result) -> str:
    if result.error is None:
        return result.note
    return masked(str(result.error), result.job.secrets)


def _close_delivered(results: Sequence[Result], counts: Counter[str]) -> None:
    """End what was taken, even if its claim has run out: it did arrive."""
    by_note: dict[str, list[int]] = {}
    for result in results:
        ids = [delivery.pk for delivery in result.job.deliveries]
        by_note.setdefault(result.note, []).extend(ids)
    for note, ids in by_note.items():
        counts["delivered"] += Delivery.objects.filter(
            pk__in=ids, state=DeliveryState.PENDING
        ).update(
            state=DeliveryState.DELIVERED,
            next_attempt_at=None,
            claimed_until=None,
            finished_at=results[0].at,
            error=note,
        )


def _close_incident(result: Result) -> None:
    delivery, parcel = result.job.deliveries[0], result.job.parcel
    is_test = parcel is not None and parcel.message.event == "test"
    if parcel is not None and is_test and delivery.type == ChannelType.PAGERDUTY:
        close_incident(delivery, parcel.message)


def _close_failed(
    result: Result, error: TransportError, counts: Counter[str]
) -> list[datetime]:
    """Put off or give up what was not taken; return when it is tried again.

    Whose claim has run out is another worker's by now, and left alone.
    """
    again = []
    stretch = 1 + _random.random() * JITTER
    for delivery in result.job.deliveries:
        at = _next_try(delivery, result, error, stretch)
        mine = Delivery.objects.filter(
            pk=delivery.pk,
            state=DeliveryState.PENDING,
            claimed_until=result.job.claimed_until,
        )
        words = _words_of(result)
        if at is None:
            counts["failed"] += mine.update(
                state=DeliveryState.FAILED,
                next_attempt_at=None,
                claimed_until=None,
                finished_at=result.at,
                error=words,
            )
            logger.warning("Delivery %s failed for good: %s", delivery.uid, words)
        elif mine.update(next_attempt_at=at, claimed_until=None, error=words):
            counts["again"] += 1
            again.append(at)
    return again


def _next_try(
    delivery: Delivery, result: Result, error: TransportError, stretch: float
) -> datetime | None:
    """Return when *delivery* is tried again; None: it has failed."""
    parcel = result.job.parcel
    is_test = parcel is not None and parcel.message.event == "test"
    if error.permanent or is_test or delivery.tries > len(WAITS_S):
        return None
    wait_s = WAITS_S[delivery.tries - 1] * stretch
    if error.retry_after_s is not None:
        wait_s = min(max(wait_s, error.retry_after_s), LONGEST_WAIT_S * (1 + JITTER))
    at = result.at + timedelta(seconds=wait_s)
    if delivery.type != ChannelType.EMAIL or delivery.together or parcel is None:
        return at
    wishes = Preference.objects.filter(
        organization=delivery.organization_id, recipient=delivery.recipient
    )
    preference = wishes.first()
    if preference is None:
        return at
    return earliest(wish_of(preference), parcel.message.severity, at)


def _disable(result: Result) -> None:
    """Switch off a channel whose receiver says that it is gone for good."""
    channel = result.job.channel
    if channel is None:
        return
    reason = f"It answered 410 (gone) on {result.at:%-d %B %Y at %H:%M} UTC."
    channel = Channel.objects.select_for_update().get(pk=channel.pk)
    if channel.enabled:
        channel.enabled, channel.disabled_reason = False, reason
        with acting_as("worker"):
            channel.save(update_fields=["enabled", "disabled_reason"])
        logger.error("Channel %s was switched off. %s", channel.uid, reason)
        tell_of_gone(channel, now=result.at)
