"""The page of how far spend is from an even pace, and why."""

from typing import Any

import pytest
import time_machine

from accounts.models import Organization
from tests.budgets.worlds import jan, january_budget
from tests.factories import browser_for, spend
from tests.pages import page_at

pytestmark = pytest.mark.django_db


def test_the_parts_lead_from_what_is_expected_to_what_is_spent(
    acme: Organization,
) -> None:
    budget = january_budget(acme, amount="3100", starts_at=jan(1))
    spend(acme, "2500", jan(5), project_id="search")

    with time_machine.travel(jan(21), tick=False):
        page = page_at(
            browser_for(acme), f"/admin/budgets/budget/{budget.pk}/variance/"
        )

    assert page.paragraphs[1] == (
        "All has spent $2,500.00 in January 2025: $500.00, 25 % more than the "
        "$2,000.00 that an even pace expects by now."
    )
    table = page.part("What makes the difference").table()
    amounts = {
        name: table.row(name)["Amount"]
        for name in ("Expected", "Volume", "Price", "Currency", "Spent")
    }
    assert amounts == {
        "Expected": "$2,000.00",
        "Volume": "$500.00",
        "Price": "$0.00",
        "Currency": "$0.00",
        "Spent": "$2,500.00",
    }


@pytest.mark.parametrize("dates", [{"ends_at": jan(20)}, {"starts_at": jan(25)}])
def test_budgets_that_are_over_or_to_come_have_a_page(
    dates: dict[str, Any], acme: Organization
) -> None:
    budget = january_budget(acme, **dates)

    with time_machine.travel(jan(22), tick=False):
        page = page_at(
            browser_for(acme), f"/admin/budgets/budget/{budget.pk}/variance/"
        )

    assert page.part("What makes the difference").table().row("Spent")


def test_drivers_of_tokens_are_told_in_tokens(acme: Organization) -> None:
    budget = january_budget(acme, amount="3100", starts_at=jan(1), currency="tokens")
    spend(acme, "2500", jan(5), project_id="search")

    with time_machine.travel(jan(21), tick=False):
        page = page_at(
            browser_for(acme), f"/admin/budgets/budget/{budget.pk}/variance/"
        )

    cost = page.part("Who and what cost most").table().rows[0]["Cost"]
    assert cost.endswith(" tokens")
