"""Who logged in, failed to, was locked out or logged out, and from where, is logged."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization
from accounts.scopes import Role
from tests.factories import make_person

pytestmark = pytest.mark.django_db
LOG_IN = "/admin/login/?next=/admin/"


def log_in(browser: Client, name: str, password: str) -> Any:
    return browser.post(LOG_IN, {"username": name, "password": password})


def test_log_ins_are_logged_with_their_address_and_no_password(
    acme: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    make_person("ann@acme.example", {acme: Role.VIEWER})
    browser = Client(REMOTE_ADDR="192.0.2.7")

    with caplog.at_level("INFO"):
        log_in(browser, "Ann@acme.example", "hunter2-wrong")
        log_in(browser, "ann@acme.example", "secret")
        browser.post("/admin/logout/")
        for _ in range(6):
            log_in(browser, "ann@acme.example", "hunter2-wrong")
        log_in(browser, 'my-password\n" outcome="succeeded', "hunter2-wrong")

    said = [one for one in caplog.records if one.name == "accounts.logins"]
    fields = 'event="{}" outcome="{}" account="{}" address="192.0.2.7"'.format
    ann = "ann@acme.example"
    failed = fields("log-in", "failed", ann)
    assert [(one.levelname, one.getMessage()) for one in said] == [
        ("WARNING", failed),
        ("INFO", fields("log-in", "succeeded", ann)),
        ("INFO", fields("log-out", "succeeded", ann)),
        *[("WARNING", failed)] * 4,
        *[("WARNING", fields("log-in", "locked out", ann))] * 2,
        ("WARNING", fields("log-in", "failed", "-")),
    ]
    everything = "".join(one.getMessage() for one in caplog.records)
    assert "hunter2" not in everything
    assert "my-password" not in everything
