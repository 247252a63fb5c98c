"""Usage without a price: found by model, priced, repriced, and told wherever it is."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Organization
from accounts.scopes import Role
from budgets.models import BudgetPeriod
from budgets.rollup import roll_up
from ledger.models import Price, Repricing
from tests.factories import NOON, browser_for, make_budget, report, spend, usage_record
from tests.pages import page_at, shown

pytestmark = pytest.mark.django_db

UNPRICED = "/admin/ledger/costrecord/unpriced/"
REPRICE = "/admin/ledger/costrecord/reprice/?organization=acme&provider=openai&model=x"


def use_unpriced(organization: Organization) -> None:
    report(
        organization,
        usage_record(id="a", model="x", input_tokens=1_000_000, output_tokens=0),
        usage_record(id="b", model="x", input_tokens=500_000, output_tokens=0),
        usage_record(id="c", model="y", input_tokens=10, output_tokens=5),
        usage_record(id="d", quantities={"audio_input_tokens": 4}),
        usage_record(id="fine"),
    )


def price_form(**overrides: Any) -> dict[str, Any]:
    return {
        "provider": "openai",
        "model": "x",
        "currency": "USD",
        "input_per_million": "2",
        "output_per_million": "2",
        "effective_from_0": "2025-01-15",
        "effective_from_1": "00:00:00",
        **overrides,
    }


def test_unpriced_usage_is_summed_by_model_the_most_used_first(
    acme: Organization,
) -> None:
    use_unpriced(acme)

    page = page_at(browser_for(acme), UNPRICED)

    first, *_ = page.table().rows
    audio = page.table().row("gpt-4o")
    assert [len(page.table().rows), first["Records"]] == [3, "2"]
    assert first.texts[0] == "openai/x"
    assert (first["Tokens in"], first["Tokens out"]) == ("1,500,000", "0")
    assert (first["First used"], first["Last used"]) == ("15 Jan 2025", "15 Jan 2025")
    assert first["Without a price"] == "all of it"
    assert audio["Without a price"] == "audio_input_tokens"
    assert "4 records with" in page.text


def test_a_row_leads_to_the_form_of_its_price_filled_in(acme: Organization) -> None:
    use_unpriced(acme)
    browser = browser_for(acme)

    row = page_at(browser, UNPRICED).table().row("openai/x")
    form = page_at(browser, row.element.links["Set a price"])

    values = {
        one.attributes.get("name"): one.attributes.get("value")
        for one in form.all("input")
    }
    assert (values["provider"], values["model"]) == ("openai", "x")
    assert values["effective_from_0"] == "2025-01-15"


def test_a_price_leads_to_what_repricing_moves_and_then_moves_it(
    acme: Organization,
) -> None:
    budget = make_budget(acme, "Company", starts_at=NOON.replace(day=1, hour=0))
    use_unpriced(acme)
    browser = browser_for(acme)
    form = page_at(browser, UNPRICED).table().row("openai/x").element

    set_price = browser.post(
        form.links["Set a price"], price_form(organization=acme.pk), follow=True
    )
    preview = page_at(browser, REPRICE)
    booked_before = Repricing.objects.count()
    browser.post(REPRICE, {"reason": "Price set"})

    period = BudgetPeriod.objects.get(budget=budget, spent__gt=0)
    row = preview.table().row("Company")
    assert "books $3.00" in set_price.content.decode()
    assert (row["Difference"], booked_before) == ("$3.00", 0)
    assert row["Period"] == "1 to 31 January 2025"
    assert Repricing.objects.get().reason == "Price set"
    assert period.unpriced_requests == 2
    assert "openai/x" not in shown(browser, UNPRICED)


def test_what_is_priced_by_now_leads_to_repricing(acme: Organization) -> None:
    use_unpriced(acme)
    browser = browser_for(acme)
    browser.post("/admin/ledger/price/add/", price_form(organization=acme.pk))

    row = page_at(browser, UNPRICED).table().row("openai/x")

    assert list(row.element.links) == ["2", "Reprice…"]


def test_the_records_of_one_model_without_a_price_are_behind_their_number(
    acme: Organization,
) -> None:
    use_unpriced(acme)
    browser = browser_for(acme)

    row = page_at(browser, UNPRICED).table().row("openai/x")
    records = page_at(browser, row.element.links["2"]).table()

    assert sorted(records.column("Usage id")) == ["a", "b"]


def test_repricing_without_a_price_or_a_reason_changes_nothing(
    acme: Organization,
) -> None:
    use_unpriced(acme)
    browser = browser_for(acme)

    without_price = shown(browser, REPRICE)
    Price.objects.create(
        organization=acme,
        provider="openai",
        model="x",
        input_per_million=Decimal(2),
        output_per_million=Decimal(2),
        effective_from="2025-01-01T00:00:00Z",
    )
    acme.touch()
    browser.post(REPRICE, {"reason": ""})

    assert "There is nothing to reprice" in without_price
    assert not Repricing.objects.exists()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BUDGET_OWNER])
def test_only_who_sets_prices_reprices(role: Role, acme: Organization) -> None:
    use_unpriced(acme)
    browser = browser_for(acme, role)

    seen = page_at(browser, UNPRICED)
    answers = [browser.get(REPRICE), browser.post(REPRICE, {"reason": "mine"})]

    assert "Set a price" not in seen.text
    assert [answer.status_code for answer in answers] == [403, 403]


def test_where_everything_has_a_price_the_page_says_so(acme: Organization) -> None:
    assert "Everything that was used has a price" in shown(browser_for(acme), UNPRICED)


def test_a_day_whose_usage_has_no_price_yet_did_not_cost_nothing(
    acme: Organization,
) -> None:
    spend(acme, None, model="x")
    spend(acme, None, model="y")
    spend(acme, "5", model="y")
    roll_up(acme.pk)

    days = page_at(browser_for(acme), "/admin/ledger/dailyspend/").table()

    assert sorted(days.column("Cost")) == [
        "$5.00 1 without a price yet",
        "no price yet",
    ]


def test_a_record_that_was_repriced_is_no_longer_called_unpriced(
    acme: Organization,
) -> None:
    use_unpriced(acme)
    browser = browser_for(acme)
    browser.post("/admin/ledger/price/add/", price_form(organization=acme.pk))
    browser.post(REPRICE, {"reason": "Price set"})

    asked = {"q": "a", "when": "all"}
    remarks = page_at(browser, "/admin/ledger/costrecord/", **asked).table()

    assert sorted(remarks.column("Remark")) == [
        "correction 1: the difference in its price",
        "had no price; corrected since",
    ]


def test_the_tree_and_the_budget_tell_what_has_no_price(acme: Organization) -> None:
    budget = make_budget(acme, "Company")
    spend(acme, None, model="x", id="without")
    browser = browser_for(acme)

    tree = page_at(browser, "/admin/budgets/budget/tree/")
    page = shown(browser, f"/admin/budgets/budget/{budget.pk}/change/")
    behind = page_at(browser, tree.links["1 without a price"]).table()

    assert "1 call without a price" in tree.links
    assert "1 call of this period has no price yet and is in none of" in page
    assert behind.column("Usage id") == ["without"]
