from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization
from accounts.scopes import Role
from console.palette import MOST
from tests.alerts.factories import fire
from tests.factories import (
    browser_for,
    browser_of,
    make_budget,
    make_organization,
    make_person,
    spend,
)
from tests.notifications.factories import make_webhook
from tests.pages import name_of, read

pytestmark = pytest.mark.django_db

SEARCH = "/admin/search/"


def found(browser: Client, words: str) -> dict[str, str]:
    """Return what the search leads to: name and address."""
    answer = browser.get(SEARCH, {"s": words, "extended": "1"})
    return read(answer.content.decode()).links


def test_all_kinds_are_found_by_a_part_of_their_names(
    acme: Organization, django_assert_max_num_queries: Any
) -> None:
    root = make_budget(acme, "Acme")
    for number in range(40):
        make_budget(acme, f"Search {number}", "1", parent=root)
    budget = make_budget(acme, "Search", parent=root, scope={"projects": ["search"]})
    make_webhook(acme, "https://x.example/", name="Search team")
    make_person("search@acme.example", {acme: Role.VIEWER})
    fire(budget)
    spend(acme, "1", project_id="search-api", model="search-model", user_id="searcher")
    browser = browser_for(acme)
    browser.get(SEARCH, {"s": "x"})

    with django_assert_max_num_queries(15):
        answer = browser.get(SEARCH, {"s": "sear"})

    page = read(answer.content.decode())
    names = [name_of(one) for one in page.all("a")]
    kinds = ("Budget in Acme, Acme", "What this project cost", "What this model cost")
    more = ("What this person cost", "Viewer in", "alert of Search", "Channel of Acme")
    assert [
        one for one in (*kinds, *more) if not any(one in name for name in names)
    ] == []
    assert sum("Budget in" in name for name in names) == MOST
    assert page.by_id("command-results-note").text.startswith(f"{len(names)} found")


def test_pages_are_found_and_a_budget_by_all_words(acme: Organization) -> None:
    budget = make_budget(acme, "ML Team")
    make_budget(acme, "Team")

    browser = browser_for(acme)
    [address] = found(browser, "team ml").values()
    pages = found(browser, "exchange")

    assert address == f"/admin/budgets/budget/{budget.pk}/page/"
    assert list(pages.values()) == ["/admin/ledger/exchangerate/"]


def test_nobody_finds_what_they_may_not_see(acme: Organization) -> None:
    globex = make_organization("globex")
    other = make_budget(globex, "ML Team")
    fire(other)
    spend(globex, "1", team_id="ml team", user_id="ml team")
    make_person("team@globex.example", {globex: Role.APPROVER})

    assert found(browser_for(acme), "team") == {}


def test_whoever_may_enter_has_the_search(acme: Organization) -> None:
    page = browser_for(acme, Role.VIEWER).get("/admin/budgets/budget/tree/")

    assert 'id="search-input-command"' in page.content.decode()


def test_an_address_that_only_takes_a_form_leads_back(acme: Organization) -> None:
    browser = browser_for(acme)
    budget = make_budget(acme, "ML Team")
    above = f"/admin/controls/controlrule/budget/{budget.pk}/"

    answer = browser.get(f"{above}rules/")

    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert read(answer.content.decode()).links["To the page"] == above
    assert browser.get(above).status_code == 200
    assert browser.put(f"{above}rules/").content == b""


def test_pages_are_called_as_the_menu_calls_them(acme: Organization) -> None:
    root = make_person("root@x.example", is_superuser=True, is_staff=True)
    browser = browser_of(root)
    groups = browser.get("/admin/budgets/budget/tree/").context["sidebar_navigation"]

    heads = {
        item["title"]: {
            one.text
            for one in read(
                browser.get(item["link"], follow=True).content.decode()
            ).all("a", "span")
            if "co-here" in one.attributes.get("class", "").split()
        }
        for group in groups
        for item in group["items"]
    }

    assert {title: head for title, head in heads.items() if head != {title}} == {}
