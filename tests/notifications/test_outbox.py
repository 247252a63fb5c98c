import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import transaction
from django_q.models import OrmQ
from pytest_django import Settings
from standardwebhooks import Webhook

from accounts.models import Organization
from accounts.scopes import Role
from lib import http
from notifications import claims, outbox, outcomes, tasks, transports
from notifications.channels import change_channel, rotate_secret
from notifications.jobs import Job, Result
from notifications.models import Attempt, Channel, Delivery, Preference
from notifications.outbox import Delivered
from notifications.outcomes import settle
from tests.factories import NOON, make_organization, make_person
from tests.notifications.factories import (
    SECRET,
    mail_to,
    make_channel,
    make_message,
    make_webhook,
    to,
    write,
)
from tests.notifications.receivers import (
    Answering,
    MailServer,
    Receiver,
    half,
    hang,
    receiving,
    with_status,
)

pytestmark = pytest.mark.django_db


def fresh(delivery: Delivery) -> Delivery:
    return Delivery.objects.get(pk=delivery.pk)


def test_what_is_due_is_sent_and_ends_delivered(
    acme: Organization, receiver: Receiver
) -> None:
    (delivery,) = write(acme, to(make_webhook(acme, receiver.url())))

    assert outbox.deliver(now=NOON) == Delivered(delivered=1)

    delivery = fresh(delivery)
    assert (delivery.state, delivery.tries) == ("delivered", 1)
    assert NOON <= (delivery.finished_at or NOON) < NOON + timedelta(minutes=1)
    (attempt,) = delivery.attempts.all()
    assert (attempt.number, attempt.status, attempt.error) == (1, 200, "")
    assert attempt.duration_ms is not None
    (request,) = receiver.requests
    assert request.headers["webhook-id"] == str(delivery.uid)
    assert request.headers["webhook-attempt"] == str(attempt.uid)


def test_what_was_sent_is_not_sent_again(
    acme: Organization, receiver: Receiver
) -> None:
    write(acme, to(make_webhook(acme, receiver.url())))

    outbox.deliver(now=NOON)

    assert outbox.deliver(now=NOON + timedelta(days=9)) == Delivered()
    assert len(receiver.requests) == 1


def test_what_is_not_due_waits(acme: Organization, receiver: Receiver) -> None:
    write(acme, to(make_webhook(acme, receiver.url())))
    Delivery.objects.update(next_attempt_at=NOON + timedelta(hours=1))

    assert outbox.deliver(now=NOON + timedelta(minutes=59)) == Delivered()
    assert outbox.deliver(now=NOON + timedelta(hours=1)) == Delivered(delivered=1)


def test_it_is_tried_as_standard_webhooks_has_it_and_then_fails_visibly(
    acme: Organization, receiver: Receiver
) -> None:
    (delivery,) = write(acme, to(make_webhook(acme, receiver.url())))
    receiver.answers = [with_status(500, b"oops") for _ in range(10)]
    now, waited = NOON, []

    while fresh(delivery).state == "pending":
        outbox.deliver(now=now)
        due = fresh(delivery).next_attempt_at
        if due:
            waited.append((due - now).total_seconds())
            now = due

    planned = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    for seconds, plan in zip(waited, planned, strict=True):
        assert plan <= seconds <= plan * 1.1 + 60
    delivery = fresh(delivery)
    assert (delivery.state, delivery.tries) == ("failed", 10)
    assert delivery.error == "Answered 500: oops"
    tries = [request.headers["webhook-attempt"] for request in receiver.requests]
    attempts = delivery.attempts.order_by("number")
    assert tries == [str(attempt.uid) for attempt in attempts]
    assert {request.headers["webhook-id"] for request in receiver.requests} == {
        str(delivery.uid)
    }


def test_a_fault_that_passes_is_forgotten(
    acme: Organization, receiver: Receiver
) -> None:
    (delivery,) = write(acme, to(make_webhook(acme, receiver.url())))
    receiver.answers = [with_status(503)]
    assert outbox.deliver(now=NOON) == Delivered(again=1)

    assert outbox.deliver(now=NOON + timedelta(minutes=1)) == Delivered(delivered=1)

    delivery = fresh(delivery)
    assert (delivery.state, delivery.tries, delivery.error) == ("delivered", 2, "")
    assert [one.status for one in delivery.attempts.all()] == [503, 200]


