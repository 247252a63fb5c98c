"""Each transport against a real receiver on this machine."""

import base64
import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from apprise.plugins.twilio import NotifyTwilio
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings
from standardwebhooks import Webhook, WebhookVerificationError

from lib import http
from notifications import known_services, service_process
from notifications.configs import new_signing_secret
from notifications.known_services import MODULE_OF, open_service
from notifications.transports import (
    TRANSPORTS,
    Accepted,
    Parcel,
    TransportError,
    service,
)
from notifications.transports.webhook import held
from tests.databases import ROOT
from tests.notifications.factories import (
    SECRET,
    SLACK_TEMPLATE,
    make_message,
    make_parcel,
)
from tests.notifications.receivers import Receiver, hang, receiving, with_status


def hook(receiver: Receiver, **fields: Any) -> Parcel:
    return make_parcel(setup={"url": receiver.url()}, signing=(SECRET,), **fields)


# -- Webhooks


def test_a_webhook_carries_plain_keys_and_is_signed(receiver: Receiver) -> None:
    parcel = hook(receiver)

    assert TRANSPORTS["webhook"](parcel) == Accepted(200)

    (request,) = receiver.requests
    body = Webhook(SECRET).verify(request.body, dict(request.headers))
    assert {
        "type": "threshold",
        "severity": "warning",
        "budget_name": "ML Team",
        "limit": 15000.0,
        "limit_exact": "15000.0000000000",
        "current_spend": 12600.0,
        "current_spend_exact": "12600.0000000000",
        "utilization": 0.84,
        "message": "ML Team has spent 84 %.",
        "timestamp": "2025-01-15T12:00:00Z",
    }.items() <= body.items()
    assert request.headers["webhook-id"] == parcel.uid
    assert request.headers["webhook-attempt"] == parcel.attempt_uid


def test_a_changed_body_does_not_verify(receiver: Receiver) -> None:
    TRANSPORTS["webhook"](hook(receiver))

    (request,) = receiver.requests
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(request.body + b" ", dict(request.headers))


def test_while_a_secret_is_changed_both_verify(receiver: Receiver) -> None:
    new, old = new_signing_secret(), new_signing_secret()
    parcel = make_parcel(setup={"url": receiver.url()}, signing=(new, old))

    TRANSPORTS["webhook"](parcel)

    (request,) = receiver.requests
    for secret in (new, old):
        Webhook(secret).verify(request.body, dict(request.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(new_signing_secret()).verify(request.body, dict(request.headers))


def test_a_webhooks_template_is_its_message(receiver: Receiver) -> None:
    sent = TRANSPORTS["webhook"](
        hook(receiver, template={"text": "{{budget.current}}!"})
    )

    assert receiver.bodies[0]["message"] == "$12,600.00!"
    assert sent.note == ""


def test_a_webhooks_broken_template_is_told(receiver: Receiver) -> None:
    sent = TRANSPORTS["webhook"](hook(receiver, template={"text": "{{nope.x}}"}))

    assert receiver.bodies[0]["message"] == make_message().text
    assert sent.note == "Template not used: 'nope' is undefined."


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x" * 50_000, id="plain"),
        pytest.param("ä€😀 " * 20_000, id="what takes several bytes"),
        pytest.param('"\\\n' * 20_000, id="what is escaped"),
    ],
)
def test_a_body_is_held_to_what_receivers_take(receiver: Receiver, text: str) -> None:
    payload = {**make_message().payload, "message": text}
    parcel = hook(receiver, messages=(make_message(payload=payload),))

    TRANSPORTS["webhook"](parcel)

    (request,) = receiver.requests
    Webhook(SECRET).verify(request.body, dict(request.headers))
    assert 19_900 <= len(request.body) <= 20_000
    told = request.json["message"]
    assert told[-1] == "…"
    assert text.startswith(told[:-1])
    assert {**request.json, "message": text} == payload | {
        "event": "fired",
        "timestamp": payload["timestamp"],
    }


