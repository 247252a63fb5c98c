"""The page of what a budget's spend consists of."""

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
import time_machine
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Organization
from accounts.scopes import Role
from budgets.models import Budget
from console.forecasts.figures import ForecastWriter
from console.forecasts.spend import DAYS, NOTHING, OTHERS, Breakdown, pictures_of
from lib.periods import DAY
from tests.budgets.worlds import jan, january_budget
from tests.console.budget_pages import place_of
from tests.factories import browser_for, spend
from tests.pages import Element, read
from tests.sizes import examples

TODAY = jan(31).date()


@pytest.fixture
def _on_the_last_day() -> Iterator[None]:
    with time_machine.travel(jan(31, 12), tick=False):
        yield


@pytest.fixture
def budget(acme: Organization, _on_the_last_day: None) -> Budget:
    budget = january_budget(acme, starts_at=jan(1), now=jan(1))
    spend(acme, "30", jan(1, 9), project_id="search")  # 30 days before today: not shown
    spend(acme, "20", jan(20, 9), project_id="search")
    spend(acme, "60", jan(21, 9), project_id="mail")
    return budget


def page_of(browser: Client, budget: Budget, query: str = "") -> Element:
    answer = browser.get(place_of(budget, "spend") + query)
    return read(answer.content.decode())


@pytest.mark.django_db
def test_the_days_and_what_changed_are_told(acme: Organization, budget: Budget) -> None:
    page = page_of(browser_for(acme, Role.VIEWER), budget, "?by=project")

    assert any(
        f"{budget.name} has spent $80.00 in the last 30 days; by project, mail is 75"
        in words
        for words in page.paragraphs
    )
    days = page.table("Day by day, by project, as a table")
    assert days.columns == ["Day", "mail", "search"]
    assert days.row("20 Jan 2025")["search"] == "$20.00"
    changed = page.table("What changed, as a table")
    assert changed.row("mail")["Change"] == "+$60.00"
    assert changed.row("search")["Change"] == "-$10.00"
    assert changed.row("Last 30 days")["To"] == "$80.00"


@pytest.mark.django_db
@pytest.mark.usefixtures("_on_the_last_day")
def test_without_spend_the_page_says_what_would_be_there(
    acme: Organization,
) -> None:
    page = page_of(browser_for(acme), january_budget(acme), "?by=nonsense")

    assert "Nothing was spent" in page.text


@settings(max_examples=examples(30, 500), deadline=None)
@given(
    costs=st.dictionaries(
        st.integers(0, 2 * DAYS - 1).map(lambda ago: TODAY - ago * DAY),
        st.dictionaries(
            st.sampled_from([*"abcdefghijkl", ""]),
            st.decimals(-5, 500, places=2),
            min_size=1,
        ),
    )
)
def test_stacks_and_steps_add_up_to_what_was_spent(
    costs: dict[date, dict[str, Decimal]],
) -> None:
    found = Breakdown("model", costs, TODAY, ForecastWriter("USD", "en_US"))

    pictures = {one.name: one for one in pictures_of(found)}

    if not pictures:
        assert not found.totals()
        return
    json.dumps([one.spec for one in pictures.values()])
    total = sum(found.totals().values())
    drawn = pictures["co-stacked"].spec["data"]["values"]
    assert sum(row["cost"] for row in drawn) == pytest.approx(float(total))
    steps = pictures["co-bridge"].spec["data"]["values"]
    assert steps[-1]["end"] == pytest.approx(float(total))
    for before, after in pairwise(steps[:-1]):
        assert after["start"] == pytest.approx(before["end"])
    names = {row["group"] for row in drawn} - {OTHERS, NOTHING}
    assert len(names) <= 8