@pytest.mark.parametrize(
    ("answering", "words"),
    [
        pytest.param(hang, "There was no answer in time.", id="hangs"),
        pytest.param(half, "The answer ended in the middle.", id="half an answer"),
        pytest.param(with_status(500), "Answered 500: ok", id="500"),
        pytest.param(
            with_status(302, Location="http://127.0.0.1/"),
            "Answered 302: it redirects, which is not followed",
            id="302",
        ),
    ],
)
def test_a_passing_fault_is_tried_again_and_shown(
    acme: Organization,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    answering: Answering,
    words: str,
) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", 0.3)
    (delivery,) = write(acme, to(make_webhook(acme, receiver.url())))
    receiver.answers = [answering]

    assert outbox.deliver(now=NOON) == Delivered(again=1)

    delivery = fresh(delivery)
    assert (delivery.state, delivery.error) == ("pending", words)
    assert delivery.claimed_until is None
    assert delivery.attempts.get().error == words


@pytest.mark.parametrize("status", [301, 400, 404])
def test_a_lasting_fault_fails_at_once(
    acme: Organization, receiver: Receiver, status: int
) -> None:
    (delivery,) = write(acme, to(make_webhook(acme, receiver.url())))
    receiver.answers = [with_status(status, Location="http://127.0.0.1/")]

    assert outbox.deliver(now=NOON) == Delivered(failed=1)

    delivery = fresh(delivery)
    assert (delivery.state, delivery.tries) == ("failed", 1)
    assert delivery.error.startswith(f"Answered {status}")
    assert delivery.finished_at is not None


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param("600", 600, id="more than planned"),
        pytest.param("1", 5, id="less than planned"),
        pytest.param("999999999", 86_400, id="absurd"),
    ],
)
def test_a_receiver_is_left_alone_for_as_long_as_it_asks(
    acme: Organization, receiver: Receiver, asked: str, expected: int
) -> None:
    (delivery,) = write(acme, to(make_webhook(acme, receiver.url())))
    receiver.answers = [with_status(429, Retry_After=asked)]

    outbox.deliver(now=NOON)

    due = fresh(delivery).next_attempt_at
    assert due is not None
    assert expected <= (due - NOON).total_seconds() < expected * 1.1 + 60


def test_a_receiver_that_is_gone_switches_its_channel_off(
    acme: Organization, receiver: Receiver
) -> None:
    hook = make_webhook(acme, receiver.url())
    (first,) = write(acme, to(hook), key="1")
    receiver.answers = [with_status(410)]

    outbox.deliver(now=NOON)
    (second,) = write(acme, to(hook), key="2")
    outbox.deliver(now=NOON)

    hook.refresh_from_db()
    assert not hook.enabled
    assert hook.disabled_reason == (
        "It answered 410 (gone) on 15 January 2025 at 12:00 UTC."
    )
    assert hook.history.latest().history_change_reason is None
    assert fresh(first).state == fresh(second).state == "failed"
    assert fresh(second).error.startswith("The channel is switched off. It answered")
    assert len(receiver.requests) == 1


def test_finance_admins_are_mailed_once_of_a_channel_that_is_gone(
    acme: Organization, receiver: Receiver, mail_server: MailServer
) -> None:
    other = make_organization("globex")
    make_person("cfo@acme.example", {acme: Role.FINANCE_ADMIN})
    make_person("ann@acme.example", {acme: Role.FINANCE_ADMIN})
    make_person("ben@acme.example", {acme: Role.VIEWER, other: Role.FINANCE_ADMIN})
    hook = make_webhook(acme, receiver.url(), name="Ops <hook>")
    make_channel(acme, "email", config={"recipients": ["all@acme.example"]})
    for number in range(5):
        write(acme, to(hook), key=f"{number}")
    receiver.answers = [with_status(410)] * 5

    outbox.deliver(now=NOON)
    outbox.deliver(now=NOON + timedelta(minutes=1))

    assert sorted(mail["To"] for mail in mail_server.mails) == [
        "ann@acme.example",
        "cfo@acme.example",
    ]
    mail = mail_server.mails[0]
    assert mail["Subject"].strip() == "The channel “Ops <hook>” was switched off"
    body = mail.get_body(("plain",))
    assert body is not None
    words = " ".join(body.get_content().split())
    assert "It answered 410 (gone) on 15 January 2025 at 12:00 UTC." in words
    assert f"/admin/notifications/channel/{hook.pk}/change/" in words


