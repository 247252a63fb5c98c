"""Requests in Slack: what a channel is told, and whose buttons are believed."""

import re
import time
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Organization, User
from approvals.models import Decision, How, SlackApp, SlackUser, TrailEntry
from approvals.presses import NotFromSlack, verify
from approvals.slack import forget_user, name_user, set_up_app
from budgets.models import Budget
from lib.errors import Forbidden, Invalid
from notifications import outbox
from notifications.models import Channel, ChannelType, Delivery, MailedLink
from tests.approvals.factories import asks, by, level, make_policy
from tests.approvals.slack_payloads import LEAD, SECRET, TEAM, payload_of, sent
from tests.factories import make_budget, make_organization
from tests.notifications.receivers import MailServer, Receiver, with_status

pytestmark = pytest.mark.django_db
CFO = "W012A3CDE"


@pytest.fixture
def team(acme: Organization) -> Budget:
    return make_budget(acme, "Team", "900")


@pytest.fixture
def channel(acme: Organization, receiver: Receiver) -> Channel:
    return Channel.objects.create(
        organization=acme,
        name="money",
        type=ChannelType.SLACK,
        config={"requests": True},
        secrets={"webhook_url": receiver.url("/services/T/B/x")},
    )


def with_app(acme: Organization, cfo: User, **people: User) -> None:
    """Set Slack's app up, and have *people* confirm who they are there, by member."""
    now = timezone.now()
    set_up_app(acme, team=TEAM, signing_secret=SECRET, by=by(cfo), now=now)
    for slack_id, person in people.items():
        named = name_user(acme, person, slack_id, by=by(cfo), now=now)
        SlackUser.objects.filter(pk=named.pk).update(confirmed_at=now)


def told(receiver: Receiver) -> list[Any]:
    """Send what is due; return what came in since, with the place it came to."""
    receiver.requests.clear()
    outbox.deliver(now=timezone.now())
    return [(one.path, one.json) for one in receiver.requests]


def buttons_in(message: Any) -> dict[str, Any]:
    (actions,) = [one for one in message["blocks"] if one["type"] == "actions"]
    return {one["action_id"]: one for one in actions["elements"]}


def value_in(receiver: Receiver) -> str:
    """Return what the buttons of the message that is due send back."""
    ((_, message),) = told(receiver)
    value: str = buttons_in(message)["approve"]["value"]
    return value


def test_without_the_apps_secret_the_message_has_a_link_and_no_buttons(
    receiver: Receiver, channel: Channel, pm: User, cfo: User, team: Budget
) -> None:
    request = asks(pm, team)

    ((path, message),) = told(receiver)

    assert path == "/services/T/B/x"
    assert message["text"].startswith("To decide: pm@acme.example asks for $200.00")
    (attachment,) = message["attachments"]
    elements = [one for block in attachment["blocks"] for one in _elements(block)]
    shown = f"http://testserver/admin/approvals/budgetrequest/{request.pk}/change/"
    assert [one["url"] for one in elements if one["type"] == "button"] == [shown]
    assert "/approvals/" not in str(message).replace(shown, "")  # nobody's own link
    assert sent(payload_of("approve", "x", response_url="x")).status_code == 401


def _elements(block: Any) -> list[Any]:
    found: list[Any] = block.get("elements", [])
    return found


def test_a_button_decides_for_who_pressed_it(
    receiver: Receiver,
    channel: Channel,
    acme: Organization,
    pm: User,
    lead: User,
    cfo: User,
    team: Budget,
) -> None:
    with_app(acme, cfo, **{LEAD: lead, CFO: cfo})
    make_policy(acme, level(lead, cfo, name="Both", required=2))
    request = asks(pm, team)
    ((_, message),) = told(receiver)
    buttons, url = buttons_in(message), receiver.url("/actions/T/1/x")
    value = buttons["approve"]["value"]

    assert list(buttons) == ["approve", "changes", "reject", "open-3"]
    assert buttons["approve"]["text"]["text"] == "Approve $200.00"
    assert buttons["approve"]["confirm"]["text"]["text"].startswith("Approve $200.00?")
    (box,) = [one for one in message["blocks"] if one["type"] == "input"]
    assert box["element"]["type"] == "plain_text_input"
    assert sent(payload_of("open-3", "", response_url=url)).status_code == 200
    assert told(receiver) == []
    assert sent(payload_of("reject", value, response_url=url)).status_code == 200
    ((path, answer),) = told(receiver)
    assert (path, answer["response_type"]) == ("/actions/T/1/x", "ephemeral")
    assert answer["text"] == "Nothing was changed: Say why. It waits for a decision."
    assert answer["replace_original"] is False
    assert sent(payload_of("approve", value, response_url=url)).status_code == 200
    ((_, half),) = told(receiver)
    assert half["text"].startswith("Your approval is kept, lead@acme.example.")
    more = {"response_url": url, "user": CFO, "comment": "For <the> launch"}
    assert sent(payload_of("approve", value, **more)).status_code == 200

    ((_, done),) = told(receiver)
    assert done["text"].startswith("$200.00 more for Team. It is approved, by cfo@")
    assert done["replace_original"] is True
    request.refresh_from_db()
    team.refresh_from_db()
    assert (request.state, team.amount) == ("approved", 1100)
    assert {one.how for one in Decision.objects.all()} == {How.SLACK}
    last = Decision.objects.get(person=cfo)
    assert last.comments == "For <the> launch"
    entry = TrailEntry.objects.filter(event="request.decided").last()
    assert entry is not None
    assert (entry.actor, entry.how) == (cfo.email, How.SLACK)
    sent(payload_of("reject", value, **{**more, "comment": "No"}))
    ((_, late),) = told(receiver)
    assert "The request is approved since" in late["text"]
    assert late["replace_original"] is True


