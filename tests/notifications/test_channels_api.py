import base64
import time
from threading import BoundedSemaphore
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks import Webhook

from accounts.models import IdempotentAnswer, Organization
from notifications import trials
from notifications.configs import OVERLAP, signing_secrets
from notifications.models import Channel, Delivery
from notifications.outbox import deliver
from tests.factories import Api, make_api, make_organization
from tests.notifications.receivers import MailServer, Receiver, with_status

pytestmark = pytest.mark.usefixtures("worker")
CHANNELS = "notification-channels"
TWO, NUMBER = ["a@x.io", "b@x.io"], ["+15551234567"]
TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/12315544"
ONLY_URL = {"url": "https://x.io"}
SLACK_URL = "https://hooks.slack.com/services/T000/B000/very-secret-token"
OWN = f"whsec_{base64.b64encode(b'our own secret of thirty bytes').decode()}"
# The configuration that the product is sold with, as it is written there.
SLACK_CHANNEL: dict[str, Any] = {
    "type": "slack",
    "name": "Engineering Alerts",
    "config": {
        "webhookUrl": SLACK_URL,
        "channel": "#ai-costs",
        "mentions": ["@engineering-leads"],
        "template": {
            "text": "{{alert.message}}",
            "attachments": [
                {
                    "color": "{{alert.severity_color}}",
                    "fields": [
                        {
                            "title": "Current Spend",
                            "value": "{{budget.current}}",
                            "short": True,
                        },
                        {
                            "title": "Budget Limit",
                            "value": "{{budget.limit}}",
                            "short": True,
                        },
                    ],
                }
            ],
        },
    },
}
WEBHOOK = {
    "type": "webhook",
    "name": "Hook",
    "config": {"url": "https://example.com/h"},
}
MAIL = {"type": "email", "name": "Ops", "config": {"recipients": ["Ops@Acme.example"]}}


def test_a_slack_channel_is_taken_as_it_is_written(
    acme: Organization, api: Api
) -> None:
    made = api.post(CHANNELS, SLACK_CHANNEL)

    channel = Channel.objects.get()
    assert made.status == 201, made.body
    assert made.body == {
        "id": str(channel.uid),
        "organization_id": "acme",
        "type": "slack",
        "name": "Engineering Alerts",
        "config": {"channel": "#ai-costs", "mentions": ["@engineering-leads"]},
        "secrets": ["webhook_url"],
        "template": SLACK_CHANNEL["config"]["template"],
        "enabled": True,
        "disabled_reason": "",
        "created_at": made.body["created_at"],
    }
    assert channel.secrets == {"webhook_url": SLACK_URL}


@pytest.mark.parametrize(
    ("kind", "config", "kept", "secrets"),
    [
        ("email", {"recipients": ["A@x.io", "a@x.io"]}, {"recipients": ["a@x.io"]}, []),
        ("email", {"recipients": "a@x.io,b@x.io"}, {"recipients": TWO}, []),
        ("slack", {"webhook_url": SLACK_URL}, {}, ["webhook_url"]),
        ("pagerduty", {"routingKey": "R0" * 16}, {}, ["routing_key"]),
        ("sms", {"recipients": ["+1 (555) 123-4567"]}, {"recipients": NUMBER}, []),
        ("phone", {"recipients": NUMBER}, {"recipients": NUMBER}, []),
        ("apprise", {"url": TELEGRAM}, {}, ["url"]),
        ("webhook", {"url": "https://x.io", "secret": OWN}, ONLY_URL, ["secret"]),
    ],
)
def test_each_type_keeps_what_it_needs(
    kind: str, config: Any, kept: Any, secrets: list[str], api: Api
) -> None:
    made = api.post(CHANNELS, {"type": kind, "name": "It", "config": config})

    assert made.status == 201, made.body
    assert (made.body["config"], made.body["secrets"]) == (kept, secrets)


