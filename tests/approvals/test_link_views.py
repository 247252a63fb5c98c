"""What is kept of those who open a link, and what a link alone does not decide."""

from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization, User
from accounts.scopes import Role
from approvals import trail
from approvals.decisions import decide
from approvals.errors import LogInFirst
from approvals.links import make_link
from approvals.models import BudgetRequest, Decision, How, Outcome, Step, TrailEntry
from approvals.permissions import needs_login
from budgets.models import Budget
from tests.approvals.factories import asks, by, person_in
from tests.factories import browser_of, make_budget
from tests.pages import page_at, read

pytestmark = pytest.mark.django_db
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36"


@pytest.fixture
def asked(acme: Organization, cfo: User) -> BudgetRequest:
    pm = person_in(acme, "pm", Role.BUDGET_OWNER)
    team: Budget = make_budget(acme, "Team", "900")
    return asks(pm, team, "200")


def link_to(asked: BudgetRequest, person: User) -> str:
    step: Step = asked.steps.get()
    url, _ = make_link(step, person, now=timezone.now())
    return "/" + url.split("/", 3)[3]


def views() -> list[tuple[Any, ...]]:
    rows = TrailEntry.objects.filter(event="link.viewed").order_by("number")
    return [(one.details["visitor"], one.agent, one.address) for one in rows]


def test_each_kind_of_visitor_is_noted_once_and_fetching_ahead_is_not(
    acme: Organization,
    asked: BudgetRequest,
    cfo: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    path, browser = link_to(asked, cfo), Client()
    ahead = {"User-Agent": BROWSER, "Sec-Purpose": "prefetch;prerender"}

    browser.head(path)
    browser.get(path, headers=ahead)
    assert views() == []
    for agent in ("Slackbot-LinkExpanding 1.0", "curl/8", BROWSER, BROWSER):
        assert browser.get(path, headers={"User-Agent": agent}).status_code == 200

    assert views() == [
        ("program", "Slackbot-LinkExpanding 1.0", "127.0.0.1"),
        ("browser", BROWSER, "127.0.0.1"),
    ]
    other = link_to(asked, cfo)
    browser.get(other, headers={"User-Agent": BROWSER})
    assert len(views()) == 3
    assert list(trail.differences(acme)) == []
    with django_assert_max_num_queries(21):
        browser.get(other, headers={"User-Agent": BROWSER})


def test_above_an_amount_a_link_shows_and_who_is_logged_in_decides(
    acme: Organization, asked: BudgetRequest, cfo: User
) -> None:
    acme.links_decide_up_to = 199
    acme.save()
    path, browser = link_to(asked, cfo), Client()

    page = read(browser.get(path).content.decode())
    refused = browser.post(path, {"answer": "approve"})

    assert "asks for $200.00 more for Team" in page.headings[0]
    assert page.buttons == ["This is not me"]
    assert refused.status_code == 403
    assert "Log in to decide" in refused.content.decode()
    assert Decision.objects.count() == 0
    with pytest.raises(LogInFirst):
        decide(asked, Outcome.APPROVED, by=by(cfo, How.LINK), now=timezone.now())
    where = unquote(page.links["Log in to decide"])
    assert where == (
        f"/admin/login/?next=/admin/approvals/budgetrequest/{asked.pk}/change/"
    )
    assert path.rpartition("/")[2] not in where
    there = page_at(browser_of(cfo), where.partition("next=")[2])
    assert "Approve $200.00" in there.buttons
    acme.links_decide_up_to = 200
    acme.save()
    assert browser.post(path, {"answer": "approve"}).status_code == 303


@pytest.mark.parametrize(
    ("currency", "needed"), [("USD", False), ("EUR", True), ("XTS", True)]
)
def test_an_amount_counts_in_the_organizations_currency(
    acme: Organization, asked: BudgetRequest, currency: str, *, needed: bool
) -> None:
    """200 euros are more than 200 dollars; of what has no rate nobody knows."""
    asked.organization.links_decide_up_to = 200
    asked.currency = currency

    assert needs_login(asked, timezone.now()) is needed