def test_a_channel_that_is_gone_again_is_told_of_again(
    acme: Organization, receiver: Receiver
) -> None:
    make_person("cfo@acme.example", {acme: Role.FINANCE_ADMIN})
    hook = make_webhook(acme, receiver.url())
    receiver.answers = [with_status(410)] * 2

    for number in range(2):
        now = NOON + timedelta(hours=number)
        change_channel(hook, enabled=True, now=now)
        write(acme, to(hook), key=f"{number}", now=now)
        outbox.deliver(now=now)

    told = Delivery.objects.filter(type="email")
    assert (
        list(told.values_list("recipient", "channel"))
        == [("cfo@acme.example", None)] * 2
    )


def test_what_was_for_a_channel_that_is_deleted_fails_visibly(
    acme: Organization,
) -> None:
    hook = make_webhook(acme, "http://example.com/")
    (delivery,) = write(acme, to(hook))
    hook.delete()

    assert outbox.deliver(now=NOON) == Delivered(failed=1)

    assert fresh(delivery).error == "The channel was deleted."


def test_what_cannot_be_read_keeps_nobody_else_waiting(
    acme: Organization, receiver: Receiver, settings: Settings
) -> None:
    keys = settings.ENCRYPTION_KEYS
    old = make_webhook(acme, receiver.url(), name="old")
    write(acme, to(old), mail_to("ann@acme.com"), key="1")
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    write(acme, to(make_webhook(acme, receiver.url(), name="new")), to(old), key="2")

    assert outbox.deliver(now=NOON) == Delivered(delivered=1, again=3)

    errors = set(Delivery.objects.values_list("error", flat=True))
    assert errors == {"", "It can't be read: COSTOPS_ENCRYPTION_KEYS lacks its key."}
    settings.ENCRYPTION_KEYS = [*settings.ENCRYPTION_KEYS, *keys]
    assert outbox.deliver(now=NOON + timedelta(minutes=1)) == Delivered(delivered=3)


