import re
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from accounts.scopes import Role
from notifications.channels import add_channel
from notifications.models import Channel, Delivery, Preference
from notifications.outbox import deliver
from tests.factories import browser_for, browser_of, make_organization, make_person
from tests.notifications.factories import (
    mail_to,
    make_channel,
    make_message,
    make_webhook,
    to,
    write,
)
from tests.notifications.receivers import MailServer, Receiver, with_status
from tests.pages import read

pytestmark = pytest.mark.django_db
SLACK_URL = "https://hooks.slack.com/services/T000/B000/secret-token"
TEMPLATE = {
    "text": "{{alert.message}}",
    "attachments": [
        {
            "color": "{{alert.severity_color}}",
            "fields": [{"title": "Of", "value": "{{budget.limit}}", "short": True}],
        }
    ],
}


def page(model: type[Model], name: str, *arguments: object, query: str = "") -> str:
    model_name = model._meta.model_name
    return reverse(f"admin:notifications_{model_name}_{name}", args=arguments) + query


def make_mail(organization: Organization, **fields: Any) -> Channel:
    given = {"name": "Ops", "config": {"recipients": ["ops@x.io"]}, **fields}
    return add_channel(organization, type="email", **given).channel


def make_slack(organization: Organization, **fields: Any) -> Channel:
    config = {"webhookUrl": SLACK_URL, "channel": "#ai-costs"}
    given = {"name": "Team", "config": config, "template": TEMPLATE, **fields}
    return add_channel(organization, type="slack", **given).channel


def text_of(answer: Any) -> str:
    text: str = answer.content.decode()
    return text


def test_the_type_is_asked_for_first(acme: Organization) -> None:
    shown = text_of(browser_for(acme).get(page(Channel, "add")))

    assert "How are people to be told?" in shown
    assert shown.count("?type=") == 7


@pytest.mark.parametrize(
    ("kind", "fields", "config", "secrets"),
    [
        (
            "email",
            {"recipients": "a@x.io\nb@x.io"},
            {"recipients": ["a@x.io", "b@x.io"]},
            {},
        ),
        (
            "slack",
            {"webhook_url": SLACK_URL, "mentions": "@leads"},
            {"mentions": ["@leads"]},
            {"webhook_url": SLACK_URL},
        ),
        ("pagerduty", {"routing_key": "R" * 32}, {}, {"routing_key": "R" * 32}),
        (
            "sms",
            {"recipients": "+1 555 123 4567"},
            {"recipients": ["+15551234567"]},
            {},
        ),
        ("phone", {"recipients": "+15551234567"}, {"recipients": ["+15551234567"]}, {}),
        ("apprise", {"url": "json://example.com"}, {}, {"url": "json://example.com"}),
    ],
)
def test_each_type_has_a_form_of_its_own(
    kind: str, fields: Any, config: Any, secrets: Any, acme: Organization
) -> None:
    browser = browser_for(acme)
    place = page(Channel, "add", query=f"?type={kind}")
    form = {"organization": acme.pk, "name": "It", "enabled": "on", **fields}

    shown = browser.get(place)
    answer = browser.post(place, form)

    channel = Channel.objects.get()
    assert all(f'name="{name}"' in text_of(shown) for name in fields)
    assert answer["location"] == page(Channel, "change", channel.pk)
    assert (channel.type, channel.config, channel.secrets) == (kind, config, secrets)
    assert channel.history.get().actor == "finance_admin@acme.example"


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("email", {"recipients": "nobody"}, "is not an email address"),
        ("email", {"recipients": ""}, "This is needed."),
        ("slack", {"webhook_url": "http://10.0.0.1/"}, "closed to requests"),
        ("webhook", {"url": "ftp://x.io"}, "begins with https://"),
        ("email", {"recipients": "a@x.io", "template": '{"text": '}, "Not JSON"),
        ("email", {"recipients": "a@x.io", "template": "{{ a"}, "expected"),
        ("email", {"recipients": "a@x.io", "name": "slack"}, "is a type of channel"),
    ],
)
def test_what_is_wrong_stands_at_its_field(
    kind: str, fields: Any, words: str, acme: Organization
) -> None:
    form = {"organization": acme.pk, "name": "It", "enabled": "on", **fields}

    answer = browser_for(acme).post(page(Channel, "add", query=f"?type={kind}"), form)

    assert answer.status_code == 200
    assert words in text_of(answer)
    assert not Channel.objects.exists()


