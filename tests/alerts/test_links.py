"""The page behind a mailed link: opening it changes nothing, pressing a button does."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Organization
from alerts import escalation, services
from alerts.links import LASTS, make_link
from alerts.models import Alert, AlertState
from budgets.models import Budget
from notifications.models import Delivery, MailedLink
from tests.alerts.factories import fire
from tests.factories import make_budget, make_organization
from tests.sizes import size

pytestmark = pytest.mark.django_db
ANN = "ann@acme.example"


@pytest.fixture
def ml(acme: Organization) -> Budget:
    return make_budget(acme, "ML Team", "15000")


@pytest.fixture
def alert(ml: Budget) -> Alert:
    return fire(ml, recipients=(ANN,))


@pytest.fixture
def browser() -> Client:
    """A browser as mail programs open one: nobody is logged in, CSRF is checked."""
    return Client(enforce_csrf_checks=True)


def path_of(alert: Alert, person: str = ANN) -> str:
    url = make_link(alert, person, now=timezone.now())
    return url.removeprefix("http://testserver")


def press(browser: Client, path: str, answer: str, **more: Any) -> Any:
    """Open the page and press a button, as a browser that says where it is from."""
    page = browser.get(path)
    data = {"seen": page.context["seen"], "answer": answer}
    return browser.post(path, data | more, headers={"origin": "null"})


def everything() -> dict[str, list[str]]:
    """Return all rows of all tables."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found[table] = sorted(map(repr, cursor.fetchall()))
    return found


def test_a_thousand_looks_change_nothing(browser: Client, alert: Alert) -> None:
    path = path_of(alert)
    before = everything()

    for number in range(size(30, 500)):
        assert browser.get(path).status_code == 200
        assert browser.head(f"{path}/" if number % 2 else path).status_code == 200

    assert everything() == before
    assert not browser.cookies


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_no_other_method_does_anything(
    browser: Client, alert: Alert, method: str
) -> None:
    path = path_of(alert)
    before = everything()

    answer = getattr(browser, method)(path, {"answer": "resolve"})

    assert answer.status_code == 405
    assert everything() == before


def test_the_page_leaves_no_trace_elsewhere(browser: Client, alert: Alert) -> None:
    answer = browser.get(path_of(alert))

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    page = answer.content.decode()
    assert "<script" not in page
    addresses = [part.split('"')[0] for part in page.split('src="')[1:]]
    assert all(address.startswith("/static/") for address in addresses)


def test_it_shows_what_is_wrong_and_who_one_is(browser: Client, alert: Alert) -> None:
    page = browser.get(path_of(alert)).content.decode()

    assert "Warning: ML Team is at 80\N{NO-BREAK SPACE}% of $15,000.00" in page
    assert "Nobody has acknowledged it yet." in page
    assert f"You answer as {ANN}." in page


@pytest.mark.parametrize(("minutes", "hours"), [("60", 1), ("240", 4), ("1440", 24)])
def test_a_button_acknowledges_for_its_time(
    browser: Client, alert: Alert, minutes: str, hours: int
) -> None:
    path = path_of(alert)

    answer = press(browser, path, minutes)

    alert.refresh_from_db()
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    assert (alert.state, alert.acknowledged_by) == (AlertState.ACKNOWLEDGED, ANN)
    assert alert.acknowledged_until is not None
    left = alert.acknowledged_until - timezone.now()
    assert timedelta(hours=hours, minutes=-1) < left <= timedelta(hours=hours)
    assert alert.events.get(kind="acknowledged").actor == ANN
    assert MailedLink.objects.get().used_at is not None
    page = browser.get(path).content.decode()
    assert f"{ANN} has acknowledged it until" in page


def test_a_button_resolves(browser: Client, alert: Alert) -> None:
    path = path_of(alert)

    press(browser, path, "resolve")

    alert.refresh_from_db()
    assert (alert.state, alert.resolved_by) == (AlertState.RESOLVED, ANN)
    page = browser.get(path).content.decode()
    assert f"{ANN} resolved it on" in page
    assert "<form" not in page


def test_a_stale_page_says_who_was_first(browser: Client, alert: Alert) -> None:
    path = path_of(alert)
    seen = browser.get(path).context["seen"]
    services.acknowledge(alert, by="bob@acme.example", now=timezone.now())

    answer = browser.post(path, {"seen": seen, "answer": "resolve"})

    alert.refresh_from_db()
    assert answer.status_code == 409
    said = "Nothing was changed: bob@acme.example has acknowledged it until"
    assert said in answer.content.decode()
    assert alert.state == AlertState.ACKNOWLEDGED


def test_a_page_stays_good_while_the_ladder_goes_on(
    browser: Client, alert: Alert
) -> None:
    path = path_of(alert)
    seen = browser.get(path).context["seen"]
    escalation.run_due(timezone.now())

    answer = browser.post(path, {"seen": seen, "answer": "60"})

    assert answer.status_code == 303


BAD_FORMS: dict[str, dict[str, str]] = {
    "nothing": {},
    "no button": {"answer": ""},
    "unknown button": {"answer": "100000"},
}


@pytest.mark.parametrize("form", BAD_FORMS.values(), ids=BAD_FORMS)
def test_a_form_that_is_not_ours_does_nothing(
    browser: Client, alert: Alert, form: dict[str, str]
) -> None:
    path = path_of(alert)
    seen = browser.get(path).context["seen"] if form else ""

    answer = browser.post(path, {"seen": seen, **form})

    alert.refresh_from_db()
    assert answer.status_code in {400, 409}
    assert alert.state == AlertState.FIRING


