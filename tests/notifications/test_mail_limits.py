from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organization
from notifications import mail_limits, services, trials
from notifications.models import Channel, Delivery
from notifications.outbox import deliver
from tests.factories import NOON, Api, make_organization
from tests.notifications.factories import (
    mail_to,
    make_channel,
    make_webhook,
    to,
    write,
)
from tests.notifications.receivers import MailServer

pytestmark = pytest.mark.django_db


def mailing(organization: Organization, count: int, name: str = "Ops") -> Channel:
    people = [f"{name}-{number}@x.io".lower() for number in range(count)]
    return make_channel(organization, "email", name, config={"recipients": people})


def test_tests_mail_a_hundred_an_hour_whichever_channel_they_test(
    acme: Organization, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "PATIENCE_S", 0)
    first, second = mailing(acme, 60, "One"), mailing(acme, 50, "Two")
    other = mailing(make_organization("other"), 50)

    trials.send_test(first, by="ann")
    refused = api.post(f"notification-channels/{second.uid}/test", None)
    trials.send_test(other, by="ann")
    trials.send_test(mailing(acme, 40, "Three"), by="ann")

    assert (refused.status, refused.body["code"]) == (409, "mail_limit")
    free_at = Delivery.objects.earliest("created_at").created_at + timedelta(hours=1)
    assert f"{free_at:%H:%M} UTC" in refused.body["detail"]
    assert Delivery.objects.filter(organization=acme).count() == 100


def test_an_hour_later_there_is_room_again(acme: Organization) -> None:
    channel = mailing(acme, 100)
    trials.send_test(channel, by="ann")
    with pytest.raises(mail_limits.MailLimitReached):
        trials.send_test(channel, by="ann")
    Delivery.objects.update(created_at=timezone.now() - timedelta(minutes=61))

    trials.send_test(channel, by="ann")

    assert Delivery.objects.count() == 200


def test_a_repeated_test_is_not_counted_twice(acme: Organization) -> None:
    channel = mailing(acme, 100)

    sent = [trials.send_test(channel, by="ann", mark="m") for _ in range(2)]

    assert sent[0] == sent[1]


def test_what_a_channel_mails_beyond_its_limit_waits_and_says_so(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_limits, "MOST_BY_CHANNELS", 2)
    channel = mailing(acme, 1)
    hook = make_webhook(acme, "https://example.com")

    waits: list[Any] = []
    for number in range(5):
        (row,) = write(acme, to(channel, "a@x.io"), key=str(number), now=NOON)
        waits.append(((row.next_attempt_at or NOON) - NOON, row.error))
    (person,) = write(acme, mail_to("ann@acme.example"), key="p", now=NOON)
    (hooked,) = write(acme, to(hook), key="h", now=NOON)

    hours = [wait / mail_limits.HOUR for wait, _ in waits]
    assert hours == [0, 0, 1, 1, 2]
    assert "Put off: channels sent 2 mails" in waits[2][1]
    assert person.next_attempt_at == hooked.next_attempt_at == NOON


def test_one_mail_is_not_sent_again_and_again(
    acme: Organization, mail_server: MailServer
) -> None:
    (delivery,) = write(acme, mail_to("a@x.io"))
    for _ in range(mail_limits.MOST_AGAIN):
        services.redeliver(delivery, now=NOON)
        deliver(now=NOON)

    with pytest.raises(mail_limits.MailLimitReached, match="13:00 UTC"):
        services.redeliver(delivery, now=NOON)
    services.redeliver(delivery, now=NOON + timedelta(minutes=61))

    assert len(mail_server.mails) == mail_limits.MOST_AGAIN
