"""Requests in the admin: who sees which, and who decides there."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from accounts.scopes import Role
from approvals.decisions import reassign
from approvals.models import BudgetRequest, How
from tests.approvals.factories import (
    approve,
    asks,
    by,
    level,
    make_policy,
    person_in,
)
from tests.factories import browser_for, browser_of, make_budget, make_organization
from tests.pages import page_at, read

pytestmark = pytest.mark.django_db
PLACE = "/admin/approvals/budgetrequest/"


def test_each_sees_what_waits_for_them_and_decides_it_once(
    acme: Organization, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    pm, lead = person_in(acme, "pm", Role.BUDGET_OWNER), person_in(acme, "lead")
    team = make_budget(acme, "Team", "900")
    soon = timezone.now() + timedelta(days=2)
    first = asks(pm, team, "200", approvers=[lead.email])
    urgent = asks(pm, team, "50", approvers=[lead.email], needed_by=soon)
    theirs, mine = browser_of(lead), browser_of(pm)
    outside = browser_for(make_organization("other"))
    address = f"{PLACE}{first.pk}/"

    with django_assert_max_num_queries(12):
        inbox = page_at(theirs, PLACE)
    assert "2 requests wait for you." in inbox.paragraphs
    assert inbox.table().column("Request") == [
        f"pm@acme.example asks for {money} more for Team "
        f"Team would have {left} left instead of $900.00."
        for money, left in (("$50.00", "$950.00"), ("$200.00", "$1,100.00"))
    ]
    assert "Nothing waits for you" in page_at(mine, PLACE).headings
    assert "$50.00 more" in page_at(mine, PLACE, whose="mine", q="team").text
    assert "more for Team" not in page_at(outside, PLACE, whose="all", state="").text
    assert outside.get(f"{address}change/").status_code == 404
    assert outside.post(f"{address}answer/", {"answer": "approve"}).status_code == 404
    assert theirs.get(f"{address}answer/").status_code == 405
    own = page_at(mine, f"{address}change/")
    assert "Take it back" in own.buttons
    assert "Reject" not in own.buttons
    said = {"answer": "approve", "seen": str(first.revision)}
    assert mine.post(f"{address}answer/", said).status_code == 403
    stale = theirs.post(f"{address}answer/", {**said, "seen": "7"})
    assert stale.status_code == 409
    assert "changed after you looked" in stale.content.decode()
    silent = theirs.post(f"{address}answer/", {**said, "answer": "reject"})
    assert silent.status_code == 400
    with django_assert_max_num_queries(22):
        page = read(theirs.get(f"{address}change/").content.decode())
    assert "Approve $200.00" in page.buttons

    assert theirs.post(f"{address}answer/", said).status_code == 302
    mine.post(f"{PLACE}{urgent.pk}/answer/", {"answer": "withdraw"})

    states = BudgetRequest.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["approved", "withdrawn"]
    decision = first.steps.get().decisions.get()
    assert (decision.how, decision.person) == (How.SESSION, lead)
    assert theirs.post(f"{address}answer/", said).status_code == 409


def test_who_may_not_ask_gets_no_form_and_what_is_refused_stands_at_its_field(
    acme: Organization,
) -> None:
    pm, viewer = (
        person_in(acme, "pm", Role.BUDGET_OWNER),
        browser_for(acme, Role.VIEWER),
    )
    team, sales = make_budget(acme, "Team", "900"), make_organization("sales")
    elsewhere = make_budget(sales, "Sales", "900")
    browser, form = browser_of(pm), f"{PLACE}ask/?budget={team.pk}&kind=raise"
    wanted = {"amount": "50", "justification": "Soon", "until": "2020-01-01"}

    assert viewer.get(f"{PLACE}ask/").status_code == 403
    assert viewer.get(form).status_code == 403
    assert browser.get(f"{PLACE}ask/?budget={elsewhere.pk}").status_code == 404
    assert "Team" in page_at(browser, f"{PLACE}ask/").links
    late = browser.post(form, wanted).content.decode()
    assert "Must lie in the future." in late
    nobody = browser.post(form, {**wanted, "until": "2999-01-01"}).content.decode()
    assert "needs 1 and would have 0" in nobody
    assert BudgetRequest.objects.count() == 0
    person_in(acme, "cfo", Role.FINANCE_ADMIN)
    data = {**wanted, "until": "2999-01-01"}
    shown = browser.post(form, {**data, "preview": "1"}).content.decode()
    assert "cfo @acme .example" in read(shown).text
    assert BudgetRequest.objects.count() == 0
    assert browser.post(form, data).status_code == 302
    assert BudgetRequest.objects.get().state == "pending"


def test_the_inbox_narrows_reminds_and_tells_how_requests_fare(
    acme: Organization, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    pm, lead = person_in(acme, "pm", Role.BUDGET_OWNER), person_in(acme, "lead")
    cfo = person_in(acme, "cfo", Role.FINANCE_ADMIN)
    make_policy(acme, level(lead, name="Lead"), name="All")
    team = make_budget(acme, "Team", "900")
    asks(pm, team, "200")
    asks(pm, team, "50", kind="rollover_exception")
    approve(asks(pm, team, "10"), lead, now=timezone.now())
    later = timezone.now() + timedelta(days=2)
    admin, owner = browser_of(cfo), browser_of(pm)

    page = page_at(admin, PLACE, whose="all", kind="increase", q="team")
    assert [one.partition("Team")[0] for one in page.table().column("Request")] == [
        "pm@acme.example asks for $200.00 more for "
    ]
    mine_first = page_at(browser_of(lead), PLACE, whose="all").table()
    assert "$50.00 more" in mine_first.column("Request")[0]
    reassigned = BudgetRequest.objects.get(kind="increase", state="pending")
    step = reassigned.steps.get()
    reassign(step, lead, cfo, by=by(cfo), now=timezone.now(), reason="Away")
    moved = page_at(admin, PLACE, whose="all").table().column("Request")
    assert "$200.00 more" in moved[0]
    wider = page.links["Without: Increase"]
    assert wider == "?whose=all&state=open&kind=&q=team"
    assert len(page_at(admin, f"{PLACE}{wider}").table().rows) == 2
    remind = "Remind those who decide these"
    assert remind in page.buttons
    assert remind not in page_at(owner, PLACE, whose="mine").buttons
    where = f"{PLACE}remind/?whose=all"
    assert owner.post(where).status_code == 403
    early = read(admin.post(where, follow=True).content.decode()).text
    with time_machine.travel(later, tick=False):
        admin = browser_of(cfo)
        done = read(admin.post(where, follow=True).content.decode()).text
        with django_assert_max_num_queries(13):
            told = page_at(admin, f"{PLACE}statistics/")

    assert "Those whom 2 requests wait for heard of it within the last day" in early
    assert "Those whom 2 requests wait for are reminded." in done
    assert told.paragraphs[0].startswith(
        "2 requests wait, the oldest for 2 days. “Lead” takes longest: in the last 90 "
        "days half of its decisions took more than 0 s"
    )
    assert told.table("What waits, by age").column("Requests") == ["0", "2", "0", "0"]
    row = told.table("What became of it, by policy").row("All")
    assert row.texts == ["All", "2", "1", "0", "0"]
    elsewhere = browser_for(make_organization("x"))
    empty = page_at(elsewhere, f"{PLACE}statistics/")
    assert empty.table("What waits, by age").column("Requests") == ["0"] * 4
    asked = elsewhere.get(f"{PLACE}statistics/?organization=acme")
    assert asked.status_code == 404