TEXTS = st.text(max_size=900)


@given(
    st.fixed_dictionaries(
        {"message": TEXTS, "limit": st.none(), "drivers": st.lists(TEXTS, max_size=5)}
    ),
    st.integers(400, 4_000),
)
def test_what_fits_is_sent_as_it_is_and_all_else_is_cut(body: Any, most: int) -> None:
    told = held(body, most)

    if len(json.dumps(body)) <= most:
        assert json.loads(told) == body
    else:
        assert len(told) <= most
        assert "…" in json.dumps(json.loads(told), ensure_ascii=False)


def test_the_keys_are_there_even_if_a_message_has_none(receiver: Receiver) -> None:
    TRANSPORTS["webhook"](hook(receiver, messages=(make_message(payload={}),)))

    body = receiver.bodies[0]
    assert (body["type"], body["message"]) == ("fired", make_message().text)
    assert {"budget_name", "limit", "current_spend", "utilization"} <= body.keys()


@pytest.mark.parametrize(
    "signing", [(), ("whsec_",), ("whsec_!!!",)], ids=["none", "empty", "not base64"]
)
def test_nothing_goes_out_unsigned(
    receiver: Receiver, signing: tuple[str, ...]
) -> None:
    parcel = make_parcel(setup={"url": receiver.url()}, signing=signing)

    with pytest.raises(TransportError, match="secret") as caught:
        TRANSPORTS["webhook"](parcel)

    assert caught.value.permanent
    assert receiver.requests == []


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        *((status, True) for status in (301, 308, 400, 401, 403, 404, 410, 413, 422)),
        *((status, False) for status in (302, 303, 307, 408, 425, 429)),
        *((status, False) for status in (500, 502, 503, 504)),
    ],
)
def test_a_passing_fault_is_told_from_a_lasting_one(
    receiver: Receiver, status: int, permanent: bool
) -> None:
    receiver.answers = [with_status(status, b"the  reason\n")]

    with pytest.raises(TransportError, match=str(status)) as caught:
        TRANSPORTS["webhook"](hook(receiver))

    assert caught.value.permanent is permanent
    assert caught.value.status == status
    assert caught.value.gone is (status == 410)


def test_what_a_receiver_says_is_quoted_on_one_line_that_can_be_kept(
    receiver: Receiver,
) -> None:
    receiver.answers = [with_status(400, b"no\x00t\n\x1b[31m good \xff" + b"x" * 999)]

    with pytest.raises(TransportError) as caught:
        TRANSPORTS["webhook"](hook(receiver))

    assert str(caught.value).startswith("Answered 400: not [31m good �x")
    assert len(str(caught.value)) < 150


def test_a_receiver_may_ask_for_time(receiver: Receiver) -> None:
    receiver.answers = [with_status(429, Retry_After="77")]

    with pytest.raises(TransportError) as caught:
        TRANSPORTS["webhook"](hook(receiver))

    assert caught.value.retry_after_s == 77


def test_a_redirect_into_the_inner_network_is_not_followed(receiver: Receiver) -> None:
    with receiving("127.0.0.2") as inner:
        target = f"http://127.0.0.2:{inner.port}/"
        receiver.answers = [with_status(301, Location=target)]

        with pytest.raises(TransportError, match="301: it redirects"):
            TRANSPORTS["webhook"](hook(receiver))

    assert inner.requests == []


def test_a_closed_address_fails_for_good() -> None:
    parcel = make_parcel(setup={"url": "http://10.0.0.1/"}, signing=(SECRET,))

    with pytest.raises(TransportError, match="closed") as caught:
        TRANSPORTS["webhook"](parcel)

    assert caught.value.permanent


