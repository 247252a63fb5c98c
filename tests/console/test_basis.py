"""What a rule holds against its share of the limit, as its pages have it."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Organization
from alerts.models import AlertRule
from budgets.models import Budget
from tests.alerts.factories import fire, make_rule
from tests.factories import browser_for, make_budget
from tests.pages import page_at, words_of

pytestmark = pytest.mark.django_db
RULES = "/admin/alerts/alertrule/"


def rule_form(**values: str) -> dict[str, Any]:
    """Return what the form of a rule sends."""
    return {"severity": "warning", "channels": ["email"], "enabled": "on", **values}


def post(budget: Budget, **values: str) -> Any:
    place = f"{RULES}add/?budget={budget.pk}&type=threshold"
    form = rule_form(threshold="80", **values)
    return browser_for(budget.organization).post(place, form)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({}, ("spent", None)),
        ({"basis": "committed", "probability": "70"}, ("committed", None)),
        ({"basis": "forecast", "probability": ""}, ("forecast", Decimal("0.5"))),
        ({"basis": "forecast", "probability": "90"}, ("forecast", Decimal("0.9"))),
    ],
    ids=["spent", "committed", "forecast", "a sure forecast"],
)
def test_a_rule_keeps_what_it_looks_at(
    values: dict[str, str], kept: tuple[Any, ...], acme: Organization
) -> None:
    budget = make_budget(acme)

    response = post(budget, **values)

    assert response.status_code == 302
    rule = AlertRule.objects.get()
    assert (rule.basis, rule.probability) == kept


@pytest.mark.parametrize("probability", ["0", "100.5"])
def test_a_probability_is_a_share_of_all_there_is(
    probability: str, acme: Organization
) -> None:
    response = post(make_budget(acme), basis="forecast", probability=probability)

    assert "Must be more than 0, up to 100." in words_of(response.content.decode())


def test_two_rules_of_a_share_look_at_different_things(acme: Organization) -> None:
    budget = make_budget(acme)
    make_rule(budget, "threshold", threshold=Decimal("0.8"), basis="committed")

    place = f"{RULES}add/?budget={budget.pk}&type=threshold"
    browser = browser_for(acme)

    same = browser.post(place, rule_form(threshold="80", basis="committed"))
    other = browser.post(place, rule_form(threshold="80", basis="forecast"))

    assert "This budget has a rule for that share." in words_of(same.content.decode())
    assert other.status_code == 302


def test_what_they_watch_for_is_said(acme: Organization) -> None:
    budget = make_budget(acme)
    make_rule(budget, "threshold", threshold=Decimal("0.7"), basis="committed")
    make_rule(
        budget,
        "threshold",
        threshold=Decimal(1),
        basis="forecast",
        probability=Decimal("0.9"),
    )

    rules = page_at(browser_for(acme), f"{RULES}budget/{budget.pk}/").table()

    assert rules.row("70 % of the limit is spent or set aside")
    assert rules.row("100 % of the limit is 90 % likely to be spent by the end")


def test_nothing_is_said_of_what_was_set_aside_in_the_past(acme: Organization) -> None:
    budget = make_budget(acme)
    rule = make_rule(budget, "threshold", threshold=Decimal("0.7"), basis="committed")

    page = page_at(browser_for(acme), f"{RULES}{rule.pk}/change/")

    said = "When it would have fired is not known: what is set aside is kept"
    assert any(text.startswith(said) for text in page.paragraphs)


def test_an_alert_says_what_was_set_aside(acme: Organization) -> None:
    numbers = {"spent": "500", "reserved": "300", "limit": "1000"}
    alert = fire(
        make_budget(acme),
        basis="committed",
        spent=Decimal(500),
        value=Decimal("0.8"),
        details={"sentence": "Much is set aside.", "numbers": numbers},
    )

    facts = (
        page_at(browser_for(acme), f"/admin/alerts/alert/{alert.pk}/change/")
        .part("What was spent")
        .facts()
    )

    assert facts["Set aside at the alert"] == "$300.00, with what is spent 80 %"
    assert facts["Set aside now"] == "$0.00"


def test_an_alert_says_how_likely_its_forecast_was(acme: Organization) -> None:
    alert = fire(
        make_budget(acme),
        basis="forecast",
        details={
            "sentence": "It will be passed.",
            "numbers": {"probability": "0.87"},
            "band": {"lower": "900", "expected": "1100", "upper": "1300"},
        },
    )

    facts = (
        page_at(browser_for(acme), f"/admin/alerts/alert/{alert.pk}/change/")
        .part("What was spent")
        .facts()
    )

    assert facts["Probability"] == "87 %"
    assert facts["Forecast, 80 % sure"] == "$900.00 to $1,300.00, about $1,100.00"
