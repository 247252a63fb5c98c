"""Pages of budgets that count tokens: no page gives them a currency's sign."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Organization
from alerts.models import Alert
from budgets.models import Budget
from tests.factories import browser_for, make_budget, spend

pytestmark = pytest.mark.django_db
WORDS = "12,000 tokens"


@pytest.fixture
def tokens(acme: Organization) -> Budget:
    return make_budget(acme, "Tokens", "12000", currency="tokens")


@pytest.fixture
def browser(acme: Organization) -> Client:
    return browser_for(acme)


def form_of(browser: Client, budget: Budget, **changes: Any) -> dict[str, Any]:
    page = browser.get(reverse("admin:budgets_budget_change", args=[budget.pk]))
    form = page.context["form"]
    values = {
        name: "" if (value := form[name].value()) is None else value
        for name in form.fields
    }
    return {**values, "version": page.context["version"], **changes}


@pytest.mark.parametrize(
    "name",
    ["budgets_budget_change", "controls_controlrule_budget"],
)
def test_a_budgets_pages_say_tokens(
    browser: Client, acme: Organization, tokens: Budget, name: str
) -> None:
    spend(acme, None, input_tokens=10_000, output_tokens=2_000)

    page = browser.get(reverse(f"admin:{name}", args=[tokens.pk])).content.decode()

    assert WORDS in page


def test_the_tree_adds_up_money_and_shows_tokens(
    browser: Client, acme: Organization, tokens: Budget
) -> None:
    make_budget(acme, "Money", "100")

    page = browser.get(reverse("admin:budgets_budget_tree")).content.decode()

    assert WORDS in page
    assert "of $100.00" in page


def test_an_alert_of_tokens_names_what_moved_it(
    browser: Client, acme: Organization, tokens: Budget
) -> None:
    spend(acme, None, input_tokens=10_000, output_tokens=2_000)
    alert = Alert.objects.latest("pk")

    page = browser.get(reverse("admin:alerts_alert_change", args=[alert.pk]))

    found = page.content.decode()
    assert WORDS in found
    assert "$" not in page.context["drivers"][0].currency


def test_a_budget_of_tokens_is_made_on_the_page(
    browser: Client, acme: Organization, tokens: Budget
) -> None:
    address = f"{reverse('admin:budgets_budget_add')}?parent={tokens.pk}"
    page = browser.get(address)
    form = page.context["form"]
    data = {
        name: "" if (value := form[name].value()) is None else value
        for name in form.fields
    }
    assert data["currency"] == "tokens"

    made = browser.post(address, {**data, "name": "Below", "amount": "500"})

    assert made.status_code == 302, made.context["form"].errors
    below = Budget.objects.get(name="Below")
    assert (below.unit, below.parent) == ("tokens", tokens)


def test_what_a_budget_counts_stays_on_the_page(
    browser: Client, acme: Organization, tokens: Budget
) -> None:
    address = reverse("admin:budgets_budget_change", args=[tokens.pk])
    data = form_of(browser, tokens, currency="USD", name="Renamed")

    assert browser.post(address, data).status_code == 302

    tokens.refresh_from_db()
    assert (tokens.name, tokens.currency) == ("Renamed", "tokens")


def test_the_preview_counts_tokens(
    browser: Client, acme: Organization, tokens: Budget
) -> None:
    spend(acme, None, input_tokens=5_000, output_tokens=1_000)

    part = browser.get(
        reverse("admin:budgets_budget_preview"),
        {**form_of(browser, tokens), "budget": tokens.pk},
    ).content.decode()

    assert "6,000 tokens this period so far: 50" in part


def test_spend_and_unit_cost_of_tokens_are_told_in_tokens(
    browser: Client, acme: Organization, tokens: Budget
) -> None:
    spend(acme, "7", input_tokens=10_000, output_tokens=2_000)
    place = f"/admin/budgets/budget/{tokens.pk}"

    spent = browser.get(f"{place}/spend/").content.decode()
    each = browser.get(f"{place}/unit-cost/").content.decode()

    assert f"Tokens has spent {WORDS} in the last 30 days" in spent
    assert "$7" not in spent
    assert f"Tokens used {WORDS} for each of 1 request, {WORDS} in all" in each
    assert "One cost" not in each


def test_the_forecast_of_tokens_is_told_in_tokens(
    browser: Client, acme: Organization, tokens: Budget
) -> None:
    spend(acme, "7", input_tokens=10_000, output_tokens=2_000)

    page = browser.get(f"/admin/budgets/budget/{tokens.pk}/forecast/").content.decode()

    assert WORDS in page
    assert "$" not in page.partition("co-lead")[2].partition("</script>")[0]
