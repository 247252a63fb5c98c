"""Several workers at one outbox, and workers that are killed."""

import json
from collections import Counter
from typing import Any

import pytest
from django.db import connection

from accounts.models import Organization
from notifications import outbox
from notifications.models import Attempt, Delivery, Preference
from tests.concurrency.interleaving import at_once_behind, locked
from tests.concurrency.killing import ALERTS, manage
from tests.concurrency.processes import run
from tests.factories import NOON, at_once
from tests.notifications.factories import mail_to, make_webhook, to, write
from tests.notifications.receivers import MailServer, Receiver, receiving
from tests.sizes import size

WORKERS = 8
KILLS = size(8, 200)  # in a round
SENT = size(100, 2_000)
LEVELS = size(4, 8)

races = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer"
)


@races
@pytest.mark.django_db(transaction=True)
def test_eight_workers_make_one_delivery_of_each(
    acme: Organization, receiver: Receiver
) -> None:
    hook = to(make_webhook(acme, receiver.url()))
    for number in range(60):
        write(acme, hook, key=f"{number}")

    done = at_once(*[lambda: outbox.deliver(now=NOON)] * WORKERS)

    assert sum(one.delivered for one in done) == 60
    sent = Counter(request.headers["webhook-id"] for request in receiver.requests)
    assert set(sent.values()) == {1}
    assert len(sent) == Attempt.objects.count() == 60
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


@races
@pytest.mark.django_db(transaction=True)
def test_eight_workers_send_one_mail_of_what_goes_together(
    acme: Organization, mail_server: MailServer
) -> None:
    people = [f"p{number}@acme.com" for number in range(5)]
    for person in people:
        Preference.objects.create(
            organization=acme, recipient=person, digest=Preference.Digest.HOURLY
        )
    for number in range(10):
        write(acme, *map(mail_to, people), key=f"{number}")
    one_of_each = Delivery.objects.filter(key__startswith="5:")

    # Were that one skipped, it would be sent in a mail of its own.
    done = at_once_behind(
        locked(one_of_each), *[lambda: outbox.deliver(now=NOON)] * WORKERS
    )

    assert sum(one.delivered for one in done) == 50
    assert sorted(mail["To"] for mail in mail_server.mails) == people
    assert {mail["Subject"][:11] for mail in mail_server.mails} == {"10 messages"}


@races
@pytest.mark.django_db(transaction=True)
def test_written_twice_at_once_it_is_sent_once(
    acme: Organization, receiver: Receiver
) -> None:
    hook = to(make_webhook(acme, receiver.url()))

    written = at_once(*[lambda: write(acme, hook)] * WORKERS)

    assert [len(each) for each in written] == [1] * WORKERS
    assert Delivery.objects.count() == 1


@pytest.fixture
def surroundings(
    environment: dict[str, str], mail_server: MailServer
) -> dict[str, str]:
    return environment | {
        "DJANGO_SETTINGS_MODULE": "costops.settings",
        "COSTOPS_OUTGOING_ALLOW": "127.0.0.0/8",
        "COSTOPS_MAIL_DOMAINS": "*",
        "COSTOPS_DEBUG": "0",
        "EMAIL_URL": f"smtp://127.0.0.1:{mail_server.port}",
    }


def test_workers_killed_at_random_lose_nothing_and_do_nothing_twice(
    surroundings: dict[str, str], mail_server: MailServer
) -> None:
    with receiving() as receiver:
        receiver.slow_s = 0.02  # or no kill would find a message on its way
        run(surroundings, "fill", receiver.port, SENT, LEVELS)
        made_meanwhile = int(run(surroundings, "kill", KILLS))
        record: dict[str, Any] = json.loads(run(surroundings, "drain"))

    tries = Counter(request.headers["webhook-attempt"] for request in receiver.requests)
    tries += Counter(str(mail["X-Attempt-Id"]) for mail in mail_server.mails)
    arrived = {request.headers["webhook-id"] for request in receiver.requests}
    arrived |= {mail["Message-ID"][1:].split("@")[0] for mail in mail_server.mails}
    assert set(tries.values()) == {1}
    assert arrived == {uid for uid, _, _ in record["deliveries"]}
    assert {state for _, _, state in record["deliveries"]} == {"delivered"}
    assert tries.keys() <= record["attempts"].keys()
    assert {uid for uid, status in record["attempts"].items() if status} <= tries.keys()
    # Otherwise none was killed in the middle, and nothing was shown.
    assert None in record["attempts"].values()

    # Each step of each ladder was made once, and told each of its addresses once.
    steps = [(alert, step) for alert in record["alerts"] for step in range(LEVELS + 1)]
    assert len(steps) == ALERTS * (LEVELS + 1)
    assert Counter(map(tuple, record["steps"])) == Counter(
        (*step, "told") for step in steps
    )
    told = [key for _, key, _ in record["deliveries"] if key.startswith("alert:")]
    assert len(record["deliveries"]) - len(told) == SENT
    assert Counter(tuple(key.split(":")[1:4]) for key in told) == Counter(
        (alert, str(step), kind)
        for alert, step in steps
        for kind in ("email", "webhook")
        if step
    )
    assert 0 < made_meanwhile <= len(steps)
    assert "every promise holds" in manage(surroundings, "verify")
