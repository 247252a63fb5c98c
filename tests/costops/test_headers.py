"""What answers tell browsers to do and to leave."""

import json
import os
import re
import subprocess
import sys
from secrets import token_urlsafe

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth import get_user_model
from django.core.checks import run_checks
from django.test import Client
from pytest_django import Settings

from accounts.models import Organization
from accounts.scopes import Role
from tests.databases import ROOT
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


def test_whoever_logs_in_begins_a_session_anew(acme: Organization) -> None:
    person = make_person("ann@acme.example", {acme: Role.VIEWER})
    browser = Client()
    planted = browser.session
    planted["by"] = "somebody else"
    planted.save()
    browser.cookies["sessionid"] = before = str(planted.session_key)

    browser.post("/admin/login/", {"username": person.email, "password": "secret"})

    after = browser.cookies["sessionid"].value
    assert after not in {"", before}


def test_no_account_is_there_from_the_beginning() -> None:
    assert not get_user_model().objects.exists()


SAFE = {
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
    "SECURE_SSL_REDIRECT": True,
    "SECURE_HSTS_SECONDS": 31_536_000,
    "SESSION_COOKIE_AGE": 14 * 86_400,
    "DEBUG": False,
}


def test_with_an_https_address_nothing_goes_without_it() -> None:
    program = (
        "import json; from django.conf import settings; "
        f"print(json.dumps([settings.PASSWORD_HASHERS[0], "
        f"*(getattr(settings, name) for name in {list(SAFE)!r})]))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "costops.settings",
            "COSTOPS_SECRET_KEY": "tests-only",
            "COSTOPS_SITE_URL": "https://costs.example.com",
            "DATABASE_URL": "sqlite://",
        },
        capture_output=True,
        text=True,
        check=True,
    )

    hasher, *values = json.loads(found.stdout)
    assert hasher.endswith("PBKDF2PasswordHasher")
    assert values == list(SAFE.values())


def test_debug_mode_is_told_when_deploying(settings: Settings) -> None:
    settings.DEBUG = True

    told = run_checks(tags=["security"], include_deployment_checks=True)

    assert "security.W018" in {each.id for each in told}


def deploying(address: str) -> set[str]:
    """Return what `check --deploy` warns of where people use *address*."""
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "COSTOPS_SECRET_KEY": token_urlsafe(50),
            "COSTOPS_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "COSTOPS_SITE_URL": address,
            "DATABASE_URL": "sqlite://",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return set(re.findall(r"\((\w+\.[WE]\d+)\)", done.stderr))


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://costs.example.com", set()),
        ("http://localhost:8080", set()),
        (
            "http://costs.example.com",
            {"security.W004", "security.W008", "security.W012", "security.W016"},
        ),
    ],
)
def test_plain_http_to_others_is_told_when_deploying(
    address: str, told: set[str]
) -> None:
    assert deploying(address) == told


def test_behind_a_proxy_people_are_led_to_https_and_kept_there(
    settings: Settings,
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 31_536_000

    plain = Client().get("/admin/login/", headers={"x-forwarded-proto": "http"})
    safe = Client().get("/health/live", headers={"x-forwarded-proto": "https"})

    assert (plain.status_code, plain.headers["Location"]) == (
        301,
        "https://testserver/admin/login/",
    )
    assert safe.status_code == 200
    assert safe.headers["Strict-Transport-Security"].startswith("max-age=31536000")