@pytest.mark.parametrize(
    ("kind", "config", "attr"),
    [
        ("email", {}, "config.recipients"),
        ("email", {"recipients": ["nobody"]}, "config.recipients"),
        ("email", {"recipients": 5}, "config.recipients"),
        ("email", {"recipients": [["a@x.io"]]}, "config.recipients"),
        ("slack", {"channel": "#x"}, "config.webhook_url"),
        ("slack", {"webhookUrl": "ftp://x.io"}, "config.webhook_url"),
        ("slack", {"webhookUrl": "http://10.0.0.1/x"}, "config.webhook_url"),
        ("slack", {"webhookUrl": "http://[::1]/x"}, "config.webhook_url"),
        ("slack", {"webhookUrl": ["https://x.io"]}, "config.webhook_url"),
        ("webhook", {"url": "http://localhost/h"}, "config.url"),
        ("webhook", {"url": "http://169.254.169.254/h"}, "config.url"),
        ("webhook", {"url": "https://ann:secret@x.io/h"}, "config.url"),
        ("webhook", {"url": "https://x.io/h", "secret": "weak"}, "config.secret"),
        ("webhook", {"url": "https://x.io/h", "secret": "whsec_eA=="}, "config.secret"),
        ("webhook", {"url": "https://x.io/h", "secret": "²"}, "config.secret"),
        ("webhook", {"url": "https://x.io/h", "secret": "whsec_²"}, "config.secret"),
        ("webhook", {"url": "https://x.io/h", "colour": "red"}, "config.colour"),
        ("pagerduty", {"routing_key": "two words"}, "config.routing_key"),
        ("sms", {"recipients": ["5551234567"]}, "config.recipients"),
        ("apprise", {"url": "nope://x"}, "config.url"),
        ("apprise", {"url": "syslog://"}, "config.url"),
        ("email", {"recipients": ["a@x.io"], "template": {"text": "{{ a"}}, "template"),
        ("email", {"recipients": ["a@x.io"], "template": 5}, "template"),
    ],
)
def test_what_is_wrong_is_named(kind: str, config: Any, attr: str, api: Api) -> None:
    answer = api.post(CHANNELS, {"type": kind, "name": "It", "config": config})

    assert answer.status == 400, answer.body
    assert [error["attr"] for error in answer.body["errors"]] == [attr]
    assert not Channel.objects.exists()


@pytest.mark.parametrize(
    ("change", "attr"),
    [
        ({"type": "pigeon"}, "type"),
        ({"name": ""}, "name"),
        ({"name": "webhook"}, "name"),
        ({"config": "x"}, "config"),
        ({"config": [1]}, "config"),
        ({"colour": "red"}, "colour"),
        ({"enabled": "perhaps"}, "enabled"),
    ],
)
def test_a_wrong_channel_is_a_400(change: Any, attr: str, api: Api) -> None:
    answer = api.post(CHANNELS, {**MAIL, **change})

    assert answer.status == 400, answer.body
    assert [error["attr"] for error in answer.body["errors"]] == [attr]


