from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization
from accounts.scopes import Role
from budgets.models import Budget
from budgets.rollup import roll_up
from notifications.models import Delivery, DeliveryState
from tests.alerts.factories import fire
from tests.approvals.factories import level, make_policy, make_request
from tests.factories import (
    browser_for,
    browser_of,
    make_budget,
    make_key,
    make_organization,
    make_person,
    make_tree,
    spend,
)
from tests.notifications.factories import mail_to, write
from tests.pages import Element, page_at

pytestmark = pytest.mark.django_db

HOME = "/admin/"
CHANGED = "What changed since last week"
STEPS = "Acme begins with four steps"


def owner_of(budget: Budget) -> Client:
    """Return the browser of a budget owner who has just been given *budget*."""
    roles = {budget.organization: Role.BUDGET_OWNER}
    person = make_person("lea@acme.example", roles)
    Budget.objects.filter(pk=budget.pk).update(owner=person)
    return browser_of(person)


def budgets_on(page: Element, title: str = "Budgets") -> list[str]:
    """Return the paths of the budgets that are listed."""
    names = page.part(title).table().column("Budget")
    return [name.partition(" ")[2] for name in names]


def last_week(days: int = 3) -> str:
    return (timezone.now() - timedelta(days=days)).isoformat()


def week_before() -> str:
    return (timezone.now() - timedelta(days=10)).isoformat()


def test_the_answer_stands_above_everything(acme: Organization) -> None:
    make_tree(acme)
    spend(acme, "620", department_id="engineering")

    page = page_at(browser_for(acme), HOME)

    assert page.paragraphs[0].startswith("Acme has spent $620.00 of $1,000.00 in ")
    facts = page.facts()
    assert facts["Today"] == facts["Spent"] == "$620.00"
    assert facts["Yesterday"] == "$0.00"
    assert facts["Planned"] == "$1,000.00"
    assert facts["Left"] == "$380.00"
    assert "last record " in page.text


def test_every_number_leads_to_the_rows_behind_it(acme: Organization) -> None:
    make_tree(acme)
    spend(acme, "620", department_id="engineering")

    page = page_at(browser_for(acme), HOME)

    figures = next(one for one in page.all("dl") if "Today" in one.text)
    values = list(figures.all("dd"))
    assert all(list(value.all("a")) for value in values)
    today = figures.links["$620.00"]
    assert today.startswith("/admin/ledger/costrecord/?organization=acme")


def test_what_is_in_trouble_stands_first(acme: Organization) -> None:
    make_tree(acme)
    spend(acme, "290", department_id="sales")
    spend(acme, "450", team_id="ml")

    page = page_at(browser_for(acme), HOME)

    assert budgets_on(page) == [
        "Acme",
        "Acme / Engineering",
        "Acme / Engineering / ML",
        "Acme / Sales",
    ]
    assert "1 exceeded" in page.text
    assert page.part("Budgets").table().row("/ ML")["Status"] == "Exceeded"


def test_a_large_tree_shows_its_top_and_what_is_wrong_below(acme: Organization) -> None:
    top = make_budget(acme, "Acme", "10000")
    teams = [
        make_budget(
            acme, f"T{n:02}", "100", parent=top, scope={"departments": [f"t{n}"]}
        )
        for n in range(20)
    ]
    make_budget(acme, "Deep", "5", parent=teams[7], scope={"teams": ["deep"]})
    spend(acme, "60", team_id="deep")

    page = page_at(browser_for(acme), HOME)

    shown = budgets_on(page)
    assert shown[0] == "Acme"
    assert len(shown) == 12
    assert f"{22 - len(shown)} more: the whole tree" in page.text


def test_a_team_lead_sees_the_own_budgets_first(acme: Organization) -> None:
    budgets = make_tree(acme)
    spend(acme, "50", department_id="sales")
    spend(acme, "250", team_id="ml")

    page = page_at(owner_of(budgets["engineering"]), HOME)

    assert page.paragraphs[0].startswith("Engineering has spent $250.00 of $600.00")
    assert page.facts()["Today"] == "$250.00"
    shown = budgets_on(page, "Your budgets")
    assert shown == ["Acme / Engineering", "Acme / Engineering / ML"]
    assert "/admin/budgets/budget/tree/?organization=acme" in page.links.values()


def test_several_budgets_of_one_team_lead_are_told_together(acme: Organization) -> None:
    budgets = make_tree(acme)
    browser = owner_of(budgets["engineering"])
    owner = Budget.objects.get(pk=budgets["engineering"].pk).owner
    Budget.objects.filter(pk=budgets["sales"].pk).update(owner=owner)
    spend(acme, "50", department_id="sales")

    page = page_at(browser, HOME)

    assert page.paragraphs[0].startswith("Your 2 budgets have spent $50.00 of $900.00")


def test_a_viewer_is_offered_nothing_to_press(acme: Organization) -> None:
    budgets = make_tree(acme)
    fire(budgets["ml"])

    page = page_at(browser_for(acme, Role.VIEWER), HOME)

    assert "Alerts 1" in page.headings
    assert [one.text for one in page.all("button")] == []
    assert "New budget" not in page.text


