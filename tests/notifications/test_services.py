import pytest
from django.db import transaction
from django_q.models import OrmQ
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from lib.errors import Invalid
from notifications import claims, outbox, services
from notifications.models import Delivery, Preference
from notifications.types import Message, Target, unpacked
from tests.factories import NOON, make_organization
from tests.notifications.factories import (
    mail_to,
    make_channel,
    make_message,
    make_webhook,
    to,
    write,
)
from tests.notifications.receivers import Receiver

pytestmark = pytest.mark.django_db


def test_email_leads_to_the_recipients_once_each(acme: Organization) -> None:
    people = ["Ann@acme.com", "bob@acme.com ", "ann@acme.com", ""]

    found = services.resolve(acme.pk, ["email", "email"], people)

    assert found.targets == (mail_to("ann@acme.com"), mail_to("bob@acme.com"))
    assert found.missing == ()


def test_email_without_recipients_leads_to_no_channel_that_somebody_made(
    acme: Organization,
) -> None:
    make_channel(acme, "email", config={"recipients": ["ops@acme.com"]})

    found = services.resolve(acme.pk, ["email"], [])

    assert (found.targets, found.missing) == ((), ("email",))


def test_a_type_leads_to_all_channels_that_are_enabled(acme: Organization) -> None:
    slacks = [make_channel(acme, "slack", name) for name in ("one", "two")]
    make_channel(acme, "slack", "off", enabled=False)
    make_channel(make_organization("other"), "slack")
    sms = make_channel(acme, "sms", config={"recipients": ["+15551234567"]})

    found = services.resolve(acme.pk, ["slack", "sms", "pagerduty"], [])

    assert set(found.targets) == {*map(to, slacks), to(sms, "+15551234567")}
    assert found.missing == ("pagerduty",)


def test_a_name_leads_to_its_channel(acme: Organization) -> None:
    hook = make_channel(acme, "webhook", "Hook")
    mail = make_channel(acme, "email", "Ops", config={"recipients": ["ops@acme.com"]})

    found = services.resolve(acme.pk, ["Hook", "Ops", "Nobody"], ["ann@acme.com"])

    assert found.targets == (
        to(hook),
        to(mail, "ops@acme.com"),
        mail_to("ann@acme.com"),
    )
    assert found.missing == ()


def test_no_address_comes_twice(acme: Organization) -> None:
    hook = make_channel(acme, "webhook", "Hook")
    make_channel(acme, "email", "Ops", config={"recipients": ["ann@acme.com"]})

    found = services.resolve(
        acme.pk, ["webhook", "Hook", "email", "Ops"], ["ann@acme.com"]
    )

    assert found.targets == (to(hook), mail_to("ann@acme.com"))


def test_a_type_that_is_switched_off_is_missing(acme: Organization) -> None:
    make_channel(acme, "slack", enabled=False)

    assert services.resolve(acme.pk, ["slack"], []).missing == ("slack",)
    assert services.resolve(acme.pk, ["email"], []).missing == ("email",)


def test_unknown_names_are_told_apart(acme: Organization) -> None:
    make_channel(acme, "slack", "Ours", enabled=False)
    make_channel(make_organization("other"), "slack", "Theirs")

    names = ["slack", "phone", "Ours", "Theirs", "fax"]
    assert services.unknown_names(acme.pk, names) == ["Theirs", "fax"]
    with pytest.raises(Invalid, match="Theirs"):
        services.validate_names(acme.pk, names)
    services.validate_names(acme.pk, ["slack", "Ours"])


def test_one_key_reaches_one_address_once(acme: Organization) -> None:
    asked: list[Target] = []

    def message_for(target: Target) -> Message:
        asked.append(target)
        return make_message()

    ann, bob = mail_to("ann@acme.com"), mail_to("bob@acme.com")
    first = services.notify(acme.pk, [ann, ann], message_for, key="k", now=NOON)
    second = services.notify(acme.pk, [ann, bob], message_for, key="k", now=NOON)
    services.notify(acme.pk, [ann], message_for, key="other", now=NOON)

    assert [one.recipient for one in first] == ["ann@acme.com"]
    assert {one.recipient for one in second} == {"ann@acme.com", "bob@acme.com"}
    assert asked == [ann, bob, ann]
    assert Delivery.objects.count() == 3


