"""Sessions that nobody uses end, and say so."""

from collections.abc import Iterator

import pytest
import time_machine
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.checks import run_checks
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from time_machine import Traveller

from accounts.idle import COOKIE
from accounts.models import Organization, User
from accounts.scopes import Role
from tests.factories import make_person

pytestmark = pytest.mark.django_db
PAGE = "/admin/budgets/budget/tree/"
LOG_IN = "/admin/login/?next=/admin/"
HOUR = 3_600


@pytest.fixture
def clock() -> Iterator[Traveller]:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield clock


@pytest.fixture
def ann(acme: Organization) -> User:
    return make_person("ann@acme.example", {acme: Role.VIEWER})


@pytest.fixture
def browser(ann: User, clock: Traveller) -> Client:
    browser = Client()
    browser.post(LOG_IN, {"username": ann.email, "password": "secret"})
    return browser


def is_in(browser: Client) -> bool:
    return browser.get(PAGE).status_code == 200


def test_a_session_in_use_goes_on(browser: Client, clock: Traveller) -> None:
    for _ in range(4):
        clock.shift(7 * HOUR)
        assert is_in(browser)


def test_one_that_nobody_uses_ends_and_the_log_in_page_says_why(
    browser: Client, clock: Traveller
) -> None:
    clock.shift(7 * HOUR)
    browser.get(PAGE)
    clock.shift(8 * HOUR + 1)

    answer = browser.get(PAGE, follow=True)

    assert answer.redirect_chain[0][0] == f"/admin/login/?next={PAGE}"
    page = answer.content.decode()
    assert "You were logged out: nothing was done here for 8 hours." in page
    assert "nothing was done here" not in browser.get(LOG_IN).content.decode()
    assert not browser.cookies["sessionid"].value
    form = {"username": "ann@acme.example", "password": "secret"}
    assert browser.post(LOG_IN, form).status_code == 302
    assert is_in(browser)


def test_nobody_gains_time_by_leaving_out_or_keeping_the_cookie(
    browser: Client, clock: Traveller
) -> None:
    session = browser.cookies["sessionid"].value
    clock.shift(2 * HOUR)
    browser.get(PAGE)
    early = browser.cookies[COOKIE].value
    clock.shift(7 * HOUR)
    assert is_in(browser)
    late = browser.cookies[COOKIE].value

    def is_let_in(used: str, session: str = session) -> bool:
        thief = Client()
        thief.cookies["sessionid"] = session
        thief.cookies[COOKIE] = used
        return is_in(thief)

    assert is_let_in(late)
    assert not is_let_in("")
    assert not is_let_in("forged")
    clock.shift(2 * HOUR)
    assert not is_let_in(early)
    other = Client()
    other.post(LOG_IN, {"username": "ann@acme.example", "password": "secret"})
    clock.shift(7 * HOUR)
    assert not is_let_in(late, other.cookies["sessionid"].value[::-1])


def test_a_page_that_asks_by_itself_does_not_keep_it(
    browser: Client, clock: Traveller
) -> None:
    for _ in range(3):
        clock.shift(4 * HOUR)
        last = browser.get(PAGE, headers={"HX-Request": "true"})

    assert last.status_code == 302
    assert "nothing was done here" in browser.get(PAGE, follow=True).content.decode()


def test_what_is_sent_too_late_does_nothing_and_the_session_is_gone(
    browser: Client, clock: Traveller
) -> None:
    clock.shift(9 * HOUR)

    answer = browser.post("/admin/budgets/budget/add/", {"name": "New"})

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/admin/login/")
    assert not Session.objects.exists()


@pytest.mark.parametrize(("hours", "is_told"), [(0, True), (8, False), (337, True)])
def test_a_time_that_means_nothing_is_told(
    settings: Settings, hours: int, is_told: bool
) -> None:
    settings.SESSION_IDLE_S = hours * HOUR

    assert ("costops.E005" in {one.id for one in run_checks()}) is is_told


def test_while_the_database_is_away_pages_say_so_and_the_process_is_alive(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(SessionStore, "load", away)

    browser.raise_request_exception = False

    page, live = browser.get(PAGE), browser.get("/health/live")

    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
    assert live.status_code == 200
