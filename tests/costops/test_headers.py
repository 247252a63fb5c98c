"""What answers tell browsers to do and to leave."""

import pytest
from django.test import Client

from accounts.models import Organization
from accounts.scopes import Role
from tests.factories import browser_for, make_person

PLACES = ["/admin/login/", "/health", "/api/v1/budgets", "/api/v1/schema", "/nowhere"]

pytestmark = pytest.mark.django_db


def log_in(organization: Organization) -> Client:
    person = make_person("ann@acme.example", {organization: Role.VIEWER})
    person.set_password("correct horse battery")
    person.save()
    browser = Client()
    browser.get("/admin/login/")
    browser.post(
        "/admin/login/?next=/admin/",
        {"username": person.email, "password": "correct horse battery"},
    )
    return browser


@pytest.mark.parametrize("path", PLACES)
def test_no_answer_is_guessed_at_framed_or_told_on(path: str) -> None:
    headers = Client().get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] in {"same-origin", "no-referrer"}


@pytest.mark.parametrize("path", PLACES)
def test_no_other_site_may_read_an_answer(path: str) -> None:
    answer = Client(headers={"origin": "https://evil.example"}).get(path)

    assert "Access-Control-Allow-Origin" not in answer.headers


def test_scripts_and_other_sites_do_not_have_the_session(acme: Organization) -> None:
    cookie = log_in(acme).cookies["sessionid"]

    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_a_session_that_was_left_opens_nothing(acme: Organization) -> None:
    browser = log_in(acme)
    kept = browser.cookies["sessionid"].value
    assert browser.get("/admin/budgets/budget/tree/").status_code == 200

    browser.post("/admin/logout/")

    browser.cookies["sessionid"] = kept
    assert browser.get("/admin/budgets/budget/tree/").status_code == 302


def test_pages_of_people_are_not_kept_by_browsers(acme: Organization) -> None:
    page = browser_for(acme).get("/admin/budgets/budget/tree/")

    assert "no-store" in page.headers["Cache-Control"]
