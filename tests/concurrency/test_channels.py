"""Several people at one channel at once, in real threads.

Each of these fails when the guard it is about is taken out: see its comment.
"""

from functools import partial
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from notifications.channels import (
    ChannelNameTaken,
    add_channel,
    change_channel,
    rotate_secret,
)
from notifications.models import Channel, Delivery
from notifications.outbox import deliver
from notifications.trials import send_test
from tests.factories import at_once, make_organization
from tests.notifications.factories import make_channel, make_webhook
from tests.notifications.receivers import receiving

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
ROUNDS = 10


def test_of_two_rotations_at_once_neither_secret_is_lost() -> None:
    # The guard: the row is locked before it is read (channels._held).
    acme = make_organization()
    for number in range(ROUNDS):
        channel = make_webhook(acme, "https://example.com", name=f"Hook {number}")

        saved = at_once(*(partial(rotate_secret, channel, now=timezone.now()),) * 2)

        channel.refresh_from_db()
        held = channel.secrets
        made = {one.made_secret for one in saved}
        assert {held["secret"], held["previous_secret"]} == made


def test_of_two_changes_at_once_both_are_kept() -> None:
    # The guard: the row is locked before it is read (channels._held).
    acme = make_organization()
    for number in range(ROUNDS):
        channel = make_channel(
            acme, "slack", f"Team {number}", secrets={"webhook_url": "https://x.io"}
        )

        change = partial(change_channel, channel, now=timezone.now())
        at_once(
            partial(change, config={"channel": "#costs"}),
            partial(change, config={"mentions": ["@leads"]}),
        )

        channel.refresh_from_db()
        assert channel.config == {"channel": "#costs", "mentions": ["@leads"]}


def test_one_of_several_gets_the_name() -> None:
    # The guard: the unique constraint, told as a conflict (channels._save).
    acme = make_organization()
    config = {"recipients": ["a@x.io"]}

    answers = at_once(
        *(lambda: add_channel(acme, type="email", name="Ops", config=config),) * 4
    )

    assert sum(isinstance(one, ChannelNameTaken) for one in answers) == 3
    assert Channel.objects.count() == 1


def test_a_test_with_one_mark_is_sent_once(settings: Settings) -> None:
    # The guard: the delivery's key, made of the mark (trials.send_test).
    settings.OUTGOING_ALLOW = ["127.0.0.0/8"]
    with receiving() as receiver:
        channel = make_webhook(make_organization(), receiver.url())

        answers = at_once(*(partial(send_test, channel, by="ann", mark="m"),) * 4)

        deliver(now=timezone.now())

        assert len(receiver.requests) == Delivery.objects.count() == 1
    assert len({one.pk for answer in answers for one in answer}) == 1


def test_rotating_keys_loses_no_change_made_meanwhile() -> None:
    # The guard: the row is locked before it is read (rotate_keys._rotate).
    acme = make_organization()
    for number in range(ROUNDS):
        channel = make_webhook(acme, "https://example.com", name=f"Hook {number}")

        _, saved = at_once(
            partial(call_command, "rotate_keys", stdout=StringIO()),
            partial(rotate_secret, channel, now=timezone.now()),
        )

        channel.refresh_from_db()
        assert channel.secrets["secret"] == saved.made_secret
