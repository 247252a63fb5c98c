"""Mails to those who decide, through a real server, and the page behind their links."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Organization, User
from approvals import trail
from approvals.asks import as_ask
from approvals.decisions import decide, reassign
from approvals.models import BudgetRequest, Decision, How, Outcome, TrailEntry
from approvals.reminders import remind_due
from approvals.services import edit, withdraw
from budgets.models import Budget
from notifications import outbox
from notifications.models import MailedLink
from tests.approvals.factories import asks, by, level, make_policy, person_in
from tests.factories import make_budget, make_organization, spend
from tests.notifications.receivers import MailServer
from tests.pages import read
from tests.sizes import size

pytestmark = pytest.mark.django_db
DEAD = "This link does not work."
DAY = timedelta(days=1)


@pytest.fixture
def team(acme: Organization) -> Budget:
    root = make_budget(acme, "Company", "1000")
    made = make_budget(acme, "Team", "900", parent=root)
    spend(acme, "850")
    return made


@pytest.fixture
def browser() -> Client:
    """A browser as mail programs open one: nobody is logged in, CSRF is checked."""
    return Client(enforce_csrf_checks=True)


def delivered(now: datetime | None = None) -> None:
    outbox.deliver(now=now or timezone.now())


def link_in(mails: MailServer, person: User) -> str:
    """Return the path of the link in the newest mail to *person*."""
    delivered()
    text = mails.to(person.email)[-1].text
    found: str = re.findall(r"http://testserver(/approvals/\S+)", text)[-1]
    return found


def press(browser: Client, path: str, answer: str, **more: str) -> Any:
    """Press a button, as a browser that says nothing of where it is from."""
    data = {"answer": answer, **more}
    return browser.post(path, data, headers={"origin": "null"})


def everything() -> Mapping[str, list[str]]:
    """Return all rows of all tables."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found[table] = sorted(map(repr, cursor.fetchall()))
    return found


def test_a_mail_asks_and_its_link_decides(
    mail_server: MailServer,
    browser: Client,
    pm: User,
    lead: User,
    cfo: User,
    team: Budget,
) -> None:
    needed_by = timezone.now() + 3 * DAY
    request = asks(pm, team, approvers=[lead.email, cfo.email], needed_by=needed_by)

    path = link_in(mail_server, lead)
    (mail,) = mail_server.to(lead.email)
    assert mail["Subject"] == (
        "To decide: pm@acme.example asks for $200.00 more for Team"
    )
    for words in (
        "To decide: pm@acme.example asks for $200.00 more for Team.",
        "“The launch is <b>early</b>.”",
        "What it would mean: Company has $150.00 left: $50.00 too little.",
        "Also asked: cfo@acme.example; all have to approve",
        "Needed by: ",
        "don't pass this mail on",
    ):
        assert words in mail.text
    drawn = mail.get_body(("html",))
    assert isinstance(drawn, EmailMessage)
    assert "&lt;b&gt;early" in drawn.get_content()
    assert link_in(mail_server, cfo) != path
    page = read(browser.get(path).content.decode())
    assert page.headings[0] == "pm@acme.example asks for $200.00 more for Team"
    assert "You decide as lead@acme.example" in page.text
    assert "“Company” has $150.00 left, less than is asked for." in page.text
    assert page.buttons == [
        *("This is not me", "Approve $200.00", "Ask for changes", "Reject"),
        "Approve this amount",
    ]

    answer = press(browser, path, "approve", comments="Fine")
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    again = press(browser, path, "reject", comments="No")
    assert again.status_code == 409
    press(browser, link_in(mail_server, cfo), "lower", amount="150.00")

    request.refresh_from_db()
    team.refresh_from_db()
    assert (request.state, team.amount) == ("approved", 1050)
    assert {one.how for one in Decision.objects.all()} == {How.LINK}
    delivered()
    (told,) = mail_server.to(pm.email)
    assert told["Subject"] == "Approved: $150.00 more for Team"
    assert "It is approved with $150.00, by cfo@acme.example on " in told.text
    stale = read(browser.get(path).content.decode())
    assert "lead@acme.example has decided: approved." in stale.text
    assert "It is approved with $150.00, by cfo@acme.example on " in stale.text
    assert stale.buttons == []
    links = TrailEntry.objects.filter(event__startswith="link.").order_by("number")
    assert list(links.values_list("event", flat=True)) == [
        *("link.issued", "link.issued", "link.viewed", "link.used", "link.used")
    ]
    assert list(trail.differences(request.organization)) == []


