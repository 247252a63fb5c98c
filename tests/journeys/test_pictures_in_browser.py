"""Charts as a person uses them, in a real browser."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget
from tests.factories import make_budget, spend
from tests.journeys.browser import in_browser

pytestmark = in_browser


@pytest.fixture
def budget(acme: Organization) -> Budget:
    now = timezone.now()
    budget = make_budget(acme, "All", "500", now=now - timedelta(days=70))
    for ago in range(30):
        at = now - timedelta(days=ago)
        spend(acme, "10", at, project_id="a" if ago % 3 else "b")
    return budget


def test_arrow_keys_go_through_a_chart_and_its_table_says_the_same(
    page: Any, budget: Budget
) -> None:
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text))
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.goto(f"/admin/budgets/budget/{budget.pk}/forecast/")
    drawing = page.locator("#co-days .co-drawing")
    drawing.locator("svg").wait_for()

    drawing.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    said = page.locator("#co-days .co-said").inner_text()
    row = page.locator("#co-days tbody tr").nth(1)

    day, spent = row.locator("th, td").all_text_contents()[:2]
    assert said == f"{day} · Spent {spent}"
    assert faults == []


def test_charts_follow_the_theme_and_fit_on_a_phone(page: Any, budget: Budget) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"/admin/budgets/budget/{budget.pk}/spend/?by=project")
    page.locator("#co-each svg").wait_for()
    spent = page.locator("#co-stacked svg path[fill='#2563eb']")
    spent.first.wait_for()

    page.evaluate("document.documentElement.classList.add('dark')")
    page.locator("#co-stacked svg path[fill='#6ea3ff']").first.wait_for()

    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_what_draws_the_tables_are_open(page: Any, budget: Budget) -> None:
    nothing = {"body": "", "content_type": "text/javascript"}
    page.route("**/reports/vega.js", lambda route: route.fulfill(**nothing))
    page.goto(f"/admin/budgets/budget/{budget.pk}/forecast/")

    page.locator("#co-course td").first.wait_for(state="visible")

    assert page.locator("#co-course .co-drawing").is_hidden()
