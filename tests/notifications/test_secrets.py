"""What is secret is in no dump, log, history, answer or page."""

import base64
import logging
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Organization
from costops.checks import encryption_keys_are_keys, encryption_keys_are_shared
from notifications.models import Channel
from tests.factories import Api, browser_for
from tests.notifications.receivers import Receiver, with_status

OWN = f"whsec_{base64.b64encode(b'our own secret of thirty bytes').decode()}"


def dump() -> str:
    """Return all that is in the database, as text."""
    with connection.cursor() as cursor:
        rows: list[Any] = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += cursor.fetchall()
    return "\n".join(map(str, rows))


def add(api: Api, kind: str, name: str, **config: Any) -> dict[str, Any]:
    body = {"type": kind, "name": name, "config": config}
    answer = api.post("notification-channels", body, Idempotency_Key=name)
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.body
    return made


def pages(browser: Client, channel: Channel) -> str:
    """Return every page of the admin that says something of *channel*."""
    places = [
        reverse("admin:notifications_channel_changelist"),
        reverse("admin:notifications_channel_change", args=[channel.pk]),
        reverse("admin:notifications_channel_history", args=[channel.pk]),
        reverse("admin:notifications_delivery_changelist"),
    ]
    places += [
        reverse(
            "admin:notifications_channel_simple_history", args=[channel.pk, past.pk]
        )
        for past in channel.history.all()
    ]
    places += [
        reverse("admin:notifications_delivery_change", args=[one.pk])
        for one in channel.deliveries.all()
    ]
    answers = [browser.get(place) for place in places]
    assert [answer.status_code for answer in answers] == [200] * len(places)
    return "".join(answer.content.decode() for answer in answers)


@pytest.mark.usefixtures("worker")
def test_no_secret_is_to_be_found_anywhere(
    acme: Organization,
    api: Api,
    receiver: Receiver,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    settings.PAGERDUTY_URL = receiver.url("")
    made = [
        add(api, "slack", "S", webhookUrl=receiver.url("/slack-token-1")),
        add(api, "pagerduty", "P", routing_key="pagerduty-key-1"),
        add(api, "apprise", "A", url=f"json://ann:apprise-1@127.0.0.1:{receiver.port}"),
        add(api, "webhook", "W", url=receiver.url(), secret=OWN),
        add(api, "webhook", "M", url=receiver.url()),
    ]
    secrets = [
        *("slack-token-1", "pagerduty-key-1", "apprise-1"),
        *(OWN, made[-1]["config"]["secret"]),
    ]
    rotated = f"notification-channels/{made[-1]['id']}/rotate-secret"
    secrets.append(api.post(rotated, None).body["config"]["secret"])
    # The other side may well repeat what it was sent.
    receiver.answers += [with_status(500, s.encode()) for s in secrets[:3]]

    answers = [
        api.post(f"notification-channels/{one['id']}/test", None) for one in made
    ]
    told = [
        *(str(answer.body) for answer in answers),
        *(str(api.get(f"notification-channels/{one['id']}").body) for one in made),
        str(api.get("notifications").body),
        api.get("notification-channels?format=csv").body,
    ]
    browser = browser_for(acme)
    told += [pages(browser, channel) for channel in Channel.objects.all()]

    assert [answer.body["state"] for answer in answers] == ["failed"] * 3 + [
        "delivered"
    ] * 2
    everything = "\n".join([*told, dump(), caplog.text])
    assert "Answered 500" in everything
    assert [secret for secret in secrets if secret in everything] == []


def test_a_form_that_is_turned_down_does_not_repeat_a_secret(
    acme: Organization,
) -> None:
    place = reverse("admin:notifications_channel_add") + "?type=slack"
    form = {"organization": acme.pk, "name": "", "webhook_url": "https://x.io/token-1"}

    page = browser_for(acme).post(place, form).content.decode()

    assert "This field is required." in page
    assert "token-1" not in page


def keys(count: int) -> list[str]:
    return [Fernet.generate_key().decode() for _ in range(count)]


def ciphertext() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM notifications_channel")
        return str(cursor.fetchone()[0])


def test_keys_are_rotated(
    api: Api, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = keys(2)
    settings.ENCRYPTION_KEYS = [old]
    add(api, "pagerduty", "P", routing_key="pagerduty-key-1")

    settings.ENCRYPTION_KEYS = [new, old]
    call_command("rotate_keys")

    settings.ENCRYPTION_KEYS = [new]
    assert Channel.objects.get().secrets == {"routing_key": "pagerduty-key-1"}
    assert "Secrets of 1 rows" in capsys.readouterr().out
    with pytest.raises(InvalidToken):
        Fernet(old).decrypt(ciphertext().encode())


def test_a_dry_run_only_reads(api: Api, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = keys(1)
    add(api, "pagerduty", "P", routing_key="pagerduty-key-1")
    before = ciphertext()

    call_command("rotate_keys", "--dry-run")
    settings.ENCRYPTION_KEYS = keys(1)

    assert ciphertext() == before
    with pytest.raises(CommandError, match="lacks its key"):
        call_command("rotate_keys", "--dry-run")


def test_secrets_whose_key_is_lost_say_so(api: Api, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = keys(1)
    add(api, "pagerduty", "P", routing_key="pagerduty-key-1")
    settings.ENCRYPTION_KEYS = keys(1)

    with pytest.raises(ImproperlyConfigured, match="COSTOPS_ENCRYPTION_KEYS"):
        Channel.objects.get()


def test_a_key_that_is_none_is_told(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [*keys(1), "not a key"]

    (error,) = encryption_keys_are_keys()

    assert (error.id, "Number 2" in error.msg) == ("costops.E003", True)
    assert "not a key" not in error.msg.replace("is not a key", "")


def test_keys_kept_on_one_machine_are_told_when_deploying(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COSTOPS_ENCRYPTION_KEYS", raising=False)
    told = encryption_keys_are_shared()
    monkeypatch.setenv("COSTOPS_ENCRYPTION_KEYS", keys(1)[0])

    assert [one.id for one in told] == ["costops.W002"]
    assert encryption_keys_are_shared() == encryption_keys_are_keys() == []