def test_the_same_address_counts_as_one_whatever_channel_names_it(
    acme: Organization,
) -> None:
    channel = make_channel(acme, "email", config={"recipients": ["ann@acme.com"]})

    write(acme, mail_to("ann@acme.com"))
    write(acme, to(channel, "ann@acme.com"))

    assert Delivery.objects.count() == 1


def test_a_long_key_is_still_one_of_its_own(acme: Organization) -> None:
    address = f"{'a' * 300}@acme.com"

    write(acme, mail_to(address), mail_to(f"b{address}"))
    write(acme, mail_to(address))

    assert Delivery.objects.count() == 2


def test_a_transaction_has_one_task_however_much_it_writes(acme: Organization) -> None:
    with transaction.atomic():
        write(acme, mail_to("a@acme.com"), key="1")
        write(acme, mail_to("b@acme.com"), key="2")

    assert [task.func() for task in OrmQ.objects.all()] == [services.DELIVER]


def test_a_task_that_was_rolled_back_is_written_anew(acme: Organization) -> None:
    with transaction.atomic():
        with transaction.atomic():
            write(acme, mail_to("a@acme.com"), key="1")
            transaction.set_rollback(True)
        write(acme, mail_to("b@acme.com"), key="2")

    assert OrmQ.objects.count() == 1
    assert Delivery.objects.get().recipient == "b@acme.com"


def test_what_is_rolled_back_tells_nobody(acme: Organization) -> None:
    with transaction.atomic():
        write(acme, mail_to("a@acme.com"))
        transaction.set_rollback(True)

    assert not OrmQ.objects.exists()
    assert not Delivery.objects.exists()


def test_writing_takes_as_many_queries_for_many_as_for_one(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    targets = [mail_to(f"p{number}@acme.com") for number in range(50)]

    # A savepoint and its release, what is there, wishes, rows, the task, the answer.
    with django_assert_num_queries(7):
        write(acme, *targets)


def test_a_message_comes_back_as_it_was_written(acme: Organization) -> None:
    (delivery,) = write(acme, mail_to("a@acme.com"))

    delivery.refresh_from_db()

    assert unpacked(delivery.message) == make_message()


def test_wishes_of_a_person_put_mail_off_and_only_mail(acme: Organization) -> None:
    Preference.objects.create(
        organization=acme, recipient="ann@acme.com", digest="hourly"
    )
    other = make_organization("other")
    hook = make_webhook(acme, "http://example.com/")
    at = NOON.replace(minute=10)

    mail, hooked = write(acme, mail_to("ann@acme.com"), to(hook), now=at)
    (elsewhere,) = write(other, mail_to("ann@acme.com"), now=at)

    assert (mail.next_attempt_at, mail.together) == (NOON.replace(hour=13), True)
    assert (hooked.next_attempt_at, hooked.together) == (at, False)
    assert (elsewhere.next_attempt_at, elsewhere.together) == (at, False)


@pytest.mark.parametrize("state", ["delivered", "failed"])
def test_what_is_done_can_be_sent_once_more(
    acme: Organization, receiver: Receiver, state: str
) -> None:
    url = receiver.url() if state == "delivered" else "http://10.0.0.1/"
    hook = make_webhook(acme, url)
    (delivery,) = write(acme, to(hook))
    outbox.deliver(now=NOON)
    hook.config = {"url": receiver.url()}
    hook.save()

    services.redeliver(delivery, now=NOON)
    outbox.deliver(now=NOON)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries, delivery.error) == ("delivered", 2, "")
    ids = {request.headers["webhook-id"] for request in receiver.requests}
    tries = [request.headers["webhook-attempt"] for request in receiver.requests]
    assert ids == {str(delivery.uid)}
    assert len(set(tries)) == len(tries)


def test_what_is_being_sent_is_not_sent_once_more(acme: Organization) -> None:
    (delivery,) = write(acme, to(make_webhook(acme, "http://example.com/")))
    claims.claim(NOON, most=10)

    with pytest.raises(services.BeingSent):
        services.redeliver(delivery, now=NOON)
    services.redeliver(delivery, now=NOON + claims.CLAIM)
