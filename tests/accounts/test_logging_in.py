"""Logging in: throttled, the password forgotten, and who is let in no more."""

import re
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Organization, User
from accounts.scopes import Role
from console.accounts.passwords import mail_link
from tests.factories import make_person
from tests.pages import page_at

pytestmark = pytest.mark.django_db

LOG_IN = "/admin/login/"


@pytest.fixture
def ann(acme: Organization) -> User:
    return make_person("ann@acme.example", {acme: Role.VIEWER})


def log_in(email: str, password: str | None = None, address: str = "192.0.2.1") -> Any:
    """Try *password*; without it, a wrong one."""
    return Client(REMOTE_ADDR=address).post(
        f"{LOG_IN}?next=/admin/", {"username": email, "password": password or "wrong"}
    )


def be_wrong(times: int, email: str = "ann@acme.example", **where: str) -> list[int]:
    return [log_in(email, **where).status_code for _ in range(times)]


def test_after_five_wrong_passwords_one_waits(ann: User) -> None:
    answers = be_wrong(5)

    refused = log_in(ann.email, "secret")

    assert answers == [200, 200, 200, 200, 429]
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "900"
    page = refused.content.decode()
    assert "Wait 15 minutes" in page
    assert "unfold" in page  # it has the look of the others


def test_a_wait_ends_and_trying_meanwhile_does_not_lengthen_it(ann: User) -> None:
    be_wrong(5)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        clock.shift(600)
        during = be_wrong(3)
        clock.shift(310)

        answer = log_in(ann.email, "secret")

    assert set(during) == {429}
    assert answer.status_code == 302


def test_an_account_is_one_however_it_is_written(ann: User) -> None:
    for written in ("ann@acme.example", "Ann@Acme.example", " ANN@acme.example") * 2:
        last = log_in(written)

    assert last.status_code == 429
    assert log_in("Ann@Acme.Example", "secret").status_code == 429


def test_who_is_elsewhere_is_not_kept_out(ann: User) -> None:
    be_wrong(6)

    assert log_in(ann.email, "secret", address="192.0.2.2").status_code == 302


def test_an_account_is_not_tried_from_everywhere(ann: User) -> None:
    for number in range(50):
        log_in(ann.email, address=f"198.51.100.{number}")

    assert log_in(ann.email, "secret", address="203.0.113.1").status_code == 429


def test_an_address_does_not_try_all_accounts(ann: User) -> None:
    for number in range(50):
        log_in(f"p{number}@acme.example")

    assert log_in(ann.email, "secret").status_code == 429


def test_an_own_account_does_not_wash_off_tries_at_others(
    ann: User, acme: Organization
) -> None:
    make_person("eve@acme.example", {acme: Role.VIEWER})
    for number in range(50):
        log_in(f"p{number}@acme.example")
        if number % 10 == 0:
            log_in("eve@acme.example", "secret")

    assert log_in(ann.email).status_code == 429


def test_a_right_password_forgets_the_wrong_ones(ann: User) -> None:
    be_wrong(4)
    log_in(ann.email, "secret")

    assert be_wrong(4) == [200] * 4


def test_no_password_is_kept(ann: User) -> None:
    log_in(ann.email, "correct-horse")

    kept = AccessAttempt.objects.values().get()
    assert "correct-horse" not in str(kept)


def test_behind_a_proxy_its_word_counts(ann: User, settings: Settings) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    form = {"username": ann.email, "password": "wrong"}
    for number in range(5):
        Client(HTTP_X_FORWARDED_FOR=f"10.0.0.{number}, 192.0.2.9").post(LOG_IN, form)

    form["password"] = "secret"
    same = Client(HTTP_X_FORWARDED_FOR="10.9.9.9, 192.0.2.9").post(LOG_IN, form)
    other = Client(HTTP_X_FORWARDED_FOR="192.0.2.9, 192.0.2.8").post(LOG_IN, form)

    assert (same.status_code, other.status_code) == (429, 302)


def test_without_a_place_to_go_one_lands_on_the_tree(ann: User) -> None:
    answer = Client().post(LOG_IN, {"username": ann.email, "password": "secret"})

    assert answer.headers["Location"] == "/admin/"


def test_no_other_site_is_a_place_to_go(ann: User) -> None:
    answer = Client().post(
        f"{LOG_IN}?next=https://evil.example/",
        {"username": ann.email, "password": "secret"},
    )

    assert answer.headers["Location"] == "/admin/"


def test_who_is_switched_off_is_out_at_once(ann: User) -> None:
    browser = Client()
    browser.force_login(ann)
    assert browser.get("/admin/budgets/budget/tree/").status_code == 200

    ann.is_active = False
    ann.save()

    answer = browser.get("/admin/budgets/budget/tree/")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(LOG_IN)


# -- The password is forgotten


def asked(email: str) -> Any:
    return Client().post("/admin/password_reset/", {"email": email}, follow=True)


def queued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have what is enqueued done at once; return for whom."""
    told: list[int] = []

    def do(task: str, person: int) -> None:
        told.append(person)
        mail_link(person)

    monkeypatch.setattr("console.accounts.passwords.enqueue", do)
    return told


def mailed_place() -> str:
    """Return the one address in the one mail that was sent."""
    [sent] = mail.outbox
    found = re.findall(r"http://testserver(/admin/reset/\S+?/\S+?/)", str(sent.body))
    [place] = set(found)
    return str(place)


def test_the_log_in_leads_there() -> None:
    page = page_at(Client(), LOG_IN, next="/admin/")

    assert page.links["Forgotten your password?"] == "/admin/password_reset/"


def test_the_answer_is_the_same_whether_or_not_there_is_an_account(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = queued(monkeypatch)

    known, unknown = asked(ann.email), asked("nobody@acme.example")

    def plain(page: Any) -> str:
        return re.sub(r'value="\w{64}"', "", page.content.decode())

    assert plain(known) == plain(unknown)
    assert known.redirect_chain == unknown.redirect_chain
    assert told == [ann.pk]


def test_a_mailed_link_sets_a_password_once(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(monkeypatch)
    before = Client()
    before.force_login(ann)
    asked("Ann@Acme.example")
    place = mailed_place()
    form = {"new_password1": "correct-horse-9", "new_password2": "correct-horse-9"}
    browser = Client()

    page = browser.get(place, follow=True)
    done = browser.post(page.redirect_chain[-1][0], form, follow=True)

    assert "Your password is set." in done.content.decode()
    assert log_in(ann.email, "correct-horse-9").status_code == 302
    assert before.get("/admin/budgets/budget/tree/").status_code == 302  # logged out
    assert "does not work any more" in Client().get(place, follow=True).content.decode()


def test_a_weak_password_is_refused(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    queued(monkeypatch)
    asked(ann.email)
    place = mailed_place()
    browser = Client()
    page = browser.get(place, follow=True)
    form = {"new_password1": "password", "new_password2": "password"}

    answer = browser.post(page.redirect_chain[-1][0], form)

    assert answer.status_code == 200
    assert "too common" in answer.content.decode()
    assert log_in(ann.email, "secret").status_code == 302


def test_one_is_mailed_every_ten_minutes_at_most(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = queued(monkeypatch)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(5):
            asked(ann.email)
        clock.shift(601)
        asked(ann.email)

    assert told == [ann.pk, ann.pk]


def test_who_is_switched_off_is_mailed_nothing(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann.is_active = False
    ann.save()

    told = queued(monkeypatch)
    asked(ann.email)

    assert told == []
