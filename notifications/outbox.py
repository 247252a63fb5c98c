"""Sending what is written down: claimed, sent outside any transaction, tried again.

A worker first commits that it begins (an attempt with an id of its own, and a claim on
the delivery), then sends, then commits what became of it. Killed at any step it leaves
a claim that runs out, and the delivery to the others; no attempt is ever sent twice.
"""

import logging
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from accounts.audit import acting_as
from notifications.configs import signing_secrets
from notifications.models import (
    Attempt,
    Channel,
    ChannelType,
    Delivery,
    DeliveryState,
    Preference,
)
from notifications.quiet import earliest
from notifications.services import wish_of
from notifications.transports import TRANSPORTS, Parcel, Sent, TransportError
from notifications.types import unpacked

logger = logging.getLogger("notifications")

CLAIM = timedelta(minutes=2)  # more than any transport takes
THREADS = 96  # sendings at once, of one worker
MOST_TO_ONE = 32  # of them to one channel: one that hangs must leave room for others
# Standard Webhooks' schedule: seconds from one try to the next.
WAITS_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER = 0.1  # up to this share is added, so that what failed together spreads
LONGEST_WAIT_S = 86_400.0  # whatever a receiver asks for
_UNREADABLE = "It can't be read: COSTOPS_ENCRYPTION_KEYS lacks its key."
_POLL_S = 0.25
_LONGEST_ERROR = 500
_SHORTEST_SECRET = 6  # characters; what is shorter can't be found in a text
_SEPARATORS = re.compile(r"[/:@?&=]+")  # of the parts of an address


@dataclass(frozen=True, slots=True)
class Done:
    """What one run did, in deliveries."""

    delivered: int = 0
    failed: int = 0  # for good
    again: int = 0  # to be tried again later


@dataclass(slots=True)
class _Job:
    """One sending: a delivery, or several of one person that go together."""

    deliveries: Sequence[Delivery]
    attempts: Sequence[Attempt]
    claimed_until: datetime
    lane: object  # what the limit of sendings at once counts by
    channel: Channel | None
    problem: str = ""  # why it can't be sent at all
    passing: bool = False  # the problem may pass
    parcel: Parcel | None = None


@dataclass(frozen=True, slots=True)
class _Result:
    """What became of a job: `error` is None where it was taken."""

    job: _Job
    at: datetime
    duration_ms: int
    status: int | None = None
    note: str = ""
    error: TransportError | None = None


class _Clock:
    """The time as of *now*, going on from there."""

    def __init__(self, now: datetime) -> None:
        self._now, self._began = now, time.monotonic()

    def __call__(self) -> datetime:
        return self._now + timedelta(seconds=time.monotonic() - self._began)


def deliver(*, now: datetime, stay_s: float = 0, most_s: float = 300) -> Done:
    """Send all that is due, and what becomes due meanwhile.

    Stays while something that failed in this run is due again within *stay_s*, and
    begins nothing new after *most_s*. Any number of workers may do this at once.
    """
    return _Run(_Clock(now), stay_s, time.monotonic() + most_s).run()


def deliver_one(delivery: Delivery, *, now: datetime) -> Delivery:
    """Send *delivery* at once if it is due, and wait for what becomes of it."""
    with transaction.atomic():
        jobs = _claimed(_due(now).filter(pk=delivery.pk), now)
    for job in jobs:
        _settle([_sent(job, _Clock(now))])
    delivery.refresh_from_db()
    return delivery


def due_within(now: datetime, seconds: float) -> bool:
    """Tell whether something waits to be sent until then."""
    return _due(now + timedelta(seconds=seconds)).exists()


# -- The run


