"""Comparing scenarios of a budget: seen, saved under a name, shared, and asked for."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Organization
from accounts.scopes import Role
from accounts.versions import version_of
from budgets.models import Budget
from console.scenarios.form import ScenarioSetForm
from forecasts.models import ScenarioSet
from tests.budgets.worlds import jan, january_budget
from tests.factories import browser_for, make_organization, spend
from tests.pages import words_of

pytestmark = pytest.mark.django_db
NOW = jan(15, 12)
CELLS = (
    *("name", "growth", "cost_reduction", "additional_requests", "average_cost"),
    *("from", "to", "share", "limit"),
)


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def budget(acme: Organization) -> Budget:
    """Return one of 300, with 10 spent on each of fourteen days."""
    for days in range(1, 15):
        spend(acme, "10", NOW - timedelta(days))
    return january_budget(acme, amount=Decimal(300))


@pytest.fixture
def browser(acme: Organization) -> Client:
    return browser_for(acme, Role.APPROVER)


def filled(*scenarios: dict[str, str], name: str = "Spring") -> dict[str, Any]:
    """Return the form with *scenarios* filled in."""
    return {"name": name} | {
        f"scenarios.{cell}": [one.get(cell, "") for one in scenarios] for cell in CELLS
    }


FEATURE = {
    "name": "With new feature",
    "additional_requests": "10,000",
    "average_cost": "0.05",
}
OPTIMIZED = {"name": "After optimization", "cost_reduction": "30"}


def page_of(budget: Budget) -> str:
    return f"{reverse('admin:forecasts_scenarioset_add')}?budget={budget.pk}"


def text_of(answer: Any) -> str:
    return words_of(answer.content.decode())


def compared(answer: Any) -> dict[str, Any]:
    """Return the rows of the page, by name."""
    return {line.name: line for line in answer.context["compared"].lines}


def saved(browser: Client, budget: Budget, **form: Any) -> ScenarioSet:
    answer = browser.post(page_of(budget), form or filled(FEATURE, OPTIMIZED))
    found = ScenarioSet.objects.get(budget=budget)
    assert answer["location"] == reverse(
        "admin:forecasts_scenarioset_change", args=[found.pk]
    )
    return found


def test_what_is_filled_in_stands_beside_the_present_rate(
    browser: Client, budget: Budget
) -> None:
    answer = browser.post(
        page_of(budget), filled(FEATURE, OPTIMIZED) | {"preview": "1"}
    )

    lines = compared(answer)
    assert [*lines] == ["As it goes now", "With new feature", "After optimization"]
    assert [line.expected for line in lines.values()] == [
        *("$305.00", "$805.00", "$255.50")
    ]
    assert lines["With new feature"].delta == "+$500.00"
    assert lines["With new feature"].words == "10,000 more requests at $0.05 each"
    assert lines["After optimization"].delta == "-$49.50"
    assert "What will All have spent in January 2025?" in text_of(answer)
    picture = answer.context["compared"].picture
    assert [(row[0], row[1], row[4]) for row in picture.rows] == [
        (name, line.expected, "$300.00") for name, line in lines.items()
    ]
    assert [row["limit"] for row in picture.spec["data"]["values"]] == [300.0] * 3
    assert not ScenarioSet.objects.exists()


def test_a_saved_comparison_is_opened_by_its_address(
    browser: Client, budget: Budget, acme: Organization
) -> None:
    found = saved(browser, budget)

    address = reverse("admin:forecasts_scenarioset_change", args=[found.pk])
    viewer = browser_for(acme, Role.VIEWER)
    seen = viewer.get(address)

    assert found.created_by == "approver@acme.example"
    assert [one["name"] for one in found.scenarios] == [
        *("With new feature", "After optimization")
    ]
    assert compared(seen)["After optimization"].expected == "$255.50"
    assert "Save for others to see" not in text_of(seen)
    assert "Ask for" not in text_of(seen)
    assert address in seen.context["address"]


def test_nobody_elses_comparisons_are_seen(browser: Client, budget: Budget) -> None:
    found = saved(browser, budget)
    stranger = browser_for(make_organization("other"))

    address = reverse("admin:forecasts_scenarioset_change", args=[found.pk])

    assert stranger.get(address).status_code == 404
    assert stranger.get(page_of(budget)).status_code == 404


def test_who_only_reads_saves_nothing(budget: Budget, acme: Organization) -> None:
    answer = browser_for(acme, Role.VIEWER).post(page_of(budget), filled(FEATURE))

    assert answer.status_code == 403
    assert not ScenarioSet.objects.exists()


def test_a_scenario_becomes_a_request_in_one_step(
    browser: Client, budget: Budget
) -> None:
    answer = browser.get(page_of(budget))
    lines = compared(browser.post(page_of(budget), filled(FEATURE) | {"preview": "1"}))

    wish = lines["With new feature"].wish
    said = parse_qs(urlsplit(wish.path).query)
    form = browser.get(wish.path).context["form"]

    assert compared(answer)["As it goes now"].wish is not None
    # What is enough 9 times of 10, less the 300 there are, in two figures.
    assert 505 < form.initial["amount"] <= 610
    assert (said["kind"], said["until"]) == (["raise"], ["2025-01-31"])
    assert form.initial["justification"].startswith(
        "With new feature: 10,000 more requests at $0.05 each.\n$805.00 is expected"
    )


def test_what_is_filled_in_wrongly_is_told_and_kept(
    browser: Client, budget: Budget
) -> None:
    wrong = filled(
        {"name": "Odd", "growth": "much", "from": "gpt-4o", "share": "200"},
        {"name": "", "growth": "5"},
    )

    answer = browser.post(page_of(budget), wrong)

    text = text_of(answer)
    assert "“Odd”, Growth, in %: give a number from -100 to 10,000" in text
    assert 'value="much"' in answer.content.decode()
    assert not ScenarioSet.objects.exists()


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ({"growth": "5"}, "Scenario 1: give it a name."),
        ({"name": "x", "cost_reduction": "120"}, "Saved, in %: give a number from 0"),
        ({"name": "x", "average_cost": "1"}, "Additional requests: give a whole"),
        ({"name": "x", "from": "gpt-4o"}, "To model: name the model"),
        ({"name": "x", "to": "gpt-4o"}, "Switch from model: name the model"),
        ({"name": "x", "limit": "-1"}, "Another limit: give an amount"),
    ],
)
def test_each_cell_says_what_to_do(
    browser: Client, budget: Budget, scenario: dict[str, str], said: str
) -> None:
    answer = browser.post(page_of(budget), filled(scenario))

    assert said in text_of(answer)


def test_a_switch_that_cannot_be_told_says_why(browser: Client, budget: Budget) -> None:
    swap = {"name": "Mini", "from": "o3", "to": "gpt-4o-mini", "share": "50"}

    found = saved(browser, budget, **filled(swap))
    answer = browser.get(reverse("admin:forecasts_scenarioset_change", args=[found.pk]))

    line = compared(answer)["Mini"]
    assert line.words == "gpt-4o-mini instead of o3 for 50\N{NO-BREAK SPACE}% of it"
    assert "name one of gpt-4o" in line.refusal
    assert line.refusal in text_of(answer)


def test_a_name_stands_once_for_a_budget(browser: Client, budget: Budget) -> None:
    found = saved(browser, budget)

    answer = browser.post(page_of(budget), filled(FEATURE))

    assert "has a comparison of that name already" in text_of(answer)
    with pytest.raises(IntegrityError), transaction.atomic():
        ScenarioSet.objects.create(
            organization=found.organization, budget=budget, name=found.name
        )
    other = january_budget(budget.organization, name="Other")
    assert browser.post(page_of(other), filled(FEATURE)).status_code == 302


def test_a_name_that_is_taken_at_that_moment_is_told(
    browser: Client, budget: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(browser, budget)
    monkeypatch.setattr(ScenarioSetForm, "validate_constraints", lambda self: None)

    answer = browser.post(page_of(budget), filled(FEATURE))

    assert "has a comparison of that name already" in text_of(answer)
    assert ScenarioSet.objects.count() == 1


def test_what_somebody_saved_meanwhile_is_not_written_over(
    browser: Client, budget: Budget
) -> None:
    found = saved(browser, budget)
    address = reverse("admin:forecasts_scenarioset_change", args=[found.pk])
    seen = version_of(found)
    found.scenarios = []
    found.save()

    answer = browser.post(address, filled(FEATURE) | {"version": seen})

    assert answer.status_code == 200
    assert "while you filled this in" in text_of(answer)
    found.refresh_from_db()
    assert found.scenarios == []


def test_a_scenario_that_is_emptied_is_taken_away(
    browser: Client, budget: Budget
) -> None:
    found = saved(browser, budget)
    address = reverse("admin:forecasts_scenarioset_change", args=[found.pk])

    browser.post(address, filled({}, OPTIMIZED) | {"version": version_of(found)})

    found.refresh_from_db()
    assert [one["name"] for one in found.scenarios] == ["After optimization"]
    assert found.history.count() == 2
    history = reverse("admin:forecasts_scenarioset_history", args=[found.pk])
    assert "→ After optimization: 30 % saved" in text_of(browser.get(history))


def test_a_budget_without_a_period_or_history_says_so(
    browser: Client, acme: Organization
) -> None:
    to_come = january_budget(acme, name="To come", starts_at=jan(20))
    new = january_budget(acme, name="New")

    assert "There is no period to look ahead in" in text_of(
        browser.get(page_of(to_come))
    )
    assert "Too little is known yet" in text_of(browser.get(page_of(new)))


def test_without_a_budget_one_is_chosen_first(browser: Client, budget: Budget) -> None:
    answer = browser.get(reverse("admin:forecasts_scenarioset_add"))

    assert f"?budget={budget.pk}" in answer.content.decode()


def test_a_comparison_takes_few_queries(
    browser: Client, budget: Budget, django_assert_max_num_queries: Any
) -> None:
    found = saved(browser, budget)
    address = reverse("admin:forecasts_scenarioset_change", args=[found.pk])

    with django_assert_max_num_queries(16):
        browser.get(address)