def test_a_made_secret_is_shown_once(acme: Organization) -> None:
    browser = browser_for(acme)
    place = page(Channel, "add", query="?type=webhook")
    form = {"organization": acme.pk, "name": "Hook", "url": "https://x.io/h"}

    answer = browser.post(place, form)

    channel = Channel.objects.get()
    secret = channel.secrets["secret"]
    assert secret in text_of(answer)
    assert "no-store" in answer["Cache-Control"]
    assert secret not in text_of(browser.get(page(Channel, "change", channel.pk)))


def test_a_secret_left_empty_stays(acme: Organization) -> None:
    channel = make_slack(acme)
    browser = browser_for(acme)
    place = page(Channel, "change", channel.pk)

    shown = text_of(browser.get(place))
    form = {"name": "Renamed", "channel": "#other", "template": "{{alert.message}}"}
    browser.post(place, form)
    channel.refresh_from_db()
    kept = channel.secrets
    browser.post(place, {**form, "webhook_url": "https://x.io/new"})

    channel.refresh_from_db()
    assert "secret-token" not in shown
    assert "Leave it empty to keep" in shown
    assert kept == {"webhook_url": SLACK_URL}
    assert channel.secrets == {"webhook_url": "https://x.io/new"}
    assert (channel.name, channel.config) == ("Renamed", {"channel": "#other"})
    assert (channel.template, channel.enabled) == ({"text": "{{alert.message}}"}, False)


def test_a_template_comes_back_as_it_was_saved(acme: Organization) -> None:
    channel = make_slack(acme)
    browser = browser_for(acme)
    place = page(Channel, "change", channel.pk)
    shown = browser.get(place).context["adminform"].form["template"].value()

    browser.post(place, {"name": "Team", "enabled": "on", "template": shown})

    channel.refresh_from_db()
    assert channel.template == TEMPLATE


def test_the_page_shows_what_a_template_makes_of_a_sample(acme: Organization) -> None:
    place = page(Channel, "change", make_slack(acme).pk)
    shown = text_of(browser_for(acme).get(place))

    assert "border-left-color: #b45309" in shown
    assert read(shown).facts()["Of"] == "$15,000.00"
    assert "{{budget.limit}}" in [code.text for code in read(shown).all("code")]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("{{ budget.name }} is at {{ budget.percentage }} %", "ML Team is at 84 %"),
        ("", "Warning: ML Team is at 84 %"),
        ("{{ budget.nope }}", "Template not used"),
        ("{{ budget.name", "be saved like this"),
        ('{"text": ', "Not JSON"),
        ('{"text": "a", "blocks": []}', "There is no blocks"),
        ("<script>alert(1)</script>", "&lt;script&gt;"),
        ('{"attachments": [{"color": "red;background:url(x)"}]}', "co-attachment"),
    ],
)
def test_the_preview_answers_while_one_types(
    typed: str, words: str, acme: Organization
) -> None:
    form = {"type": "slack", "template": typed}

    answer = browser_for(acme).post(page(Channel, "preview"), form)

    assert answer.status_code == 200
    assert words in text_of(answer)
    assert "style=" not in text_of(answer)


def test_the_preview_is_for_those_who_write(acme: Organization) -> None:
    answer = browser_for(acme, Role.VIEWER).post(page(Channel, "preview"), {})

    assert answer.status_code == 403