@dataclass(slots=True)
class _Run:
    clock: Callable[[], datetime]
    stay_s: float
    ends: float  # of time.monotonic()
    counts: Counter[str] = field(default_factory=Counter)
    flying: dict["Future[_Result]", _Job] = field(default_factory=dict)
    again: list[datetime] = field(default_factory=list)  # when what failed here is due

    def run(self) -> Done:
        with ThreadPoolExecutor(THREADS) as pool:
            while True:
                started = self._start(pool)
                if self.flying:
                    self._collect()
                elif not started and not self._waits():
                    break
        return Done(**self.counts)

    def _start(self, pool: ThreadPoolExecutor) -> bool:
        """Claim as much as there are free threads for; tell whether any was due."""
        free = THREADS - len(self.flying)
        if time.monotonic() >= self.ends or free <= 0:
            return False
        lanes = Counter(job.lane for job in self.flying.values())
        full = [lane for lane, count in lanes.items() if count >= MOST_TO_ONE]
        busiest = max((lanes[lane] for lane in lanes.keys() - full), default=0)
        most = min(free, MOST_TO_ONE - busiest)
        jobs = claim(self.clock(), most=most, full=full)
        for job in jobs:
            self.flying[pool.submit(_sent, job, self.clock)] = job
        return bool(jobs)

    def _collect(self) -> None:
        done, _ = wait(self.flying, timeout=_POLL_S, return_when=FIRST_COMPLETED)
        results = [future.result() for future in done]
        for future in done:
            del self.flying[future]
        if not results:
            return
        told = _settle(results)
        self.counts.update(told.counts)
        self.again += told.again

    def _waits(self) -> bool:
        """Pause if what failed here is due again soon; else say that all is done."""
        if not self.again or time.monotonic() >= self.ends:
            return False
        wait_s = (min(self.again) - self.clock()).total_seconds()
        if wait_s > self.stay_s:
            return False
        if wait_s <= 0:
            self.again.remove(min(self.again))
        time.sleep(min(max(wait_s, 0), _POLL_S))
        return True


# -- Claiming


def _due(now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        Q(claimed_until=None) | Q(claimed_until__lte=now),
        state=DeliveryState.PENDING,
        next_attempt_at__lte=now,
    ).order_by("next_attempt_at", "id")


def claim(now: datetime, *, most: int, full: Iterable[object] = ()) -> list[_Job]:
    """Take up to *most* deliveries that are due and write down that they begin.

    What goes to one of the lanes that are *full* is left alone.
    """
    # There a transaction keeps all others from writing, so none is begun for nothing.
    if connection.vendor == "sqlite" and not _due(now).exists():
        return []
    with transaction.atomic():
        single = _in_order(_without(_due(now).filter(together=False), full))[:most]
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


def _claimed(due: QuerySet[Delivery], now: datetime) -> list[_Job]:
    """Claim *due* in the present transaction, but what others hold; a job for each."""
    found = _read(due.select_for_update(skip_locked=True, of=("self",)))
    if not found:
        return []
    begun = _begin(found, now)
    channels = _channels_of(found)
    return [
        _job([delivery], [attempt], channels, now)
        for delivery, attempt in zip(found, begun, strict=True)
    ]


