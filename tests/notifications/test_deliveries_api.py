from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from notifications.models import Delivery
from notifications.outbox import deliver
from tests.factories import NOON, Api, make_api, make_organization
from tests.notifications.factories import (
    mail_to,
    make_message,
    make_webhook,
    to,
    write,
)
from tests.notifications.receivers import MailServer, Receiver, with_status

pytestmark = pytest.mark.usefixtures("worker")


def results(api: Api, query: str = "") -> list[dict[str, Any]]:
    answer = api.get(f"notifications{query}")
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.body["results"]
    return found


def test_every_delivery_is_listed_with_its_attempts(
    acme: Organization, api: Api, receiver: Receiver
) -> None:
    receiver.answers += [with_status(503, b"later")]
    channel = make_webhook(acme, receiver.url())
    (delivery,) = write(acme, to(channel))
    deliver(now=NOON)

    (row,) = results(api)

    (attempt,) = row.pop("attempts")
    assert row == {
        "id": str(delivery.uid),
        "organization_id": "acme",
        "channel": str(channel.uid),
        "channel_name": "Our webhook",
        "type": "webhook",
        "recipient": "",
        "alert": "alert-1",
        "event": "fired",
        "title": make_message().title,
        "state": "pending",
        "error": "Answered 503: later",
        "next_attempt_at": row["next_attempt_at"],
        "created_at": "2025-01-15T12:00:00Z",
        "finished_at": None,
    }
    assert row["next_attempt_at"] > "2025-01-15T12:00:05"
    assert attempt.keys() == {"id", "at", "status", "error", "duration_ms"}
    assert (attempt["status"], attempt["error"]) == (503, "Answered 503: later")
    assert api.get(f"notifications/{delivery.uid}").body["attempts"] == [attempt]


def test_links_that_let_their_reader_act_are_not_shown(
    acme: Organization, api: Api
) -> None:
    write(acme, mail_to("a@x.io"))

    assert "token-1" not in str(results(api))
    assert "token-1" not in api.get("notifications?format=csv").body


def test_filters(acme: Organization, api: Api) -> None:
    channel = make_webhook(acme, "https://example.com")
    write(acme, mail_to("a@x.io"), mail_to("b@x.io"), key="one")
    other = make_message(subject="alert-2")
    write(acme, to(channel), message=other, key="two", now=NOON + timedelta(days=1))
    failed = Delivery.objects.filter(recipient="b@x.io")
    failed.update(state="failed", next_attempt_at=None)

    def found(query: str) -> list[str]:
        return [row["recipient"] or row["type"] for row in results(api, query)]

    assert found("") == ["webhook", "b@x.io", "a@x.io"]
    assert found("?state=failed") == ["b@x.io"]
    assert found("?state=failed,pending&type=email") == ["b@x.io", "a@x.io"]
    assert found(f"?channel={channel.uid}") == ["webhook"]
    assert found("?alert=alert-1") == ["b@x.io", "a@x.io"]
    assert found("?recipient=A@x.io") == ["a@x.io"]
    assert found("?start_date=2025-01-16") == ["webhook"]
    assert found("?end_date=2025-01-15") == ["b@x.io", "a@x.io"]


@pytest.mark.parametrize(
    "query", ["state=lost", "channel=x", "type=pigeon", "colour=red", "start_date=x"]
)
def test_an_unknown_filter_is_a_400(query: str, api: Api) -> None:
    assert api.get(f"notifications?{query}").status == 400


def test_pages_and_tables(acme: Organization, api: Api) -> None:
    write(acme, *(mail_to(f"p{number}@x.io") for number in range(3)))

    page = api.get("notifications?limit=2").body
    rest = api.get(page["next"].partition("/api/v1/")[2]).body
    table = api.get("notifications?format=csv").body.splitlines()

    assert len(page["results"]) == 2
    assert len(rest["results"]) == 1
    assert len(table) == 4
    assert table[0].startswith("id,organization_id,channel,")


def test_a_list_takes_the_same_queries_however_long(
    acme: Organization, api: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    write(acme, *(mail_to(f"p{number}@x.io") for number in range(20)))
    api.get("notifications")  # the key is known from here on

    with django_assert_num_queries(2):
        results(api)


def test_redelivering_is_a_new_attempt_at_once(
    acme: Organization, api: Api, mail_server: MailServer
) -> None:
    (delivery,) = write(acme, mail_to("a@x.io"))
    deliver(now=NOON)

    answer = api.post(f"notifications/{delivery.uid}/redeliver", None)

    assert answer.status == 200
    assert answer.body["state"] == "delivered"
    assert len(answer.body["attempts"]) == 2
    assert len(mail_server.mails) == 2


def test_a_repeated_redelivery_is_one(
    acme: Organization, api: Api, mail_server: MailServer
) -> None:
    (delivery,) = write(acme, mail_to("a@x.io"))
    place = f"notifications/{delivery.uid}/redeliver"

    answers = [api.post(place, None, Idempotency_Key="once") for _ in range(2)]

    assert answers[0].body == answers[1].body
    assert len(mail_server.mails) == 1


def test_what_is_being_sent_is_not_sent_again(acme: Organization, api: Api) -> None:
    (delivery,) = write(acme, mail_to("a@x.io"))
    Delivery.objects.update(claimed_until="2100-01-01T00:00:00Z")

    answer = api.post(f"notifications/{delivery.uid}/redeliver", None)

    assert (answer.status, answer.body["code"]) == (409, "delivery_being_sent")


def test_nobody_reaches_another_organizations_deliveries(
    acme: Organization, api: Api, mail_server: MailServer
) -> None:
    (delivery,) = write(acme, mail_to("a@x.io"))
    channel = make_webhook(acme, "https://example.com")
    other = make_api(organization=make_organization("other"))

    assert other.get(f"notifications/{delivery.uid}").status == 404
    assert other.post(f"notifications/{delivery.uid}/redeliver", None).status == 404
    assert results(other) == []
    assert results(other, f"?channel={channel.uid}") == []
    assert results(other, "?alert=alert-1") == []
    assert other.get("notifications?organization_id=acme").status == 403
    assert mail_server.mails == []


def test_reading_and_sending_need_their_scopes(acme: Organization) -> None:
    (delivery,) = write(acme, mail_to("a@x.io"))
    reader = make_api("budgets:read", organization=acme)

    assert len(results(reader)) == 1
    assert reader.post(f"notifications/{delivery.uid}/redeliver", None).status == 403
    assert make_api("costs:read", organization=acme).get("notifications").status == 403