def test_the_test_button_tells_what_became_of_it(
    acme: Organization, mail_server: MailServer
) -> None:
    channel = make_mail(acme)
    browser = browser_for(acme)
    place = page(Channel, "test", channel.pk)

    looked = browser.get(place, follow=True)
    waits = browser.post(place, follow=True)
    before = len(mail_server.mails)
    deliver(now=timezone.now())
    sent = browser.get(waits.redirect_chain[-1][0])
    mail_server.refuse("ops@x.io", "550 Nobody here")
    (again, _), *_ = browser.post(place, follow=True).redirect_chain
    deliver(now=timezone.now())
    failed = browser.get(again)

    assert "The test message" not in text_of(looked)
    assert before == 0
    assert "The test message is on its way." in text_of(waits)
    assert "data-under-way" in text_of(waits)
    assert "The test message was delivered." in text_of(sent)
    assert "data-under-way" not in text_of(sent)
    assert "Test of the channel “Ops”" in text_of(sent)
    assert len(mail_server.mails) == 1
    assert "did not arrive. The mail server said 550" in text_of(failed)


def test_the_page_that_waits_asks_for_a_part_of_it(
    acme: Organization, mail_server: MailServer
) -> None:
    channel = make_mail(acme)
    browser = browser_for(acme)
    browser.post(page(Channel, "test", channel.pk))
    delivery = Delivery.objects.get()
    place = page(Delivery, "outcome", delivery.uid)

    waits = text_of(browser.get(place))
    Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=20))
    lies = text_of(browser.get(place))
    deliver(now=timezone.now())
    sent = browser.get(place)

    assert "is on its way." in waits
    assert "Nobody is sending" not in waits
    assert "Nobody is sending" in lies
    assert "was delivered." in text_of(sent)
    assert "no-store" in sent["Cache-Control"]
    assert browser_for(make_organization("b")).get(place).status_code == 404
    assert browser.get(page(Delivery, "outcome", channel.uid)).status_code == 404


def test_a_service_that_is_not_used_any_more_says_so(acme: Organization) -> None:
    channel = make_channel(
        acme, "apprise", "Home", secrets={"url": "emby://ann:pass-1@example.com"}
    )
    browser = browser_for(acme)

    shown = text_of(browser.get(page(Channel, "change", channel.pk)))
    listed = text_of(browser.get(page(Channel, "changelist")))

    assert "The service emby:// can&#x27;t be used here." in shown
    assert "can&#x27;t send" in listed
    assert "pass-1" not in shown + listed


def test_a_channel_that_is_off_says_why(acme: Organization) -> None:
    channel = make_mail(acme, enabled=False)
    Channel.objects.update(disabled_reason="It answered 410.")
    browser = browser_for(acme)

    shown = text_of(browser.get(page(Channel, "change", channel.pk)))
    answer = browser.post(page(Channel, "test", channel.pk), follow=True)

    assert "It answered 410." in shown
    assert "Send a test message" not in shown
    assert "Switch it on, then test it." in text_of(answer)
    assert not Delivery.objects.exists()


def test_rotating_asks_first(acme: Organization) -> None:
    channel = make_webhook(acme, "https://x.io")
    browser = browser_for(acme)
    place = page(Channel, "rotate", channel.pk)
    old = channel.secrets["secret"]

    asked = browser.get(place)
    channel.refresh_from_db()
    untouched = channel.secrets
    answer = browser.post(place)

    channel.refresh_from_db()
    assert old not in text_of(asked)
    assert untouched == {"secret": old}
    assert channel.secrets["secret"] in text_of(answer)
    assert channel.secrets["previous_secret"] == old
    assert old not in text_of(answer)
    assert browser.post(page(Channel, "rotate", make_mail(acme).pk)).status_code == 404


