import pytest

from accounts.models import Organization
from accounts.scopes import Role
from tests.factories import (
    browser_for,
    browser_of,
    make_budget,
    make_organization,
    make_person,
)
from tests.pages import read

pytestmark = pytest.mark.django_db

SEARCH = "/admin/search/"


def found(organization: Organization, words: str) -> dict[str, str]:
    """Return what the search leads to: name and address."""
    answer = browser_for(organization).get(SEARCH, {"s": words, "extended": "1"})
    return read(answer.content.decode()).links


def test_a_budget_is_found_by_its_name(acme: Organization) -> None:
    budget = make_budget(acme, "ML Team")

    [(name, address)] = found(acme, "ML Team").items()

    assert name.startswith("ML Team")
    assert address == f"/admin/budgets/budget/{budget.pk}/change/"


def test_nobody_finds_what_is_of_another_organization(acme: Organization) -> None:
    make_budget(make_organization("globex"), "ML Team")

    assert found(acme, "ML Team") == {}


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
