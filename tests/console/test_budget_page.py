"""The page of one budget, to read, and what is loaded after it."""

from typing import Any

import pytest
import time_machine

from accounts.models import Organization
from accounts.scopes import Role
from tests.alerts.factories import fire, make_rule
from tests.budgets.worlds import jan, january_budget
from tests.console.budget_pages import place_of
from tests.controls.guarding import given, guard
from tests.factories import browser_for, make_budget, make_tree, spend
from tests.pages import page_at

pytestmark = pytest.mark.django_db
WHY = "Why was this record charged here?"


def test_a_page_says_where_a_budget_stands_and_what_is_in_force_and_from_where(
    acme: Organization,
) -> None:
    budgets = make_tree(acme)
    spend(acme, "3", id="of-ml", team_id="ml", department_id="engineering")
    make_rule(budgets["acme"])
    guard(budgets["acme"], given(message="Ask Ann"))
    alert = fire(budgets["engineering"])
    place = place_of(budgets["engineering"], "page")

    page = page_at(browser_for(acme), place, usage="of-ml")

    assert page.part("Budgets below it").table().row("ML")["Spent"].startswith("$3.00")
    rules = page.table("Alert rules in force").column("Where from")
    assert "inherited from Acme" in rules
    assert page.part("Guardrails").table().rows[0]["Where from"] == "Acme"
    assert alert.message in page.text
    assert page.part("Periods").table().rows[0]["Spent"] == "$3.00"
    assert (
        page.part("How its amount came about").table().rows[0]["Amount"] == "+$600.00"
    )
    assert page.part("Changes").table().rows[0]["From and to"]
    assert page.part(WHY).paragraphs == [
        "of-ml is charged to Engineering: its scope is department engineering."
    ]


def test_a_page_says_why_a_record_is_not_charged_there(acme: Organization) -> None:
    budgets = make_tree(acme)
    spend(acme, "3", id="of-ml", team_id="ml", department_id="engineering")
    browser, place = browser_for(acme), place_of(budgets["sales"], "page")

    elsewhere = page_at(browser, place, usage="of-ml").part(WHY).text
    unknown = page_at(browser, place, usage="none").part(WHY).text

    assert "is not charged to Sales, but to Acme (its scope is everything)" in elsewhere
    assert "Acme has no record of the usage “none”." in unknown


def test_a_viewer_sees_no_buttons_and_queries_stay_few(
    acme: Organization, django_assert_max_num_queries: Any
) -> None:
    root = make_tree(acme)["acme"]
    for number in range(30):
        make_budget(acme, f"b{number}", "1", parent=root)
    viewer = browser_for(acme, Role.VIEWER)
    viewer.get(place_of(root, "page"))

    with django_assert_max_num_queries(35):
        page = page_at(viewer, place_of(root, "page"))

    classes = [one.attributes.get("class", "") for one in page.all("a")]
    assert not any("co-button" in one for one in classes)
    assert page.buttons == ["Say why"]
    assert "7 more: the tree below it" in page.links


def test_what_looks_at_days_comes_after_the_page(acme: Organization) -> None:
    budget = january_budget(acme, amount="3100", starts_at=jan(1))
    spend(acme, "28", jan(14, 9), project_id="search")

    with time_machine.travel(jan(21), tick=False):
        part = page_at(browser_for(acme), place_of(budget, "behind"))

    hours = part.by_id("co-heat")
    dearest = "The dearest is Tuesday, 09:00 to 10:00: $7.00."
    assert dearest in hours.text
    assert len(hours.table().rows) == 24 * 7
    assert "than the $2,000.00 that an even pace expects" in part.text
    assert part.part("Unit cost").text.endswith(
        "$28.00 for each of 1 request, $28.00 in all."
    )
