"""The page of what one of something cost."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget
from tests.factories import Api, browser_for, make_budget, spend
from tests.pages import page_at, words_of

pytestmark = pytest.mark.django_db


def place_of(budget: Budget, query: str = "") -> str:
    return f"/admin/budgets/budget/{budget.pk}/unit-cost/{query}"


def test_one_outcome_cost_what_was_spent_for_each(acme: Organization, api: Api) -> None:
    now = timezone.now()
    budget = make_budget(acme, starts_at=now - timedelta(days=20))
    spend(acme, "10", now)
    outcome = {"id": "1", "name": "orders", "timestamp": now.isoformat(), "count": 4}
    api.post("outcomes", outcome)

    browser, place = browser_for(acme), place_of(budget, "?per=outcome:orders")
    page = page_at(browser, place)

    assert page.paragraphs[1] == (
        "In the last 30 days Company cost $2.50 for each of 4 orders, $10.00 in all."
    )
    total = page.table().row("In all")
    assert (total["Cost"], total["Orders"], total["Each"]) == (
        "$10.00",
        "4",
        "$2.50",
    )


def test_each_stretch_of_time_is_drawn_with_a_line_in_the_table(
    acme: Organization,
) -> None:
    now = timezone.now()
    budget = make_budget(acme, starts_at=now - timedelta(days=40))
    spend(acme, "10", now)
    spend(acme, "2", now - timedelta(days=1))
    browser = browser_for(acme)

    content = browser.get(place_of(budget)).content.decode()
    rows = page_at(browser, place_of(budget)).table().column("Each")

    drawn = content.partition('id="co-units-spec"')[2].partition(">")[2]
    spec = json.loads(drawn.partition("</script>")[0])
    bars = [bar["each"] for bar in spec["data"]["values"]]
    assert bars == [None] * 28 + [2, 10]
    assert rows[-4:] == ["\N{EN DASH}", "$2.00", "$10.00", "$6.00"]
    assert len(rows) == len(bars) + 1  # and all of them together


def test_where_nothing_was_counted_it_is_said_and_how_to(acme: Organization) -> None:
    budget = make_budget(acme)

    text = words_of(
        browser_for(acme).get(place_of(budget, "?per=cows")).content.decode()
    )

    assert "No request was counted for Company in the last 30 days." in text
    assert "report it with POST /api/v1/outcomes" in text


def test_days_without_any_have_no_unit_cost(acme: Organization) -> None:
    now = timezone.now()
    budget = make_budget(acme, starts_at=now - timedelta(days=3))
    spend(acme, "10", now, user_id="")

    rows = page_at(browser_for(acme), place_of(budget, "?per=user")).table()

    assert rows.row("In all")["Each"] == "\N{EN DASH}"
    assert Decimal(rows.row("In all")["Cost"].strip("$")) == 10