def test_an_error_does_not_repeat_a_secret(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    for kind, config in (
        ("apprise", {"url": "slack://very-secret-token/bad"}),
        ("slack", {"webhookUrl": "https://10.0.0.1/very-secret-token"}),
        ("webhook", {"url": "https://x.io", "secret": "very-secret-token"}),
        ("pagerduty", {"routing_key": "very-secret-token and a space"}),
    ):
        answer = api.post(CHANNELS, {"type": kind, "name": "It", "config": config})

        assert answer.status == 400
        assert "very-secret-token" not in str(answer.body)
    assert "very-secret-token" not in caplog.text


def test_a_name_is_given_once(acme: Organization, api: Api) -> None:
    api.post(CHANNELS, MAIL)

    again = api.post(CHANNELS, {**WEBHOOK, "name": "Ops"})
    elsewhere = make_api(organization=make_organization("other")).post(CHANNELS, MAIL)

    assert (again.status, again.body["code"]) == (409, "channel_name_taken")
    assert elsewhere.status == 201


def test_a_signing_secret_is_made_and_shown_once(api: Api) -> None:
    made = api.post(CHANNELS, WEBHOOK)

    secret = made.body["config"]["secret"]
    place = f"{CHANNELS}/{made.body['id']}"
    assert Webhook(secret).sign("id", timezone.now(), "{}")
    assert Channel.objects.get().secrets == {"secret": secret}
    assert made.headers["Cache-Control"] == "no-store"
    assert secret not in str(api.get(place).body)
    assert secret not in str(api.get(CHANNELS).body)
    assert secret not in str(api.patch(place, {"name": "Other"}).body)
    assert api.get(place).body["secrets"] == ["secret"]


def test_a_repeat_shows_the_secret_again_and_keeps_none(api: Api) -> None:
    first = api.post(CHANNELS, WEBHOOK, Idempotency_Key="k1")

    again = api.post(CHANNELS, WEBHOOK, Idempotency_Key="k1")

    secret = first.body["config"]["secret"]
    assert again.status == first.status == 201
    assert again.body == first.body
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Channel.objects.count() == 1
    assert secret not in IdempotentAnswer.objects.get().body


def test_a_rotated_secret_signs_beside_the_one_before_for_a_day(api: Api) -> None:
    made = api.post(CHANNELS, WEBHOOK)
    old = made.body["config"]["secret"]

    answer = api.post(f"{CHANNELS}/{made.body['id']}/rotate-secret", None)

    new = answer.body["config"]["secret"]
    held, now = Channel.objects.get().secrets, timezone.now()
    assert answer.status == 200
    assert new != old
    assert signing_secrets(held, now=now) == [new, old]
    assert signing_secrets(held, now=now + OVERLAP) == [new]
    assert answer.body["secrets"] == ["secret"]


def test_an_own_secret_takes_over_in_the_same_way(api: Api) -> None:
    made = api.post(CHANNELS, WEBHOOK)
    old = made.body["config"]["secret"]
    place = f"{CHANNELS}/{made.body['id']}"

    for _ in range(2):  # the same once more changes nothing
        assert api.patch(place, {"config": {"secret": OWN}}).status == 200

    held = Channel.objects.get().secrets
    assert signing_secrets(held, now=timezone.now()) == [OWN, old]


def test_only_webhooks_have_a_secret_to_rotate(api: Api) -> None:
    made = api.post(CHANNELS, MAIL)

    answer = api.post(f"{CHANNELS}/{made.body['id']}/rotate-secret", None)

    assert answer.status == 400


def test_a_change_keeps_what_is_left_out(api: Api) -> None:
    uid = api.post(CHANNELS, SLACK_CHANNEL).body["id"]

    answer = api.patch(f"{CHANNELS}/{uid}", {"config": {"channel": None}})

    channel = Channel.objects.get()
    assert answer.status == 200
    assert channel.secrets == {"webhook_url": SLACK_URL}
    assert channel.config == {"mentions": ["@engineering-leads"]}
    assert channel.template == SLACK_CHANNEL["config"]["template"]


@pytest.mark.parametrize(
    ("change", "attr"),
    [
        ({"config": {"webhook_url": None}}, "config.webhook_url"),
        ({"config": {"webhook_url": ""}}, "config.webhook_url"),
        ({"config": {"url": "https://x.io"}}, "config.url"),
        ({"type": "email"}, "type"),
        ({"organization_id": "other"}, "organization_id"),
    ],
)
def test_what_a_channel_can_not_lose(change: Any, attr: str, api: Api) -> None:
    uid = api.post(CHANNELS, SLACK_CHANNEL).body["id"]

    answer = api.patch(f"{CHANNELS}/{uid}", change)

    assert answer.status == 400
    assert [error["attr"] for error in answer.body["errors"]] == [attr]
    assert Channel.objects.get().secrets == {"webhook_url": SLACK_URL}


def test_a_webhook_keeps_signing(api: Api) -> None:
    uid = api.post(CHANNELS, WEBHOOK).body["id"]

    answer = api.patch(f"{CHANNELS}/{uid}", {"config": {"secret": None}})

    assert answer.status == 400
    assert Channel.objects.get().secrets["secret"]


def test_a_template_is_taken_away(api: Api) -> None:
    uid = api.post(CHANNELS, {**SLACK_CHANNEL, "enabled": False}).body["id"]

    answer = api.patch(f"{CHANNELS}/{uid}", {"template": None, "enabled": True})

    assert (answer.body["template"], answer.body["enabled"]) == ({}, True)


def test_switching_on_again_forgets_why_it_was_off(api: Api) -> None:
    uid = api.post(CHANNELS, MAIL).body["id"]
    Channel.objects.update(enabled=False, disabled_reason="It answered 410.")

    told = api.get(f"{CHANNELS}/{uid}").body["disabled_reason"]
    api.patch(f"{CHANNELS}/{uid}", {"enabled": True})

    assert told == "It answered 410."
    assert Channel.objects.get().disabled_reason == ""


def test_an_answer_can_be_sent_back(api: Api) -> None:
    made = api.post(CHANNELS, SLACK_CHANNEL).body

    answer = api.patch(f"{CHANNELS}/{made['id']}", made)

    assert answer.status == 200
    assert answer.body == made


def test_lists_are_paged_filtered_and_flat(api: Api) -> None:
    for one in (SLACK_CHANNEL, WEBHOOK, MAIL):
        api.post(CHANNELS, one)

    page = api.get(f"{CHANNELS}?limit=2").body
    rest = api.get(page["next"].partition("/api/v1/")[2]).body
    table = api.get(f"{CHANNELS}?format=csv").body

    names = [row["name"] for row in page["results"] + rest["results"]]
    assert names == ["Ops", "Hook", "Engineering Alerts"]
    mail = api.get(f"{CHANNELS}?type=email,sms").body["results"]
    assert [row["name"] for row in mail] == ["Ops"]
    assert api.get(f"{CHANNELS}?type=pigeon").status == 400
    assert api.get(f"{CHANNELS}?colour=red").status == 400
    assert len(table.splitlines()) == 4


def test_reading_and_writing_need_their_scopes(acme: Organization, api: Api) -> None:
    place = f"{CHANNELS}/{api.post(CHANNELS, MAIL).body['id']}"
    reader = make_api("budgets:read", organization=acme)
    writer = make_api("alerts:write", organization=acme)

    assert reader.get(CHANNELS).status == reader.get(place).status == 200
    assert reader.post(CHANNELS, WEBHOOK).status == 403
    assert reader.patch(place, {"name": "x"}).status == 403
    assert reader.delete(place).status == 403
    assert reader.post(f"{place}/test", None).status == 403
    assert writer.post(CHANNELS, WEBHOOK).status == 201
    assert writer.get(CHANNELS).status == 403


def test_nobody_reaches_another_organizations_channels(
    acme: Organization, api: Api
) -> None:
    place = f"{CHANNELS}/{api.post(CHANNELS, WEBHOOK).body['id']}"
    before = Channel.objects.get().secrets
    other = make_api(organization=make_organization("other"))

    answers = [
        other.get(place),
        other.patch(place, {"name": "x"}),
        other.delete(place),
        other.post(f"{place}/test", None),
        other.post(f"{place}/rotate-secret", None),
        other.get(f"{CHANNELS}/nothing"),
    ]

    assert [answer.status for answer in answers] == [404] * 6
    assert other.get(CHANNELS).body["results"] == []
    assert other.get(f"{CHANNELS}?organization_id=acme").status == 403
    assert other.post(CHANNELS, {**MAIL, "organization_id": "acme"}).status == 403
    assert Channel.objects.get().secrets == before


def test_deleting_leaves_what_was_sent_on_record(
    api: Api, mail_server: MailServer
) -> None:
    place = f"{CHANNELS}/{api.post(CHANNELS, MAIL).body['id']}"
    api.post(f"{place}/test", None)

    answer = api.delete(place)

    assert answer.status == 204
    assert api.get(place).status == 404
    (left,) = api.get("notifications").body["results"]
    assert (left["channel"], left["state"]) == (None, "delivered")


def test_the_test_button_tells_what_became_of_it(
    api: Api, mail_server: MailServer
) -> None:
    addresses = {"recipients": ["a@x.io", "b@x.io"]}
    uid = api.post(CHANNELS, {**MAIL, "config": addresses}).body["id"]
    mail_server.refuse("b@x.io", "550 Nobody here")

    answer = api.post(f"{CHANNELS}/{uid}/test", None)

    assert answer.status == 200
    assert answer.body["state"] == "failed"
    assert "Nobody here" in answer.body["error"]
    states = {row["recipient"]: row["state"] for row in answer.body["deliveries"]}
    assert states == {"a@x.io": "delivered", "b@x.io": "failed"}
    assert [mail["To"] for mail in mail_server.mails] == ["a@x.io"]
    assert answer.body["deliveries"][0]["alert"] is None


def test_a_test_is_tried_once(api: Api, receiver: Receiver) -> None:
    receiver.answers += [with_status(500, b"broken")]
    uid = api.post(CHANNELS, {**WEBHOOK, "config": {"url": receiver.url()}}).body["id"]

    answer = api.post(f"{CHANNELS}/{uid}/test", None)

    (delivery,) = answer.body["deliveries"]
    assert answer.body["state"] == delivery["state"] == "failed"
    assert delivery["next_attempt_at"] is None
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500]


