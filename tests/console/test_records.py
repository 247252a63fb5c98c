"""A list of cost records says what it is of; a record, why it is where it is."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organization
from accounts.scopes import Role
from budgets.models import Budget
from budgets.rollup import roll_up
from ledger import prices
from ledger.models import CostRecord
from tests.factories import (
    browser_for,
    make_budget,
    make_tree,
    report,
    spend,
    usage_record,
)
from tests.pages import page_at, shown

pytestmark = pytest.mark.django_db

RECORDS = "/admin/ledger/costrecord/"


def records_behind(acme: Organization, budget: Budget) -> str:
    tree = page_at(browser_for(acme), "/admin/budgets/budget/tree/")
    row = next(
        one for one in tree.all("tr") if f"{budget.pk}" == one.attributes.get("data-id")
    )
    return next(
        one.attributes["href"]
        for one in row.all("a")
        if "costrecord" in one.attributes["href"]
    )


def test_the_list_behind_a_number_names_budget_and_period_and_adds_up(
    acme: Organization,
) -> None:
    budgets = make_tree(acme)
    spend(acme, "1.5", team_id="ml", department_id="engineering")
    spend(acme, "2", team_id="ml", department_id="engineering")
    spend(acme, "9", department_id="sales")
    address = records_behind(acme, budgets["ml"])

    page = page_at(browser_for(acme, Role.VIEWER), address)

    month = f"{timezone.now():%B %Y}"
    lead = page.paragraphs[0]
    assert lead.startswith("2 records, $3.50, charged to ML : 1 to")
    assert lead.endswith(month)
    assert "charged to ML" in page.part("Narrowed by").text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("team", "ml"),
        ("project", "search"),
        ("department", "engineering"),
        ("environment", "production"),
        ("user", "ann@acme.example"),
        ("provider", "anthropic"),
        ("model", "claude-opus-4-1"),
    ],
)
def test_records_are_narrowed_by_each_dimension_and_a_chip_takes_it_off(
    name: str, value: str, acme: Organization
) -> None:
    key = name if name in {"environment", "provider", "model"} else f"{name}_id"
    fields: dict[str, Any] = {key: value}
    spend(acme, "1", id="this-one", **fields)
    spend(acme, "2", id="another")
    browser = browser_for(acme)

    page = page_at(browser, RECORDS, **{name: value})
    without = page.part("Narrowed by").links[f"Without: {name} {value}"]

    assert page.table().column("Usage id") == ["this-one"]
    assert page.paragraphs[0] == "1 record, $1.00: last 7 days"
    everything = page_at(browser, RECORDS + without).table()
    assert sorted(everything.column("Usage id")) == ["another", "this-one"]


def test_a_dimension_of_another_organization_finds_nothing(acme: Organization) -> None:
    spend(acme, "1", id="mine", team_id="ml")

    page = page_at(browser_for(acme), RECORDS, team="sales")

    assert "mine" not in page.text
    assert page.paragraphs[0] == "0 records: last 7 days"


def test_a_record_says_which_budgets_it_was_charged_to_and_why(
    acme: Organization,
) -> None:
    make_tree(acme)
    spend(acme, "1", team_id="ml", department_id="sales")

    page = shown(browser_for(acme), f"{RECORDS}{CostRecord.objects.get().pk}/change/")

    assert "ML its scope is team ml" in page
    assert "Engineering it is above ML" in page
    assert "Sales its scope is department sales" in page
    assert "Acme its scope is everything" in page


def test_a_record_no_budget_is_charged_for_says_so(acme: Organization) -> None:
    make_tree(acme)
    long_ago = (timezone.now() - timedelta(days=90)).isoformat()
    spend(acme, "1", timestamp=long_ago)

    page = shown(browser_for(acme), f"{RECORDS}{CostRecord.objects.get().pk}/change/")

    assert "none: no budget" in page


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"cost": 1}, "none: the sender named what it cost"),
        ({"model": "unheard-of"}, "none is known: set one"),
        ({"model": "own"}, "Input tokens 1,000 $4.00 a million"),
        ({"model": "gpt-4o"}, "$2.50 a million"),
    ],
    ids=["reported", "unpriced", "own", "catalogue"],
)
def test_a_record_says_at_which_price(
    fields: dict[str, object], told: str, acme: Organization
) -> None:
    record = usage_record(**fields)
    prices.add_price(
        organization=acme,
        provider="openai",
        model="own",
        input_per_million=4,
        output_per_million=5,
        effective_from="2025-01-01T00:00:00Z",
    )
    report(acme, record)

    page = shown(browser_for(acme), f"{RECORDS}{CostRecord.objects.get().pk}/change/")

    assert told in page


def test_what_a_day_or_a_period_cost_leads_to_the_records_that_made_it(
    acme: Organization,
) -> None:
    make_budget(acme)
    spend(acme, "2", id="mine", team_id="ml", tags={"feature": "chat"})
    spend(acme, "3", id="beside", team_id="ml")
    roll_up(acme.pk)
    browser = browser_for(acme)
    days = page_at(browser, "/admin/ledger/dailyspend/").links
    periods = page_at(browser, "/admin/budgets/budgetperiod/").links

    of_a_day = page_at(browser, days["$2.00"])
    of_a_period = page_at(browser, periods["$5.00"])

    assert of_a_day.table().column("Usage id") == ["mine"]
    assert of_a_day.paragraphs[0].startswith("1 record, $2.00")
    assert of_a_period.paragraphs[0].startswith("2 records, $5.00, charged to Company")