def test_a_receiver_that_hangs_is_a_passing_fault(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", 0.3)
    receiver.answers = [hang]

    with pytest.raises(TransportError, match="no answer in time") as caught:
        TRANSPORTS["webhook"](hook(receiver))

    assert not caught.value.permanent


# -- Slack


def slack(receiver: Receiver, **fields: Any) -> Parcel:
    setup = {
        "webhook_url": receiver.url("/services/T/B/x"),
        "channel": "#ai-costs",
        "mentions": ["@engineering-leads", "@here", "U0123ABCD", "S0123ABCD"],
    }
    return make_parcel(**{"setup": setup, **fields})


def test_slack_gets_blocks(receiver: Receiver) -> None:
    TRANSPORTS["slack"](slack(receiver))

    (body,) = receiver.bodies
    assert receiver.requests[0].path == "/services/T/B/x"
    assert body["channel"] == "#ai-costs"
    assert body["text"] == (
        "@engineering-leads <!here> <@U0123ABCD> <!subteam^S0123ABCD> "
        "Warning: ML Team is at 84 % of $15,000.00 (November)"
    )
    (attachment,) = body["attachments"]
    blocks = attachment["blocks"]
    assert [block["type"] for block in blocks] == [
        *("header", "section", "section", "section", "actions", "context")
    ]
    assert blocks[3]["text"]["text"] == (
        "• gpt-4o: $8,000.00 (63 %)\n"
        "• project search &lt;beta&gt;: $3,100.00 (25 %)\n"
        "• claude &amp; co: $1,500.00 (12 %)"
    )
    assert [button["url"] for button in blocks[4]["elements"]] == [
        link.url for link in make_message().links
    ]


def test_slack_gets_its_own_template_with_the_links_below(receiver: Receiver) -> None:
    TRANSPORTS["slack"](slack(receiver, template=SLACK_TEMPLATE))

    (body,) = receiver.bodies
    assert body["text"].endswith(" ML Team &amp; co has spent 84 %.")
    given, links = body["attachments"]
    assert given["color"] == "#d97706"
    assert given["fields"][1]["value"] == "84%"
    assert links["blocks"][0]["type"] == "actions"


def test_nobody_can_ring_the_bell_by_the_name_of_a_budget(receiver: Receiver) -> None:
    message = make_message(title="<!channel> & co", text="<!here>")

    TRANSPORTS["slack"](slack(receiver, messages=(message,)))

    (body,) = receiver.bodies
    assert body["text"].endswith("&lt;!channel&gt; &amp; co")
    assert body["attachments"][0]["blocks"][1]["text"]["text"] == "&lt;!here&gt;"


def test_slacks_limits_are_kept(receiver: Receiver) -> None:
    message = make_message(
        title="t" * 500, text="x" * 9_000, facts=(("label", "value"),) * 20
    )

    TRANSPORTS["slack"](slack(receiver, messages=(message,)))

    header, text, facts = receiver.bodies[0]["attachments"][0]["blocks"][:3]
    assert len(header["text"]["text"]) == 150
    assert len(text["text"]["text"]) == 3_000
    assert len(facts["fields"]) == 10


# -- PagerDuty


@pytest.mark.parametrize(
    ("event", "action"),
    [
        ("fired", "trigger"),
        ("escalated", "trigger"),
        ("test", "trigger"),
        ("acknowledged", "acknowledge"),
        ("resolved", "resolve"),
    ],
)
def test_pagerduty_has_one_incident_for_one_subject(
    receiver: Receiver, settings: Settings, event: str, action: str
) -> None:
    settings.PAGERDUTY_URL = receiver.url("")
    receiver.answers = [with_status(202)]
    parcel = make_parcel(make_message(event=event), setup={"routing_key": "R1"})

    assert TRANSPORTS["pagerduty"](parcel) == Accepted(202)

    assert receiver.requests[0].path == "/v2/enqueue"
    (body,) = receiver.bodies
    assert (body["event_action"], body["dedup_key"]) == (action, "alert-1")
    assert body["routing_key"] == "R1"
    if action == "trigger":
        assert body["payload"]["severity"] == "warning"
        assert body["payload"]["summary"] == make_message().title
        assert body["links"][0]["text"] == "Acknowledge"


# -- Text messages and calls


@pytest.mark.parametrize("kind", ["sms", "phone"])
def test_text_messages_and_calls_go_to_the_operators_service(
    receiver: Receiver, settings: Settings, kind: str
) -> None:
    settings.SMS_URL = f"json://127.0.0.1:{receiver.port}/?+X-Key=abc"
    parcel = make_parcel(recipient="+15551234567")

    assert TRANSPORTS[kind](parcel) == Accepted(200)

    (request,) = receiver.requests
    assert request.path == "/+15551234567"
    assert request.headers["X-Key"] == "abc"
    assert request.json["message"].startswith("ML Team has spent $12,600.00")
    assert ("acknowledge/token-1" in request.json["message"]) is (kind == "sms")


def test_twilio_calls_who_is_to_be_called(
    receiver: Receiver, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = receiver.url("/{sid}/Calls.json")
    monkeypatch.setattr(NotifyTwilio, "notify_call_url", calls)
    in_this_process(monkeypatch)
    account, secret = f"AC{'0' * 32}", "0" * 32
    settings.SMS_URL = f"twilio://{account}:{secret}@15550001111"
    receiver.answers = [with_status(201, b"{}")]

    sent = TRANSPORTS["phone"](make_parcel(recipient="+15551234567"))

    assert sent == Accepted(201)
    (request,) = receiver.requests
    form = parse_qs(request.body.decode())
    assert request.path == f"/{account}/Calls.json"
    assert form["To"] == ["+15551234567"]
    assert "<Say>ML Team has spent" in form["Twiml"][0]


def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send by apprise here, where its plugins can be changed; undone after the test."""
    sessions: Any = requests.sessions
    monkeypatch.setattr(sessions, "HTTPAdapter", sessions.HTTPAdapter)
    monkeypatch.setattr(http, "_watched", None)
    monkeypatch.setattr(service, "_told_by_process", service_process.send)


@pytest.mark.parametrize("kind", ["sms", "phone"])
def test_without_a_service_it_fails_for_good_and_says_what_to_set(
    settings: Settings, kind: str
) -> None:
    settings.SMS_URL = ""

    with pytest.raises(TransportError, match="COSTOPS_SMS_URL") as caught:
        TRANSPORTS[kind](make_parcel(recipient="+15551234567"))

    assert caught.value.permanent


# -- Everything else


def other(receiver: Receiver, **fields: Any) -> Parcel:
    setup = {"url": f"json://127.0.0.1:{receiver.port}/secret-token"}
    return make_parcel(**{"setup": setup, **fields})


def test_other_services_get_title_and_text(receiver: Receiver) -> None:
    sent = TRANSPORTS["apprise"](other(receiver, template={"text": "{{nope.x}}"}))

    assert sent == Accepted(200, "Template not used: 'nope' is undefined.")
    (body,) = receiver.bodies
    assert body["title"] == make_message().title
    assert body["type"] == "warning"
    assert body["message"].startswith(make_message().text)
    assert "gpt-4o: $8,000.00 (63 %)" in body["message"]
    assert "Acknowledge: http://testserver/" in body["message"]


@pytest.mark.parametrize(
    ("status", "permanent"), [(404, True), (410, True), (429, False), (500, False)]
)
def test_what_another_service_answers_is_understood(
    receiver: Receiver, status: int, permanent: bool
) -> None:
    receiver.answers = [with_status(status, Retry_After="9")]

    with pytest.raises(TransportError) as caught:
        TRANSPORTS["apprise"](other(receiver))

    assert (caught.value.status, caught.value.permanent) == (status, permanent)
    assert caught.value.retry_after_s == 9
    assert "secret-token" not in str(caught.value)


def test_another_service_on_a_closed_address_is_refused() -> None:
    with (
        receiving() as unguarded,
        pytest.raises(TransportError, match="closed") as caught,
    ):
        TRANSPORTS["apprise"](other(unguarded))

    assert caught.value.permanent
    assert unguarded.requests == []


@pytest.mark.parametrize("follow", ["yes", "no"])
def test_another_service_is_not_followed_into_the_inner_network(
    settings: Settings, follow: str
) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.1/32"]
    with receiving("127.0.0.2") as inner, receiving() as outer:
        outer.answers = [with_status(307, Location=f"http://127.0.0.2:{inner.port}/")]
        url = f"json://127.0.0.1:{outer.port}/?redirect={follow}"

        with pytest.raises(TransportError):
            TRANSPORTS["apprise"](make_parcel(setup={"url": url}))

    assert len(outer.requests) == 1
    assert inner.requests == []


def test_another_service_that_hangs_is_left_in_time(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", 0.3)
    receiver.answers = [hang]

    with pytest.raises(TransportError, match="no answer in time") as caught:
        TRANSPORTS["apprise"](other(receiver))

    assert not caught.value.permanent


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("mailto://me:pass@127.0.0.1:25/?to=a@example.com", id="SMTP"),
        pytest.param("syslog://", id="this machine's log"),
        pytest.param("rsyslog://127.0.0.1", id="another machine's log"),
        pytest.param("dbus://", id="this machine's desktop"),
        pytest.param(
            "fcm://project@key/device?mode=oauth2&keyfile=/etc/passwd",
            id="a file of this machine",
        ),
        pytest.param("nonsense://x", id="nonsense"),
        pytest.param("", id="nothing"),
        pytest.param("file:///etc/passwd", id="a file"),
    ],
)
def test_services_that_would_pass_by_the_guard_are_not_used(
    open_to_itself: None, url: str
) -> None:
    with pytest.raises(TransportError, match=r"can't be used|Not an address") as caught:
        TRANSPORTS["apprise"](make_parcel(setup={"url": url}))

    assert caught.value.permanent


@pytest.mark.parametrize(
    "url",
    [
        f"tgram://123456789:{'a' * 35}/12315544",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "workflows://prod.westeurope.logic.azure.com/workflow1/signature",
        "ntfy://topic",
    ],
    ids=["Telegram", "Discord", "Teams", "ntfy"],
)
def test_well_known_services_are_used(url: str) -> None:
    assert open_service(url) is not None


@pytest.mark.parametrize(
    "url",
    [
        "emby://ann:pass@127.0.0.1/?redirect=yes",
        "matrix://ann:pass@127.0.0.1/#room",
        "twist://ann:pass@example.com",
        "workflows://example.com/workflow/signature?template=/etc/passwd",
        "workflows://example.com/workflow/signature?Template=%2fetc%2fpasswd",
        f"discord://4174216298/{'a' * 30}?a=b&+template=/etc/passwd",
        f"https://discord.com/api/webhooks/4174216298/{'a' * 30}?template=/etc/hosts",
        f"tgram://123456789:{'a' * 35}/12315544/?template=file:///etc/passwd",
    ],
)
def test_services_with_effects_of_their_own_and_files_are_refused(url: str) -> None:
    with pytest.raises(TransportError, match="can't be used here") as caught:
        TRANSPORTS["apprise"](make_parcel(setup={"url": url}))

    assert caught.value.permanent


def test_no_service_on_the_list_acts_when_it_is_thrown_away() -> None:
    for name in sorted(set(MODULE_OF.values())):
        kind = known_services._plugin_in(name)

        assert not hasattr(kind, "__del__"), name
        assert "requests" in vars(sys.modules[kind.__module__]), name


def test_every_name_on_the_list_is_that_of_its_service() -> None:
    for scheme, name in MODULE_OF.items():
        kind = known_services._plugin_in(name)
        names: list[str] = []
        for own in (kind.protocol, kind.secure_protocol):
            names += [own] if isinstance(own, str) else list(own or ())

        assert scheme in names, scheme


# A plugin in a process of its own, with whatever it does in the place of HOSTILE.
_PROCESS = """
import apprise, os, requests, socket, subprocess, sys, threading
from notifications import service_process

class Plugin:
    def notify(self, **_):
        return True

    def __del__(self):
        HOSTILE

service_process.open_service = lambda url, asset: OPENED
service_process.main()
"""


def run_process(hostile: str, url: str = "", opened: str = "Plugin()") -> str:
    """Return what a process with a hostile plugin told, or how it ended."""
    sending = {
        "url": url,
        "title": "t",
        "body": "b",
        "kind": "info",
        "within_s": 5,
        "allow": ["127.0.0.1/32"],
    }
    code = _PROCESS.replace("HOSTILE", hostile).replace("OPENED", opened)
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(sending),
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "act",
    [
        "requests.get('http://127.0.0.2:PORT/')",
        "requests.get('http://127.0.0.1:OUTER/', allow_redirects=True)",
        "socket.create_connection(('127.0.0.2', PORT)).send(b'x')",
        "socket.create_connection(('localhost', PORT)).send(b'x')",
        "subprocess.run(['touch', 'MARK'])",
        "os.system('touch MARK')",
        "open('MARK', 'w')",
        "requests.get('http://127.0.0.1:OUTER/' + open('/etc/passwd').read()[:4])",
    ],
)
def test_what_a_plugin_does_when_it_is_thrown_away_is_guarded(
    act: str, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    with receiving("127.0.0.2") as inner, receiving() as outer:
        away = with_status(307, Location=f"http://127.0.0.2:{inner.port}/")
        outer.answers = [away]
        words = act.replace("PORT", str(inner.port)).replace("OUTER", str(outer.port))

        told = run_process(words.replace("MARK", str(mark)))

    assert '"taken": true' in told
    assert not inner.requests
    assert not mark.exists()
    assert all("root" not in request.path for request in outer.requests)


def test_emby_is_not_led_into_the_inner_network_when_it_logs_out() -> None:
    with receiving("127.0.0.2") as inner, receiving() as outer:
        user = b'{"AccessToken": "a", "User": {"Id": "1"}, "Id": "1"}'
        away = with_status(307, Location=f"http://127.0.0.2:{inner.port}/")
        outer.answers = [with_status(200, user), with_status(200, b"[]"), *[away] * 3]
        url = f"emby://ann:pass@127.0.0.1:{outer.port}/?redirect=yes"

        told = run_process("pass", url, "apprise.Apprise.instantiate(url, asset=asset)")

    paths = [request.path for request in outer.requests]
    assert any("Logout" in path for path in paths), (paths, told)
    assert inner.requests == []


def test_a_process_that_does_not_end_is_ended(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LONGEST_S", 0.2)
    receiver.slow_s = 20  # or until the test is over

    with pytest.raises(TransportError, match="took too long") as caught:
        TRANSPORTS["apprise"](other(receiver))

    assert not caught.value.permanent


def test_few_processes_run_at_once_and_fewer_to_one_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "PATIENCE_S", 0)
    turns = service._Turns()
    with ExitStack() as held:
        for number in range(service.MOST // 2):
            for _ in range(service.MOST_TO_ONE):
                held.enter_context(turns.of(f"json://{number}"))

        with pytest.raises(TransportError, match="Too many"), turns.of("json://x"):
            pass
    with ExitStack() as held:
        for _ in range(service.MOST_TO_ONE):
            held.enter_context(turns.of("json://a"))
        with pytest.raises(TransportError, match="Too many"), turns.of("json://a"):
            pass
        held.enter_context(turns.of("json://b"))

    assert turns._running.total() == 0


def test_nothing_is_changed_for_the_whole_process() -> None:
    sessions: Any = requests.sessions

    assert sessions.HTTPAdapter is requests.adapters.HTTPAdapter


def test_secrets_are_base64_as_the_standard_has_it() -> None:
    assert len(base64.b64decode(SECRET.removeprefix("whsec_"))) >= 24
