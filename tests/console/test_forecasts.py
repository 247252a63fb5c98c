"""The page of a budget's forecast."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import Organization, User
from accounts.scopes import Role
from budgets.models import Budget
from forecasts.storing import store_due
from tests.budgets.worlds import jan, january_budget
from tests.console.budget_pages import TREE, place_of
from tests.factories import browser_for, browser_of, spend
from tests.pages import read

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _at_noon_of_the_fifteenth() -> Iterator[None]:
    with time_machine.travel(jan(15, 12), tick=False):
        yield


@pytest.fixture
def reader(acme: Organization) -> Client:
    return browser_for(acme, Role.VIEWER)


@pytest.fixture
def budget(acme: Organization) -> Budget:
    """Return one of 310 for January, with 10 spent on each day that is over."""
    for day in range(1, 15):
        spend(acme, "10", jan(day, 9))
    return january_budget(acme, amount=Decimal(310))


def page_of(browser: Client, budget: Budget) -> Any:
    return read(browser.get(place_of(budget, "forecast")).content.decode())


def test_the_answer_comes_first(reader: Client, budget: Budget) -> None:
    page = page_of(reader, budget)

    start = f"With 80 % certainty {budget.name} spends $2"
    [lead] = [words for words in page.paragraphs if words.startswith(start)]
    assert "by 31 January, of $310.00; it is " in lead
    assert page.facts()["Expected"] == "$305.00"
    assert page.facts()["Limit"] == "$310.00"


def test_the_table_has_what_the_picture_shows(reader: Client, budget: Budget) -> None:
    content = reader.get(place_of(budget, "forecast")).content.decode()

    table = read(content).table("The period, as a table")
    drawn = content.partition('id="co-course-spec"')[2].partition(">")[2]
    spec = json.loads(drawn.partition("</script>")[0])
    assert len(spec["data"]["values"]) == len(table.rows)
    assert table.row("the end of 14 Jan 2025")["Spent"] == "$140.00"
    assert table.row("now")["Spent"] == "$140.00"
    assert table.row("the end of 31 Jan 2025")["Expected"] == "$305.00"


def test_too_little_data_is_an_answer(reader: Client, acme: Organization) -> None:
    spend(acme, "10", jan(14, 9))
    little = january_budget(acme)

    page = page_of(reader, little)

    assert (
        f"There is not enough data to say where {little.name} ends: 3 days with spend "
        "are needed, not 1."
    ) in page.paragraphs
    assert page.table("The period, as a table").columns == ["By", "Spent"]


def test_it_says_how_well_it_does(reader: Client, acme: Organization) -> None:
    little = january_budget(acme, amount=Decimal(310))
    for day in range(1, 15):
        spend(acme, "10", jan(day, 9))

    assert (
        "There is not enough data to try forecasts on its own history: more than 14 "
        "days are needed."
    ) in page_of(reader, little).paragraphs
    with time_machine.travel(jan(29, 12), tick=False):
        for day in range(15, 29):
            spend(acme, "10", jan(day, 9))
        page = page_of(browser_of(User.objects.get()), little)
    table = page.table("Forecasts tried on its history, as a table")
    assert any("such forecasts" in words for words in page.paragraphs)
    assert {row["Came"] for row in table.rows} == {"$30.00"}  # three days each
    assert "No period is over yet of which a forecast was kept." in page.paragraphs


def test_a_budget_to_come_has_a_page_that_says_so(
    reader: Client, acme: Organization
) -> None:
    to_come = january_budget(acme, starts_at=jan(20))

    assert "No period now" in page_of(reader, to_come).text
    picture = reader.get(f"/admin/budgets/budget/{to_come.pk}/forecast.svg")
    assert picture.status_code == 404


def test_the_picture_can_be_had_for_paper(reader: Client, budget: Budget) -> None:
    answer = reader.get(f"/admin/budgets/budget/{budget.pk}/forecast.svg")

    assert answer["Content-Type"] == "image/svg+xml"
    assert b"limit $310.00" in answer.content


def test_it_takes_few_queries(
    reader: Client, budget: Budget, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(16):
        reader.get(place_of(budget, "forecast"))


@pytest.mark.parametrize("is_stored", [True, False])
def test_all_pages_say_the_same_of_where_it_ends(
    reader: Client, budget: Budget, *, is_stored: bool
) -> None:
    if is_stored:
        store_due(jan(15, 1))

    expected = page_of(reader, budget).facts()["Expected"]
    own = read(reader.get(place_of(budget)).content.decode())
    tree = read(reader.get(TREE).content.decode())

    assert expected == "$305.00"
    assert own.facts()["Projected"] == expected
    assert f"It is expected to end at {expected}, inside the amount." in own.text
    assert tree.table().row(budget.name)["Projected"] == expected
    assert tree.links[expected] == place_of(budget, "forecast")
    assert f"it is expected to end at {expected}, inside the budget." in tree.text
