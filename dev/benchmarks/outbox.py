"""How many deliveries a worker makes, and what rows that wait cost the next ones.

The receiver is a process of its own on the same machine, as small as can be, so that
nearly all of the time is the worker's.
"""

import time
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from dev.benchmarks import world
from dev.benchmarks.receiver import receiver
from dev.benchmarks.timing import Contender, Figure, take_turns
from lib import http
from notifications import outbox
from notifications.configs import new_signing_secret
from notifications.models import Channel, ChannelType, Delivery
from notifications.services import notify
from notifications.types import Link, Message, Target

SENT = 1_000  # deliveries in a round
WAITING = 100_000  # rows that are due tomorrow, or at a receiver that hangs
HANGS_S = 3  # how long a receiver that hangs is given here
NEXT_ONES = 5
MESSAGE = Message(
    event="fired",
    subject="alert",
    severity="warning",
    title="Warning: ML Team is at 84 % of $15,000.00 (November)",
    text="ML Team has spent $12,600.00 of $15,000.00 in November, 84 %.",
    bar=0.84,
    facts=(("Spent", "$12,600.00"), ("At this pace", "$19,400.00")),
    drivers=(("gpt-4o", "$8,000.00", "63 %"),),
    links=(Link("Acknowledge", "https://costops.example/alerts/1"),),
    payload={"type": "threshold", "budget_name": "ML Team", "message": "84 %"},
)


def measure(rounds: int) -> list[Figure]:
    settings.OUTGOING_ALLOW = ["127.0.0.0/8"]
    with receiver(hangs=False) as quick, receiver(hangs=True) as stuck:
        organization = Organization.objects.create(slug="outbox", name="Outbox")
        channel = _channel(organization, "quick", quick)
        contenders = {
            "alone": Contender(lambda: _prepared(channel, 0), _send_all, SENT),
            "among": Contender(lambda: _prepared(channel, WAITING), _send_all, SENT),
        }
        rates = take_turns(contenders, rounds=rounds, label="outbox")
        hanging = _channel(organization, "stuck", stuck)
        next_s = _seconds_to_the_next(channel, hanging)
    return [
        Figure(
            "deliveries a second of one worker",
            rates.median("alone"),
            200,
            rate=f"{rates.median('alone'):,.0f}/s",
        ),
        Figure(
            f"the same with {WAITING:,} rows waiting",
            rates.median("among"),
            200,
            rate=f"{rates.median('among'):,.0f}/s",
        ),
        Figure(
            f"deliveries with {WAITING:,} rows waiting / with none",
            rates.ratio("among", "alone"),
            0.9,
            rate=f"{rates.median('among'):,.0f} against {rates.median('alone'):,.0f}/s",
        ),
        Figure(
            f"seconds to the next one behind {WAITING:,} at a receiver that hangs",
            next_s,
            1,
            better="less",
            rate=f"{next_s * 1e3:,.0f} ms",
        ),
    ]


def _channel(organization: Organization, name: str, port: int) -> Channel:
    return Channel.objects.create(
        organization=organization,
        type=ChannelType.WEBHOOK,
        name=name,
        config={"url": f"http://127.0.0.1:{port}/"},
        secrets={"secret": new_signing_secret()},
    )


def _prepared(channel: Channel, waiting: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE notifications_delivery, notifications_attempt")
    if waiting:
        _fill(channel, waiting, after=timedelta(days=1))
    _fill(channel, SENT, after=timedelta(0))
    world.vacuum()


def _write(channel: Channel) -> Delivery:
    (delivery,) = notify(
        channel.organization_id,
        [Target(ChannelType.WEBHOOK, channel.pk)],
        lambda _: MESSAGE,
        key=f"{time.monotonic_ns()}",
    )
    return delivery


def _send_all(_: None) -> None:
    done = outbox.deliver(now=timezone.now())
    assert done == outbox.Delivered(delivered=SENT), done


_FILL = """
INSERT INTO notifications_delivery (uid, organization_id, key, channel_id, type,
    recipient, subject, message, state, tries, next_attempt_at, together, error,
    created_at)
SELECT gen_random_uuid(), organization_id, key || '-' || n, channel_id, type, recipient,
    subject, message, 'pending', 0, %s, false, '', created_at
FROM notifications_delivery, generate_series(1, %s) AS n WHERE id = %s
"""


def _fill(channel: Channel, count: int, *, after: timedelta) -> None:
    """Write *count* deliveries that are due *after* now, as copies of one."""
    one = _write(channel)
    with connection.cursor() as cursor:
        cursor.execute(_FILL, [timezone.now() + after, count, one.pk])
    one.delete()


def _seconds_to_the_next(quick: Channel, hanging: Channel) -> float:
    """Return how long the longest of a few deliveries took behind all that hang."""
    _prepared(quick, 0)
    Delivery.objects.all().delete()
    _fill(hanging, WAITING, after=timedelta(minutes=-1))
    world.vacuum()
    http.TIMEOUT_S = HANGS_S
    longest = 0.0
    for _ in range(NEXT_ONES):
        last = _write(quick)
        began = timezone.now()
        outbox.deliver(now=began, most_s=1)
        last.refresh_from_db()
        assert last.state == "delivered", last.state
        taken = (last.finished_at or began) - began
        longest = max(longest, taken.total_seconds())
    return longest