def test_what_slack_did_not_sign_just_now_decides_nothing(
    receiver: Receiver,
    channel: Channel,
    acme: Organization,
    pm: User,
    lead: User,
    cfo: User,
    team: Budget,
) -> None:
    other = make_organization("other")
    with_app(acme, cfo, **{LEAD: lead})
    request = asks(pm, team, approvers=[lead.email])
    value, url = value_in(receiver), receiver.url("/actions")
    good = payload_of("approve", value, response_url=url)
    elsewhere = payload_of("approve", value, response_url="https://evil.example/x")

    def status(payload: Any = good, **more: Any) -> int:
        answer = sent(payload, **more)
        return int(answer.status_code)

    assert status(secret="f" * 32) == 401
    now_s = int(time.time())
    assert status(at_s=now_s - 310) == status(at_s=now_s + 400) == 401
    assert status(**{"X-Slack-Signature": "v0=é"}) == 401
    assert status(**{"X-Slack-Request-Timestamp": "soon"}) == 401
    assert status(organization=other.slug) == status(organization="nobody") == 401
    assert status({**good, "user": {"id": LEAD, "team_id": "T0000000"}}) == 401
    assert status(elsewhere) == 400
    assert status(payload_of("approve", "x:1:2", response_url=url)) == 400
    assert status({"type": 7}) == 400
    assert Client().get("/slack/acme").status_code == 405
    assert status({**good, "type": "view_submission"}) == 200  # none of ours
    stranger = payload_of("approve", value, response_url=url, user="U0STRANGER")
    assert status(stranger) == 200
    ((_, answer),) = told(receiver)
    assert answer["text"].startswith("CostOps doesn't know who you are in Slack.")

    request.refresh_from_db()
    assert (request.state, Decision.objects.count()) == ("pending", 0)
    same = {"at_s": int(time.time()) - 100}
    assert [status(**same) for _ in range(2)] == [200, 409]  # the very same once more
    request.refresh_from_db()
    assert request.state == "approved"


def test_an_answer_that_slack_takes_no_more_leaves_the_channel_as_it_is(
    receiver: Receiver, channel: Channel, acme: Organization, pm: User, cfo: User
) -> None:
    with_app(acme, cfo)
    asks(pm, make_budget(acme, "Team", "900"))
    value, url = value_in(receiver), receiver.url("/actions")
    receiver.answers.append(with_status(410, b"expired_url"))

    sent(payload_of("approve", value, response_url=url))
    assert len(told(receiver)) == 1

    channel.refresh_from_db()
    assert channel.enabled
    failed = Delivery.objects.get(state="failed")
    assert "410" in failed.error


def test_slacks_own_example_of_a_signature_is_taken() -> None:
    """The one of its documentation; its body came before there were buttons."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"
        b"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https"
        b"%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
        b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id="
        b"398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666"
        "489c69b503",
    }
    app = SlackApp(team=TEAM, secrets={"signing_secret": SECRET})

    assert verify(app, headers, body, at_s=1531420918)[0] is app
    for wrong in (body + b"&", body.replace(b"foobar", b"foobaz")):
        with pytest.raises(NotFromSlack):
            verify(app, headers, wrong, at_s=1531420618)
    with pytest.raises(NotFromSlack):
        verify(app, headers, body, at_s=1531420919)


def test_a_member_of_slack_is_somebody_once_they_confirm_it_by_mail(
    mail_server: MailServer,
    acme: Organization,
    pm: User,
    lead: User,
    cfo: User,
) -> None:
    now = timezone.now()
    named = name_user(acme, lead, LEAD.lower(), by=by(cfo), now=now)
    outbox.deliver(now=now)
    (mail,) = mail_server.to(lead.email)
    path = re.findall(r"http://testserver(/slack/user/\S+)", mail.text)[0]
    browser = Client(enforce_csrf_checks=True)

    def confirmed() -> bool:
        named.refresh_from_db()
        return named.confirmed_at is not None

    assert mail["Subject"] == f"Is {LEAD} in Slack you?"
    assert browser.get(path).status_code == browser.head(path).status_code == 200
    assert not confirmed()
    assert browser.post(path, {"answer": "confirm"}).status_code == 303
    assert confirmed()
    name_user(acme, lead, CFO, by=by(cfo), now=now)  # another one: asked anew
    assert not confirmed()
    for person, slack_id, admin in ((pm, CFO, cfo), (pm, "lead", cfo), (pm, LEAD, pm)):
        with pytest.raises((Invalid, Forbidden)):
            name_user(acme, person, slack_id, by=by(admin), now=now)
    with pytest.raises(Forbidden):
        set_up_app(acme, team=TEAM, signing_secret=SECRET, by=by(pm), now=now)
    forget_user(named, by=by(cfo), now=now)
    assert not MailedLink.objects.open(now).exists()
    events = TrailEntry.objects.order_by("number").values_list("event", flat=True)
    assert list(events) == [
        *("slack.named", "slack.confirmed", "slack.named", "slack.forgotten")
    ]