def test_firing_alerts_are_answered_in_place(acme: Organization) -> None:
    budgets = make_tree(acme)
    alert = fire(budgets["ml"])
    browser = browser_for(acme)

    page = page_at(browser, HOME)
    forms = [one.attributes["action"] for one in page.part("Alerts 1").all("form")]
    browser.post(forms[0], {"what": "acknowledge", "for": "240", "next": HOME})

    alert.refresh_from_db()
    assert alert.state == "acknowledged"
    assert "Nothing is firing" in page_at(browser, HOME).text


def test_requests_that_wait_for_the_reader_are_told(acme: Organization) -> None:
    make_tree(acme)
    boss = make_person("boss@acme.example", {acme: Role.FINANCE_ADMIN})
    make_policy(acme, level("boss@acme.example"))
    asker = make_person("asker@acme.example", {acme: Role.BUDGET_OWNER})
    make_request(acme, asker)

    his = page_at(browser_of(boss), HOME)
    others = page_at(browser_for(acme), HOME)

    assert "Requests that wait for you 1" in his.headings
    assert "Requests that wait for you" not in others.text


def test_movers_say_how_much_and_why(acme: Organization) -> None:
    tokens: dict[str, Any] = {"input_tokens": 1000, "output_tokens": 0}
    spend(acme, "10", timestamp=week_before(), team_id="ml", **tokens)
    spend(acme, "10", timestamp=last_week(), team_id="ml", **tokens)
    spend(acme, "10", timestamp=last_week(), team_id="ml", **tokens)
    spend(acme, "3", timestamp=last_week(), team_id="web", **tokens)
    spend(acme, "4", timestamp=week_before(), team_id="old", **tokens)
    make_budget(acme)
    roll_up(acme.pk)

    part = page_at(browser_for(acme), HOME, part="moved").part(CHANGED)

    table = part.table()
    assert table.row("ml volume +$10.00")["Change"] == "+$10.00"
    assert table.row("web new")["Last 7 days"] == "$3.00 from $0.00"
    assert table.row("old no longer used")["Change"] == "-$4.00"
    assert (
        "The last 7 days cost $23.00, $9.00 (64 %) more than the 7 before" in part.text
    )


@pytest.mark.parametrize("by", ["model", "project", "user", "nonsense", "team"])
def test_movers_are_told_by_what_is_asked_for(by: str, acme: Organization) -> None:
    spend(acme, "10", timestamp=last_week(), user_id="ann@acme.example")
    browser = browser_for(acme)

    answer = browser.get(HOME, {"by": by, "part": "moved"})

    assert answer.status_code == 200


def test_usage_without_a_price_is_told_and_leads_to_its_page(
    acme: Organization,
) -> None:
    make_budget(acme)
    spend(acme, None, model="unheard-of")

    page = page_at(browser_for(acme), HOME)

    assert page.facts()["Without a price"] == "1 call"
    assert page.links["1 call"].startswith("/admin/ledger/costrecord/unpriced/")


def test_the_first_steps_stay_until_an_alert_has_reached_somebody(
    acme: Organization,
) -> None:
    browser = browser_for(acme)
    assert page_at(browser, HOME).part(STEPS).text.count("Done") == 0

    make_budget(acme)
    make_key(organization=acme)
    spend(acme, "3")
    steps = page_at(browser, HOME).part(STEPS)
    assert steps.text.count("Done") == 2
    assert "See who is told" in steps.links

    write(acme, mail_to("ann@acme.example"), key="alert:1:0")
    Delivery.objects.update(state=DeliveryState.DELIVERED, next_attempt_at=None)
    assert STEPS not in page_at(browser, HOME).headings


def test_nothing_is_told_of_another_organization(acme: Organization) -> None:
    globex = make_organization("globex")
    make_tree(acme)
    fire(make_budget(globex, "Secret"))
    spend(globex, "77", team_id="secret")

    page = page_at(browser_for(acme), HOME)

    assert "Secret" not in page.text
    assert "$77.00" not in page.text
    assert browser_for(globex).get(HOME, {"organization": "acme"}).status_code == 404


def test_without_an_organization_there_is_a_way_on() -> None:
    root = browser_of(make_person("root@example.com", is_superuser=True))

    assert "Make an organization" in page_at(root, HOME).text


def test_as_many_queries_for_one_budget_as_for_many(acme: Organization) -> None:
    top = make_budget(acme, "Acme")
    spend(acme, "3", team_id="t1")
    fire(top)
    browser = browser_for(acme)
    browser.get(HOME)

    with CaptureQueriesContext(connection) as few:
        browser.get(HOME)
    for number in range(12):
        own = make_budget(
            acme, f"T{number}", parent=top, scope={"teams": [f"t{number}"]}
        )
        spend(acme, "3", team_id=f"t{number}")
        fire(own)
    browser.get(HOME)
    with CaptureQueriesContext(connection) as many:
        browser.get(HOME)

    assert len(many) <= len(few) + 1
    assert len(few) <= 45