def test_looking_changes_nothing_and_is_noted_once(
    mail_server: MailServer, browser: Client, pm: User, cfo: User, team: Budget
) -> None:
    asks(pm, team)
    path = link_in(mail_server, cfo)
    assert browser.get(path).status_code == 200
    assert TrailEntry.objects.filter(event="link.viewed").count() == 1
    before = everything()

    for number in range(size(10, 500)):
        shown = browser.get(path)
        assert shown.status_code == 200
        assert browser.head(f"{path}/" if number % 2 else path).status_code == 200
    refused = [browser.put(path), browser.delete(path), browser.options(path)]

    assert everything() == before
    assert not browser.cookies
    assert {one.status_code for one in refused} == {405}
    assert shown.headers["Cache-Control"] == "no-store"
    assert shown.headers["Referrer-Policy"] == "no-referrer"
    assert shown.headers["X-Robots-Tag"] == "noindex, nofollow"
    page = shown.content.decode()
    assert "<script" not in page
    assert "style=" not in page  # the policy of contents would drop it
    found = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert all(one.startswith("/static/") for one in found)
    assert press(browser, path, "approve").status_code == 303


def test_whatever_is_wrong_with_a_link_the_answer_is_the_same(
    mail_server: MailServer,
    browser: Client,
    acme: Organization,
    pm: User,
    lead: User,
    cfo: User,
    team: Budget,
) -> None:
    other = make_organization("other")
    request = asks(pm, team, approvers=[lead.email])
    path, now = link_in(mail_server, lead), timezone.now()
    forged = [path[:-1], f"{path}x", "/approvals/x", path.replace("approvals", "join")]
    swapped = MailedLink.objects.get()
    gone = lead.email, "left@acme.example"

    def answers() -> set[tuple[int, str]]:
        answer = press(browser, path, "approve")
        shown = browser.get(path)
        return {
            (one.status_code, read(one.content.decode()).paragraphs[1])
            for one in (answer, shown)
        }

    def with_link(**columns: Any) -> set[tuple[int, str]]:
        rows = MailedLink.objects.filter(pk=swapped.pk)
        before = rows.values(*columns).get()
        rows.update(**columns)
        found = answers()
        rows.update(**before)
        return found

    (dead,) = with_link(purpose="alert")
    assert dead[0] == 404
    assert dead[1].startswith(DEAD)
    for wrong in forged[:3]:
        assert browser.get(wrong).status_code == 404
        assert press(browser, wrong, "approve").status_code == 404
    assert with_link(organization=other) == {dead}
    assert with_link(person=cfo.email) == {dead}
    assert with_link(subject=request.uid) == {dead}
    assert with_link(revision=7) == {dead}
    assert with_link(expires_at=now) == {dead}
    for column, values in (("is_active", (False, True)), ("email", gone[::-1])):
        setattr(lead, column, values[0])
        lead.save()
        assert answers() == {dead}
        setattr(lead, column, values[1])
        lead.save()
    assert BudgetRequest.objects.get().state == "pending"
    assert press(browser, path, "approve").status_code == 303