def test_a_viewer_sees_and_changes_nothing(acme: Organization) -> None:
    channel = make_slack(acme)
    (delivery,) = write(acme, to(channel))
    viewer = browser_for(acme, Role.VIEWER)

    shown = viewer.get(page(Channel, "change", channel.pk))
    answers = [
        viewer.get(page(Channel, "add")),
        viewer.post(page(Channel, "change", channel.pk), {"name": "x"}),
        viewer.post(page(Channel, "test", channel.pk)),
        viewer.post(page(Channel, "rotate", channel.pk)),
        viewer.post(page(Channel, "delete", channel.pk), {"post": "yes"}),
        viewer.post(page(Delivery, "redeliver", delivery.pk)),
    ]

    assert shown.status_code == 200
    assert "#ai-costs" in text_of(shown)
    assert "Send a test message" not in text_of(shown)
    assert [answer.status_code for answer in answers] == [403] * 6
    assert Channel.objects.get().name == "Team"


def test_nobody_reaches_another_organizations_rows(acme: Organization) -> None:
    globex = make_organization("globex")
    channel = make_webhook(globex, "https://globex.example", name="Globex hook")
    (delivery,) = write(globex, to(channel), message=make_message(title="Of Globex"))
    Preference.objects.create(organization=globex, recipient="gus@globex.example")
    # Who may write in one organization and only read in another writes there nothing.
    roles = {acme: Role.FINANCE_ADMIN, globex: Role.VIEWER}
    reader = browser_of(make_person("both@example.com", roles))
    ann = browser_for(acme)

    lists = [
        text_of(ann.get(page(Channel, "changelist"))),
        text_of(ann.get(page(Delivery, "changelist"))),
        text_of(ann.get(page(Delivery, "changelist", query=f"?channel={channel.pk}"))),
        text_of(ann.get(page(Delivery, "changelist", query="?alert=alert-1"))),
        text_of(ann.get(page(Preference, "changelist"))),
    ]
    places = [
        page(Channel, "change", channel.pk),
        page(Channel, "test", channel.pk),
        page(Channel, "rotate", channel.pk),
        page(Delivery, "change", delivery.pk),
        page(Delivery, "redeliver", delivery.pk),
    ]
    action = {"action": "send_again", "_selected_action": [delivery.pk]}

    assert all("lobex" not in shown for shown in lists)
    for place in places:
        assert ann.get(place).status_code in {302, 404}
        assert ann.post(place).status_code in {302, 403, 404}
    assert [reader.post(place).status_code for place in places] == [403] * 5
    assert reader.post(page(Delivery, "changelist"), action).status_code == 403
    ann.post(page(Delivery, "changelist"), action)
    delivery.refresh_from_db()
    channel.refresh_from_db()
    assert (delivery.tries, len(channel.secrets)) == (0, 1)


def test_deliveries_are_shown_with_state_attempts_and_reason(
    acme: Organization, receiver: Receiver
) -> None:
    receiver.answers += [with_status(500, b"broken"), with_status(404, b"no such hook")]
    channel = make_webhook(acme, receiver.url())
    now = timezone.now()
    (delivery,) = write(acme, to(channel), now=now)
    browser = browser_for(acme)
    deliver(now=now)
    retried = text_of(browser.get(page(Delivery, "changelist")))
    deliver(now=now + timedelta(seconds=10))

    listed = text_of(browser.get(page(Delivery, "changelist")))
    shown = text_of(browser.get(page(Delivery, "change", delivery.pk)))

    assert "trying again" in retried
    assert re.search(r"Answered 500: broken Next attempt in \d s\.", retried)
    assert "failed" in listed
    assert "Answered 404: no such hook" in listed
    assert "500 failed" in shown
    assert "404 failed" in shown
    assert "acknowledge/token-1" not in shown + listed