def test_a_bug_in_one_transport_keeps_nobody_else_waiting(
    acme: Organization, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(parcel: transports.Parcel) -> transports.Accepted:
        raise ZeroDivisionError

    monkeypatch.setattr(
        outbox, "TRANSPORTS", {**transports.TRANSPORTS, "slack": broken}
    )
    (slack,) = write(acme, to(make_channel(acme, "slack")), key="1")
    write(acme, to(make_webhook(acme, receiver.url())), key="2")

    assert outbox.deliver(now=NOON) == Delivered(delivered=1, again=1)

    assert fresh(slack).error == "Unexpected: ZeroDivisionError."


def test_a_template_that_is_broken_is_told_with_what_was_delivered(
    acme: Organization, receiver: Receiver
) -> None:
    hook = make_webhook(acme, receiver.url(), template={"text": "{{nope.x}}"})
    (delivery,) = write(acme, to(hook))

    assert outbox.deliver(now=NOON) == Delivered(delivered=1)

    delivery = fresh(delivery)
    assert delivery.state == "delivered"
    assert delivery.error == "Template not used: 'nope' is undefined."
    assert delivery.attempts.get().error == delivery.error


def test_no_secret_is_kept_with_what_went_wrong_nor_logged(
    acme: Organization, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = "T0KEN-very-secret"
    channel = make_channel(
        acme, "slack", secrets={"webhook_url": receiver.url(f"/{token}")}
    )
    address = receiver.url(f"/{token}").encode()
    receiver.answers = [with_status(400, b"no such hook: " + address)]
    (delivery,) = write(acme, to(channel), key="1")
    hooked = make_webhook(acme, receiver.url())
    receiver.answers.append(with_status(400, f"bad {SECRET}".encode()))

    outbox.deliver(now=NOON)
    (second,) = write(acme, to(hooked), key="2")
    outbox.deliver(now=NOON)

    assert fresh(delivery).error == "Answered 400: no such hook: •••"
    assert delivery.attempts.get().error == "Answered 400: no such hook: •••"
    assert fresh(second).error == "Answered 400: bad •••"
    assert token not in caplog.text
    assert SECRET not in caplog.text


def test_a_changed_secret_signs_along_for_a_day(
    acme: Organization, receiver: Receiver
) -> None:
    hook = make_webhook(acme, receiver.url())
    now = datetime.now(UTC)
    new = rotate_secret(hook, now=now).made_secret
    write(acme, to(hook), now=now)

    outbox.deliver(now=now)

    (request,) = receiver.requests
    for secret in (SECRET, new):
        Webhook(secret).verify(request.body, dict(request.headers))
    write(acme, to(hook), key="later", now=now)
    outbox.deliver(now=now + timedelta(hours=25))
    assert receiver.requests[1].headers["webhook-signature"].count("v1,") == 1


# -- Claims


def test_what_a_worker_has_claimed_is_left_to_it(acme: Organization) -> None:
    (delivery,) = write(acme, to(make_webhook(acme, "http://example.com/")))

    (job,) = claims.claim(NOON, most=10)

    assert claims.claim(NOON, most=10) == []
    (attempt,) = fresh(delivery).attempts.all()
    assert job.attempts == [attempt]
    assert attempt.duration_ms is None


def test_what_a_killed_worker_had_claimed_is_sent_two_minutes_later(
    acme: Organization, receiver: Receiver
) -> None:
    (delivery,) = write(acme, to(make_webhook(acme, receiver.url())))
    claims.claim(NOON, most=10)

    assert outbox.deliver(now=NOON + timedelta(seconds=119)) == Delivered()
    assert outbox.deliver(now=NOON + timedelta(seconds=120)) == Delivered(delivered=1)

    first, second = delivery.attempts.order_by("number")
    assert (first.duration_ms, second.status) == (None, 200)
    (request,) = receiver.requests
    assert request.headers["webhook-attempt"] == str(second.uid)


def test_who_comes_too_late_with_a_failure_changes_nothing(
    acme: Organization, receiver: Receiver
) -> None:
    (delivery,) = write(acme, to(make_webhook(acme, receiver.url())))
    (slow,) = claims.claim(NOON, most=10)
    (fast,) = claims.claim(NOON + claims.CLAIM, most=10)
    error = transports.TransportError("too slow", permanent=True)
    late = Result(slow, NOON, 1, error=error)

    settle([late])

    assert fresh(delivery).state == "pending"
    settle([Result(fast, NOON, 1, 200)])
    assert fresh(delivery).state == "delivered"
    settle([late])
    assert fresh(delivery).state == "delivered"


def test_who_comes_late_with_a_success_ends_it(
    acme: Organization, receiver: Receiver
) -> None:
    (delivery,) = write(acme, to(make_webhook(acme, receiver.url())))
    (slow,) = claims.claim(NOON, most=10)
    (fast,) = claims.claim(NOON + claims.CLAIM, most=10)

    settle([Result(slow, NOON, 1, 200)])
    error = transports.TransportError("oh")
    settle([Result(fast, NOON, 1, error=error)])

    assert fresh(delivery).state == "delivered"


def test_one_receiver_that_hangs_leaves_room_for_others(
    acme: Organization, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", 2)
    with receiving() as stuck:
        stuck.answers = [hang] * 500
        hanging = to(make_webhook(acme, stuck.url(), name="stuck"))
        for number in range(outbox.THREADS + 10):
            write(acme, hanging, key=f"stuck-{number}", now=NOON - timedelta(hours=1))
        (delivery,) = write(acme, to(make_webhook(acme, receiver.url())))

        outbox.deliver(now=NOON, most_s=1)

        assert fresh(delivery).state == "delivered"
        assert len(stuck.requests) <= outbox.MOST_TO_ONE


def test_an_incident_is_not_ended_before_it_has_begun(
    acme: Organization, receiver: Receiver, settings: Settings
) -> None:
    settings.PAGERDUTY_URL = receiver.url("")
    channel = make_channel(acme, "pagerduty", secrets={"routing_key": "R1"})
    receiver.answers = [with_status(500)]
    write(acme, to(channel), key="fired")
    write(acme, to(channel), key="resolved", message=make_message(event="resolved"))
    outbox.deliver(now=NOON)
    other = make_message(subject="alert-2", event="resolved")
    write(acme, to(channel), key="another", message=other)

    outbox.deliver(now=NOON)
    outbox.deliver(now=NOON + timedelta(minutes=1))

    actions = [(one["event_action"], one["dedup_key"]) for one in receiver.bodies]
    assert actions == [
        ("trigger", "alert-1"),
        ("resolve", "alert-2"),
        ("trigger", "alert-1"),
        ("resolve", "alert-1"),
    ]


# -- Staying


def test_a_worker_stays_for_what_is_due_again_soon(
    acme: Organization, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "WAITS_S", (0.2, *outcomes.WAITS_S[1:]))
    (delivery,) = write(acme, to(make_webhook(acme, receiver.url())))
    receiver.answers = [with_status(500)]

    assert outbox.deliver(now=NOON, stay_s=15) == Delivered(delivered=1, again=1)

    assert fresh(delivery).state == "delivered"


def test_a_worker_does_not_stay_for_what_is_due_much_later(
    acme: Organization, receiver: Receiver
) -> None:
    write(acme, to(make_webhook(acme, receiver.url())))
    Delivery.objects.update(tries=1)
    receiver.answers = [with_status(500)]

    assert outbox.deliver(now=NOON, stay_s=15) == Delivered(again=1)


def test_a_task_says_what_it_did_and_leaves_the_rest_to_the_next(
    acme: Organization, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(acme, to(make_webhook(acme, receiver.url())), now=datetime.now(UTC))
    OrmQ.objects.all().delete()

    monkeypatch.setattr(tasks, "MOST_S", 0)
    assert tasks.deliver() == "Delivered 0, to be tried again 0, failed 0."
    assert OrmQ.objects.get().func() == "notifications.tasks.deliver"

    monkeypatch.setattr(tasks, "MOST_S", 30)
    assert tasks.deliver() == "Delivered 1, to be tried again 0, failed 0."
    assert OrmQ.objects.count() == 1


def test_the_command_sends_what_is_due_once(
    acme: Organization, receiver: Receiver
) -> None:
    write(acme, to(make_webhook(acme, receiver.url())), now=datetime.now(UTC))
    said = StringIO()

    call_command("deliver", stdout=said)
    call_command("deliver", stdout=said)

    assert said.getvalue().splitlines() == [
        "Delivered 1, to be tried again 0, failed 0.",
        "Delivered 0, to be tried again 0, failed 0.",
    ]
    assert len(receiver.requests) == 1


# -- Mail, together and at its time


def prefer(organization: Organization, **wishes: Any) -> Preference:
    return Preference.objects.create(
        organization=organization, recipient="ann@acme.com", **wishes
    )


def test_a_mail_is_in_the_servers_hands(
    acme: Organization, mail_server: MailServer
) -> None:
    (delivery,) = write(acme, mail_to("ann@acme.com"))

    assert outbox.deliver(now=NOON) == Delivered(delivered=1)

    (mail,) = mail_server.mails
    assert mail["Message-ID"] == f"<{delivery.uid}@testserver>"
    assert delivery.attempts.get().status == 250


def test_who_wants_it_gets_one_mail_for_all(
    acme: Organization, mail_server: MailServer
) -> None:
    prefer(acme, digest="hourly")
    at = NOON + timedelta(minutes=10)
    for number in range(3):
        message = make_message(title=f"Title {number}", text=f"Sentence {number}.")
        write(acme, mail_to("ann@acme.com"), message=message, key=f"{number}", now=at)
    critical = make_message(severity="critical", title="At once")
    write(acme, mail_to("ann@acme.com"), message=critical, key="critical", now=at)

    assert outbox.deliver(now=at) == Delivered(delivered=1)
    assert outbox.deliver(now=NOON + timedelta(hours=1)) == Delivered(delivered=3)

    at_once, together = mail_server.mails
    assert at_once["Subject"] == "At once"
    assert together["Subject"] == "3 messages: Title 0"
    body = together.get_body(("plain",))
    assert body is not None
    assert all(f"Sentence {number}." in body.get_content() for number in range(3))
    assert Attempt.objects.filter(status=250).count() == 4


def test_what_goes_together_is_tried_again_together(
    acme: Organization, mail_server: MailServer
) -> None:
    prefer(acme, digest="hourly")
    mail_server.refuse("ann@acme.com", "451 Later")
    for number in range(3):
        write(acme, mail_to("ann@acme.com"), key=f"{number}")

    assert outbox.deliver(now=NOON) == Delivered(again=3)
    assert Delivery.objects.values("next_attempt_at").distinct().count() == 1
    mail_server.keeping.answers.clear()
    assert outbox.deliver(now=NOON + timedelta(minutes=1)) == Delivered(delivered=3)

    assert len(mail_server.mails) == 1


def test_quiet_hours_hold_for_what_is_tried_again_too(
    acme: Organization, mail_server: MailServer
) -> None:
    prefer(acme, quiet_from="12:00:03", quiet_until="14:00")
    mail_server.refuse("ann@acme.com", "451 Later")
    (delivery,) = write(acme, mail_to("ann@acme.com"))

    outbox.deliver(now=NOON)

    assert fresh(delivery).next_attempt_at == NOON + timedelta(hours=2)


def test_nothing_is_sent_while_a_transaction_is_open(
    acme: Organization, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_ones: list[bool] = []
    send: Callable[[Job], transports.Accepted] = outbox._send

    def watching(job: Job) -> transports.Accepted:
        open_ones.append(transaction.get_connection().in_atomic_block)
        return send(job)

    monkeypatch.setattr(outbox, "_send", watching)
    write(acme, to(make_webhook(acme, receiver.url())))

    outbox.deliver(now=NOON)

    assert open_ones == [False]
    assert Channel.objects.get().enabled