def test_a_link_is_void_once_others_are_asked_or_something_else_is(
    mail_server: MailServer,
    browser: Client,
    acme: Organization,
    pm: User,
    lead: User,
    cfo: User,
    team: Budget,
) -> None:
    new, now = person_in(acme, "new"), timezone.now()
    request = asks(pm, team, approvers=[lead.email])
    first = link_in(mail_server, lead)
    step = request.steps.get()

    reassign(step, lead, new, by=by(cfo), now=now, reason="She left")
    second = link_in(mail_server, new)
    assert browser.get(first).status_code == 404
    assert browser.get(second).status_code == 200
    back = timezone.now()
    reassign(step, new, lead, by=by(cfo), now=back, reason="She is back")
    third = link_in(mail_server, lead)
    assert third != first
    assert browser.get(second).status_code == 404
    less = replace(as_ask(request), amount=Decimal(100))
    edit(request, less, by=by(pm), now=now, revision=1)
    fourth = link_in(mail_server, lead)
    assert press(browser, third, "approve").status_code == 404
    assert MailedLink.objects.filter(voided_at=None).count() == 1
    assert "asks for $100.00 more" in browser.get(fourth).content.decode()
    withdraw(request, by=by(pm), now=now)

    page = read(browser.get(fourth).content.decode())
    assert "It is taken back by those who asked, since " in page.text
    assert page.buttons == []
    assert press(browser, fourth, "approve").status_code == 409
    assert MailedLink.objects.filter(used_at=None).count() == 4
    assert Decision.objects.count() == 0


def test_who_rejects_says_why_and_who_is_not_meant_burns_the_link(
    mail_server: MailServer,
    browser: Client,
    acme: Organization,
    pm: User,
    lead: User,
    cfo: User,
    team: Budget,
) -> None:
    make_policy(acme, level(lead, cfo, name="Either"))
    request = asks(pm, team)
    path, other = link_in(mail_server, lead), link_in(mail_server, cfo)

    for button, more in (
        ("reject", {"comments": "  "}),
        ("changes", {}),
        ("lower", {"amount": "many"}),
        ("lower", {"amount": "201"}),
        ("", {}),
    ):
        refused = press(browser, path, button, **more)
        assert refused.status_code == 400
        assert "Nothing was changed: " in refused.content.decode()
    assert MailedLink.objects.exclude(used_at=None).count() == 0
    assert "no longer works" in press(browser, path, "not-me").content.decode()
    assert browser.get(path).status_code == 404
    press(browser, other, "reject", comments="Not this month")

    request.refresh_from_db()
    assert (request.state, request.outcome_reason) == ("rejected", "Not this month")
    assert TrailEntry.objects.filter(event="link.burnt").count() == 1
    delivered()
    (told,) = mail_server.to(pm.email)
    assert told["Subject"] == "Rejected: $200.00 more for Team"
    assert "“Not this month”" in told.text


def test_people_are_reminded_then_others_are_told_and_then_it_expires(
    mail_server: MailServer,
    browser: Client,
    pm: User,
    lead: User,
    cfo: User,
    team: Budget,
) -> None:
    request = asks(pm, team, approvers=[lead.email])
    step = request.steps.get()
    moments: list[datetime] = []
    delivered()

    for _ in range(3):
        step.refresh_from_db()
        due: datetime = step.due_at or timezone.now()
        moments.append(due)
        assert remind_due(due - timedelta(seconds=1)) == 0
        assert remind_due(due) == 1
        assert remind_due(due) == 0
        delivered(due)

    step.refresh_from_db()
    assert step.due_at is None
    assert {moment.weekday() < 5 for moment in moments} == {True}
    subjects = [mail["Subject"] for mail in mail_server.to(lead.email)]
    assert [one.split(":")[0] for one in subjects] == [
        *("To decide", "Still to decide", "Still to decide")
    ]
    (up,) = mail_server.to(cfo.email)
    assert up["Subject"].startswith("Nobody has decided for 1")
    assert "testserver/approvals/" not in up.text
    decide(request, Outcome.APPROVED, by=by(lead), now=timezone.now())
    assert remind_due(moments[-1] + 30 * DAY) == 0