def test_a_link_ends(browser: Client, alert: Alert) -> None:
    path = path_of(alert)
    MailedLink.objects.update(expires_at=timezone.now())

    looked = browser.get(path)
    pressed = browser.post(path, {"answer": "resolve"})

    alert.refresh_from_db()
    assert looked.status_code == pressed.status_code == 404
    assert "too old" in looked.content.decode()
    assert looked.headers["Referrer-Policy"] == "no-referrer"
    assert alert.state == AlertState.FIRING


@pytest.mark.parametrize("token", ["x", "A" * 43, "A" * 5_000, "%00", "a%2Fb"])
def test_a_made_up_link_shows_nothing(
    browser: Client, alert: Alert, token: str
) -> None:
    answer = browser.post(f"/alerts/{token}/", {"answer": "resolve"})

    assert answer.status_code == 404
    assert "ML Team" not in answer.content.decode()


def test_a_link_is_good_for_one_alert(
    browser: Client, alert: Alert, ml: Budget
) -> None:
    other = fire(ml, key="spike:x", type="spike")

    press(browser, path_of(alert), "resolve")

    other.refresh_from_db()
    assert other.state == AlertState.FIRING


def test_no_live_token_stands_in_the_database(alert: Alert) -> None:
    escalation.run_due(timezone.now())
    delivery = Delivery.objects.get()
    url = delivery.message["links"][0]["url"]
    token = url.rsplit("/", 1)[-1]

    link = MailedLink.objects.get()
    assert bytes(link.digest) == sha256(token.encode()).digest()
    assert len(token) == 43  # 256 bits
    assert LASTS > link.expires_at - timezone.now() > timedelta(days=6)
    assert token not in repr(everything())


def test_a_link_is_not_good_for_another_organizations_alert(
    browser: Client, alert: Alert
) -> None:
    path = path_of(alert)
    globex = make_organization("globex")
    theirs = fire(make_budget(globex, "Their budget", "100"))
    MailedLink.objects.update(subject=theirs.uid)

    looked = browser.get(path)
    pressed = browser.post(path, {"answer": "resolve"})

    theirs.refresh_from_db()
    assert looked.status_code == pressed.status_code == 404
    assert "Their budget" not in looked.content.decode()
    assert theirs.state == AlertState.FIRING
    assert MailedLink.objects.get().used_at is None


def test_a_link_of_another_purpose_shows_nothing(browser: Client, alert: Alert) -> None:
    path = path_of(alert)
    MailedLink.objects.update(purpose="request")

    assert browser.get(path).status_code == 404


def test_a_link_whose_alert_is_gone_shows_nothing(
    browser: Client, alert: Alert
) -> None:
    path = path_of(alert)
    alert.delete()

    assert browser.get(path).status_code == 404


def test_who_says_not_me_burns_the_link(browser: Client, alert: Alert) -> None:
    path = path_of(alert)
    assert "This is not me" in browser.get(path).content.decode()

    answer = browser.post(
        path,
        {"answer": "not-me"},
        headers={"origin": "null", "user-agent": "Mail/1"},
        REMOTE_ADDR="192.0.2.7",
    )
    again = browser.get(path)
    pressed = browser.post(path, {"answer": "resolve"})

    alert.refresh_from_db()
    link = MailedLink.objects.get()
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "no longer works" in answer.content.decode()
    assert again.status_code == pressed.status_code == 404
    assert alert.state == AlertState.FIRING
    assert (link.used_at, link.address, link.agent) == (None, "192.0.2.7", "Mail/1")
    assert link.burnt_at is not None


@pytest.mark.parametrize(
    ("proxied", "forwarded", "kept"),
    [
        pytest.param(False, "198.51.100.1", "192.0.2.7", id="anybody may say so"),
        pytest.param(True, "10.0.0.1, 198.51.100.1", "198.51.100.1", id="a proxy"),
        pytest.param(True, None, "192.0.2.7", id="a proxy that says nothing"),
        pytest.param(True, "unknown", None, id="a proxy that does not know"),
    ],
)
def test_an_answer_keeps_where_it_came_from(
    browser: Client,
    alert: Alert,
    settings: Any,
    proxied: bool,
    forwarded: str | None,
    kept: str | None,
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    if not proxied:
        settings.SECURE_PROXY_SSL_HEADER = None
    path = path_of(alert)
    seen = browser.get(path).context["seen"]
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}

    browser.post(
        path, {"seen": seen, "answer": "60"}, headers=headers, REMOTE_ADDR="192.0.2.7"
    )

    assert MailedLink.objects.get().address == kept


def test_a_link_acknowledges_first_and_resolves_later(
    browser: Client, alert: Alert
) -> None:
    path = path_of(alert)

    press(browser, path, "60")
    press(browser, path, "resolve")

    alert.refresh_from_db()
    assert alert.state == AlertState.RESOLVED


def test_a_press_sent_twice_acts_once(browser: Client, alert: Alert) -> None:
    path = path_of(alert)
    data = {"seen": browser.get(path).context["seen"], "answer": "60"}

    codes = [browser.post(path, data).status_code for _ in range(2)]

    assert codes == [303, 409]
    assert alert.events.filter(kind="acknowledged").count() == 1