def test_a_repeated_test_is_sent_once(api: Api, receiver: Receiver) -> None:
    made = api.post(CHANNELS, {**WEBHOOK, "config": {"url": receiver.url()}}).body

    answers = [
        api.post(f"{CHANNELS}/{made['id']}/test", None, Idempotency_Key="once")
        for _ in range(2)
    ]

    (request,) = receiver.requests
    assert answers[0].body == answers[1].body
    assert Webhook(made["config"]["secret"]).verify(
        request.body, dict(request.headers.items())
    )
    assert request.json["type"] == "test"


def test_a_channel_that_is_off_is_not_tested(api: Api) -> None:
    uid = api.post(CHANNELS, {**MAIL, "enabled": False}).body["id"]

    answer = api.post(f"{CHANNELS}/{uid}/test", None)

    assert (answer.status, answer.body["code"]) == (409, "channel_off")
    assert not Delivery.objects.exists()


def test_a_test_ignores_quiet_hours(api: Api, mail_server: MailServer) -> None:
    uid = api.post(CHANNELS, MAIL).body["id"]
    api.send("PUT", "notification-preferences/ops@acme.example", {"digest": "daily"})

    answer = api.post(f"{CHANNELS}/{uid}/test", None)

    assert answer.body["state"] == "delivered"
    assert len(mail_server.mails) == 1


