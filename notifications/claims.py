"""Taking what is due, so that no other worker does, and writing down that it begins."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from notifications.attachments import GONE, enclosed_with
from notifications.configs import signing_secrets
from notifications.jobs import Job
from notifications.models import (
    Attempt,
    Channel,
    ChannelType,
    Delivery,
    DeliveryState,
)
from notifications.transports import Parcel
from notifications.types import unpacked

CLAIM = timedelta(minutes=2)  # more than any transport takes
_MOST_PEOPLE = 96  # whose mails are put together at a time
_UNREADABLE = "It can't be read: COSTOPS_ENCRYPTION_KEYS lacks its key."


def claim(now: datetime, *, most: int, full: Iterable[object] = ()) -> list[Job]:
    """Take up to *most* deliveries that are due and write down that they begin.

    What goes to one of the lanes that are *full* is left alone.
    """
    due = Delivery.objects.due(now)
    # Where no rows can be locked a transaction keeps all others from writing: none is
    # begun for nothing.
    if not connection.features.has_select_for_update and not due.exists():
        return []
    with transaction.atomic():
        single = _in_order(_without(due.filter(together=False), full))[:most]
        jobs = _claimed(single, now)
    if len(jobs) < most and ChannelType.EMAIL not in full:
        jobs += _claimed_together(now)
    return jobs


def _without(due: QuerySet[Delivery], full: Iterable[object]) -> QuerySet[Delivery]:
    channels = [lane for lane in full if isinstance(lane, int)]
    types = [lane for lane in full if isinstance(lane, str)]
    if channels:
        due = due.filter(Q(channel=None) | ~Q(channel__in=channels))
    return due.exclude(channel=None, type__in=types) if types else due


def _in_order(due: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Keep back what ends an incident while what began it is still to be sent.

    PagerDuty would forget the one and then open the incident for good by the other.
    """
    before = Delivery.objects.filter(
        organization=OuterRef("organization"),
        subject=OuterRef("subject"),
        channel=OuterRef("channel"),
        state=DeliveryState.PENDING,
        id__lt=OuterRef("id"),
    )
    return due.filter(~Q(type=ChannelType.PAGERDUTY) | ~Exists(before))


def _claimed(due: QuerySet[Delivery], now: datetime) -> list[Job]:
    """Claim *due* in the present transaction; a job for each.

    What others are just claiming is left to them.
    """
    found = _read(due.select_for_update(skip_locked=True, of=("self",)))
    if not found:
        return []
    begun = _begin(found, now)
    channels = _channels_of(found)
    return [
        _job([delivery], [attempt], channels, now)
        for delivery, attempt in zip(found, begun, strict=True)
    ]


def _claimed_together(now: datetime) -> list[Job]:
    """Claim what is due to people who want one mail; a job for each of them."""
    due = Delivery.objects.due(now).filter(together=True)
    people = due.order_by()
    jobs = []
    for organization_id, recipient in sorted(
        people.values_list("organization_id", "recipient").distinct()[:_MOST_PEOPLE]
    ):
        with transaction.atomic():
            # Not skipped but waited for, in one order: of two workers one gets all.
            found = _read(
                due.filter(organization=organization_id, recipient=recipient)
                .order_by("id")
                .select_for_update(of=("self",))
            )
            if found:
                begun = _begin(found, now)
                jobs.append(_job(found, begun, _channels_of(found), now))
    return jobs


def _read(rows: QuerySet[Delivery]) -> list[Delivery]:
    """Return *rows*; one whose message can't be read must not hold up the others."""
    try:
        return list(rows)
    except ImproperlyConfigured:
        return list(rows.defer("message"))


def _begin(found: Sequence[Delivery], now: datetime) -> list[Attempt]:
    ids = [delivery.pk for delivery in found]
    Delivery.objects.filter(pk__in=ids).update(
        tries=F("tries") + 1, claimed_until=now + CLAIM
    )
    for delivery in found:
        delivery.tries += 1
    return Attempt.objects.bulk_create(
        Attempt(
            organization_id=delivery.organization_id,
            delivery=delivery,
            number=delivery.tries,
            at=now,
        )
        for delivery in found
    )


def _channels_of(found: Iterable[Delivery]) -> dict[int, Channel | None]:
    """Return the channels by id; None where the secrets can't be read."""
    channels: dict[int, Channel | None] = {}
    for channel_id in {one.channel_id for one in found if one.channel_id is not None}:
        try:
            channels[channel_id] = Channel.objects.get(pk=channel_id)
        except ImproperlyConfigured:
            channels[channel_id] = None
    return channels


def _job(
    deliveries: Sequence[Delivery],
    attempts: Sequence[Attempt],
    channels: Mapping[int, Channel | None],
    now: datetime,
) -> Job:
    first = deliveries[0]
    channel = channels.get(first.channel_id) if first.channel_id else None
    job = Job(
        deliveries,
        attempts,
        now + CLAIM,
        first.type if first.channel_id is None else first.channel_id,
        channel,
    )
    if first.channel_id is not None and channel is None:
        job.problem, job.passing = _UNREADABLE, True
    elif channel is None and first.type != ChannelType.EMAIL:
        job.problem = "The channel was deleted."
    elif channel is not None and not channel.enabled:
        job.problem = f"The channel is switched off. {channel.disabled_reason}".strip()
    else:
        try:
            job.parcel = _parcel(job, now)
        except ImproperlyConfigured:
            job.problem, job.passing = _UNREADABLE, True
        except LookupError:
            job.problem = GONE
    return job


def _parcel(job: Job, now: datetime) -> Parcel:
    first, channel = job.deliveries[0], job.channel
    messages = tuple(unpacked(delivery.message) for delivery in job.deliveries)
    return Parcel(
        uid=str(first.uid),
        attempt_uid=str(job.attempts[0].uid),
        at=now.astimezone(UTC),
        messages=messages,
        recipient=first.recipient,
        setup={**channel.config, **channel.secrets} if channel else {},
        signing=tuple(signing_secrets(channel.secrets, now=now)) if channel else (),
        template=channel.template if channel else {},
        enclosed=enclosed_with(first.organization_id, messages),
    )