def test_sending_again_is_a_post(acme: Organization, mail_server: MailServer) -> None:
    (delivery,) = write(acme, mail_to("a@x.io"))
    browser = browser_for(acme)
    place = page(Delivery, "redeliver", delivery.pk)

    browser.get(place)
    looked = Delivery.objects.filter(subject="alert-1", tries__gt=0).exists()
    waits = browser.post(place, follow=True)
    deliver(now=timezone.now())
    answer = browser.get(waits.redirect_chain[-1][0])

    assert not looked
    assert "It is on its way." in text_of(waits)
    assert len(mail_server.mails) == 1
    assert "It was delivered." in text_of(answer)


def test_several_are_sent_again_by_a_worker(
    acme: Organization, mail_server: MailServer
) -> None:
    rows = write(acme, mail_to("a@x.io"), mail_to("b@x.io"))
    deliver(now=timezone.now())
    form = {"action": "send_again", "_selected_action": [row.pk for row in rows]}

    answer = browser_for(acme).post(page(Delivery, "changelist"), form, follow=True)
    deliver(now=timezone.now())

    assert "Being sent again: 2." in text_of(answer)
    assert len(mail_server.mails) == 4


def test_filters_that_links_lead_to(acme: Organization) -> None:
    channel = make_webhook(acme, "https://x.io")
    write(acme, to(channel), mail_to("a@x.io"))
    browser = browser_for(acme)

    def listed(query: str) -> int:
        answer = browser.get(page(Delivery, "changelist", query=query))
        return len(answer.context["cl"].result_list)

    assert listed("") == 2
    assert listed(f"?channel={channel.pk}") == 1
    assert listed("?channel=0") == listed("?channel=x") == 0
    assert listed("?alert=alert-1") == 2
    assert listed("?alert=other") == 0
    assert listed("?q=A@x.io") == 1
    assert listed("?state__exact=failed") == 0


def test_lists_take_few_queries(
    acme: Organization, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        write(acme, to(make_mail(acme, name=f"N{number}"), "ops@x.io"), key=str(number))
    browser = browser_for(acme)

    for model, most in ((Channel, 12), (Delivery, 12)):
        browser.get(page(model, "changelist"))
        with django_assert_max_num_queries(most):
            browser.get(page(model, "changelist"))


def test_an_empty_list_teaches(acme: Organization) -> None:
    shown = text_of(browser_for(acme).get(page(Channel, "changelist")))

    assert "No channel is set up yet." in shown


def make_preference(browser: Client, organization: Organization, **fields: Any) -> Any:
    form = {
        "organization": organization.pk,
        "recipient": "Ann@Acme.example",
        "digest": "hourly",
        "quiet_from": "22:00",
        "quiet_until": "07:00",
        "timezone": "Europe/Berlin",
        **fields,
    }
    return browser.post(page(Preference, "add"), form)


def test_quiet_hours_are_kept(acme: Organization) -> None:
    browser = browser_for(acme)

    answer = make_preference(browser, acme)

    kept = Preference.objects.get()
    place = page(Preference, "change", kept.pk)
    changed = browser.post(place, {"digest": "daily", "timezone": "UTC"})
    kept.refresh_from_db()
    assert answer.status_code == changed.status_code == 302
    assert kept.recipient == "ann@acme.example"
    assert (kept.digest, kept.quiet_from, kept.timezone) == ("daily", None, "UTC")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"quiet_until": ""}, "Quiet hours need both times."),
        ({"quiet_until": "22:00"}, "Must differ from when they begin."),
        ({"timezone": "Mars/Olympus"}, "is not a time zone"),
        ({"recipient": "nobody"}, "Enter a valid email address."),
    ],
)
def test_wrong_quiet_hours_stand_at_their_field(
    fields: Any, words: str, acme: Organization
) -> None:
    answer = make_preference(browser_for(acme), acme, **fields)

    assert words in text_of(answer)
    assert not Preference.objects.exists()


def test_preferences_of_one_person_are_one(acme: Organization) -> None:
    browser = browser_for(acme)
    make_preference(browser, acme)

    make_preference(browser, acme, recipient="ANN@acme.example", digest="daily")

    assert Preference.objects.get().digest == "daily"
