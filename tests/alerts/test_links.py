"""The page behind a mailed link: opening it changes nothing, pressing a button does."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Organization
from alerts import escalation, links, services, tasks
from alerts.links import LASTS, forget_links, make_link
from alerts.models import AcknowledgeLink, Alert, AlertState
from budgets.models import Budget
from notifications.models import Delivery
from tests.alerts.firing import fire
from tests.factories import make_budget
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

    for number in range(size(100, 500)):
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
    assert AcknowledgeLink.objects.get().used_at is not None
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
    AcknowledgeLink.objects.update(expires_at=timezone.now())

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

    link = AcknowledgeLink.objects.get()
    assert bytes(link.digest) == sha256(token.encode()).digest()
    assert len(token) == 43  # 256 bits
    assert LASTS > link.expires_at - timezone.now() > timedelta(days=6)
    assert token not in repr(everything())


@pytest.mark.parametrize(
    ("ended_days_ago", "left"),
    [
        pytest.param(None, 2, id="it is open"),
        pytest.param(29, 2, id="it ended, but not long ago"),
        pytest.param(30, 0, id="thirty days ago"),
    ],
)
def test_links_are_forgotten_long_after_the_alert(
    ml: Budget, alert: Alert, ended_days_ago: int | None, left: int
) -> None:
    now = timezone.now()
    other = fire(ml, key="spike:1")
    for one in (alert, alert, other):
        make_link(one, ANN, now=now - timedelta(days=60))
    if ended_days_ago is not None:
        services.resolve(alert, by=ANN, now=now - timedelta(days=ended_days_ago))

    told = tasks.forget_links_at(now)

    assert AcknowledgeLink.objects.filter(alert=alert).count() == left
    assert AcknowledgeLink.objects.filter(alert=other).count() == 1
    assert told == f"Forgot {2 - left} links of alerts that ended long ago."


def test_a_link_that_still_works_is_kept(alert: Alert) -> None:
    now = timezone.now()
    make_link(alert, ANN, now=now)
    services.resolve(alert, by=ANN, now=now - timedelta(days=40))

    assert forget_links(now) == 0
    assert forget_links(now + LASTS) == 1


def test_many_links_are_forgotten_some_at_a_time(
    alert: Alert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "_AT_ONCE", 2)
    now = timezone.now()
    for _ in range(5):
        make_link(alert, ANN, now=now - timedelta(days=60))
    services.resolve(alert, by=ANN, now=now - timedelta(days=31))

    assert forget_links(now) == 5