def test_an_incident_that_was_a_test_is_resolved(
    api: Api, receiver: Receiver, settings: Any
) -> None:
    settings.PAGERDUTY_URL = receiver.url("")
    duty = {"type": "pagerduty", "name": "Duty", "config": {"routing_key": "R" * 32}}
    uid = api.post(CHANNELS, duty).body["id"]

    answer = api.post(f"{CHANNELS}/{uid}/test", None)

    assert answer.body["state"] == "delivered", answer.body
    assert len(answer.body["deliveries"]) == 1
    deliver(now=timezone.now())
    told = [(body["event_action"], body["dedup_key"]) for body in receiver.bodies]
    (subject,) = {one.subject for one in Delivery.objects.all()}
    assert told == [("trigger", subject), ("resolve", subject)]


def test_no_request_sends_anything_itself(
    api: Api, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "pause", lambda: time.sleep(0.01))
    monkeypatch.setattr(trials, "PATIENCE_S", 0.1)
    uid = api.post(CHANNELS, MAIL).body["id"]

    answer = api.post(f"{CHANNELS}/{uid}/test", None)
    (delivery,) = answer.body["deliveries"]
    again = api.post(f"notifications/{delivery['id']}/redeliver", None)

    assert (answer.status, answer.body["state"]) == (200, "pending")
    assert (again.status, again.body["state"]) == (200, "pending")
    assert delivery["attempts"] == again.body["attempts"] == []
    assert mail_server.mails == []
    deliver(now=timezone.now())
    assert api.get(f"notifications/{delivery['id']}").body["state"] == "delivered"
    assert len(mail_server.mails) == 1


def test_few_requests_wait_at_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[int] = []
    monkeypatch.setattr(trials, "pause", lambda: paused.append(1))
    monkeypatch.setattr(trials, "_waiting", BoundedSemaphore(1))
    uid = api.post(CHANNELS, MAIL).body["id"]

    with trials._waiting:
        answer = api.post(f"{CHANNELS}/{uid}/test", None)

    assert answer.body["state"] == "pending"
    assert paused == []