def _claimed_together(now: datetime) -> list[_Job]:
    """Claim what is due to people who want one mail; a job for each of them."""
    people = _due(now).filter(together=True).order_by()
    jobs = []
    for organization_id, recipient in sorted(
        people.values_list("organization_id", "recipient").distinct()[:THREADS]
    ):
        with transaction.atomic():
            # Not skipped but waited for, in one order: of two workers one gets all.
            found = _read(
                _due(now)
                .filter(
                    together=True, organization=organization_id, recipient=recipient
                )
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
) -> _Job:
    first = deliveries[0]
    channel = channels.get(first.channel_id) if first.channel_id else None
    job = _Job(
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
    return job


def _parcel(job: _Job, now: datetime) -> Parcel:
    first, channel = job.deliveries[0], job.channel
    return Parcel(
        uid=str(first.uid),
        attempt_uid=str(job.attempts[0].uid),
        at=now.astimezone(UTC),
        messages=tuple(unpacked(delivery.message) for delivery in job.deliveries),
        recipient=first.recipient,
        setup={**channel.config, **channel.secrets} if channel else {},
        signing=tuple(signing_secrets(channel.secrets, now=now)) if channel else (),
        template=channel.template if channel else {},
    )


# -- Sending: in a thread, without the database


def _sent(job: _Job, clock: Callable[[], datetime]) -> _Result:
    began = time.monotonic()
    error, sent = None, Sent()
    try:
        sent = _send(job)
    except TransportError as refused:
        error = refused
    except Exception as bug:  # a bug in one transport must not keep the others waiting
        logger.exception("Delivery %s could not be sent.", job.deliveries[0].uid)
        error = TransportError(f"Unexpected: {type(bug).__name__}.")
    return _Result(
        job,
        clock(),
        round((time.monotonic() - began) * 1_000),
        error.status if error else sent.status,
        _masked(sent.note, job.channel),
        error,
    )


def _send(job: _Job) -> Sent:
    if job.parcel is None:
        raise TransportError(job.problem, permanent=not job.passing)
    return TRANSPORTS[job.deliveries[0].type](job.parcel)


def _masked(text: str, channel: Channel | None) -> str:
    """Return *text* fit to be kept: no secret of the channel, and not too long."""
    for secret in _texts_in(channel.secrets if channel else {}):
        # The other side may repeat a part of an address: the token at its end.
        for part in (secret, *_SEPARATORS.split(secret)):
            if len(part) >= _SHORTEST_SECRET:
                text = text.replace(part, "•••")
    return text[:_LONGEST_ERROR]


def _texts_in(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _texts_in(one)


# -- What became of it


@dataclass(frozen=True, slots=True)
class _Told:
    """What was written down, and when what is tried again is due."""

    counts: Counter[str]
    again: list[datetime]


@transaction.atomic
def _settle(results: Sequence[_Result]) -> _Told:
    """Write down what became of *results*, all in one commit."""
    _close_attempts(results)
    counts: Counter[str] = Counter()
    again: list[datetime] = []
    _close_delivered([result for result in results if result.error is None], counts)
    for result in results:
        if result.error is not None:
            again += _close_failed(result, result.error, counts)
            if result.error.gone:
                _disable(result)
    return _Told(counts, again)


_CLOSE = """
UPDATE notifications_attempt SET status = %s, error = %s, duration_ms = %s WHERE id = %s
"""


def _close_attempts(results: Sequence[_Result]) -> None:
    rows = [
        (result.status, _words_of(result), result.duration_ms, attempt.pk)
        for result in results
        for attempt in result.job.attempts
    ]
    # The ORM's bulk_update would take longer than the sending.
    with connection.cursor() as cursor:
        cursor.executemany(_CLOSE, rows)


def _words_of(result: _Result) -> str:
    if result.error is None:
        return result.note
    return _masked(str(result.error), result.job.channel)


def _close_delivered(results: Sequence[_Result], counts: Counter[str]) -> None:
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


def _close_failed(
    result: _Result, error: TransportError, counts: Counter[str]
) -> list[datetime]:
    """Put off or give up what was not taken; return when it is tried again.

    Whose claim has run out is another worker's by now, and left alone.
    """
    again = []
    stretch = 1 + random.random() * JITTER  # noqa: S311 - not for security
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
    delivery: Delivery, result: _Result, error: TransportError, stretch: float
) -> datetime | None:
    """Return when *delivery* is tried again; None: it has failed."""
    if error.permanent or delivery.tries > len(WAITS_S):
        return None
    wait_s = WAITS_S[delivery.tries - 1] * stretch
    if error.retry_after_s is not None:
        wait_s = min(max(wait_s, error.retry_after_s), LONGEST_WAIT_S * (1 + JITTER))
    at = result.at + timedelta(seconds=wait_s)
    parcel = result.job.parcel
    if delivery.type != ChannelType.EMAIL or delivery.together or parcel is None:
        return at
    wishes = Preference.objects.filter(
        organization=delivery.organization_id, recipient=delivery.recipient
    )
    preference = wishes.first()
    if preference is None:
        return at
    return earliest(wish_of(preference), parcel.message.severity, at)


def _disable(result: _Result) -> None:
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
