"""Forecast and scenarios of a project, as the demonstration asks for them.

10 a day were spent in January, 140 by now; 16 days and a half are left, 165.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from accounts.models import Organization
from budgets.models import Budget
from tests.budgets.worlds import jan, january_budget
from tests.factories import Api, make_api, make_organization, spend

pytestmark = pytest.mark.django_db
NOW = jan(15, 12)
SPENT, LEFT = Decimal(140), Decimal(165)
SCENARIOS: list[dict[str, Any]] = [
    {"name": "Current Trajectory", "assumptions": "current_rate"},
    {
        "name": "With New Feature",
        "assumptions": {"additionalRequests": 10000, "averageCost": 0.05},
    },
    {"name": "After Optimization", "assumptions": {"costReduction": 0.3}},
]


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def budget(acme: Organization) -> Budget:
    for days in range(1, 15):
        spend(acme, "10", NOW - timedelta(days), project_id="production")
    scope = {"projects": ["production"]}
    return january_budget(acme, amount=Decimal(300), scope=scope)


def tried(api: Api, path: str, **body: Any) -> list[dict[str, Any]]:
    answer = api.post(path, {"scenarios": SCENARIOS, **body})
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.body["scenarios"]
    return found


def test_the_forecast_of_a_project(api: Api, budget: Budget) -> None:
    body = api.get("forecasts?project_id=production&period=month&confidence=0.95").body

    assert Decimal(body["forecasted_cost"]) == pytest.approx(SPENT + LEFT)
    interval = body["confidence_interval"]
    assert Decimal(interval["lower"]) < 305 < Decimal(interval["upper"])
    assert interval["level"] == 0.95
    # 160 are left: 5 of today, and 15 days and a half of 10: passed on the last day.
    assert (body["days_until_exceeded"], body["exceeded_on"]) == (16, "2025-01-31")
    assert Decimal(body["recommended_budget"]) > 305


@pytest.mark.parametrize("path", ["forecasts/scenarios", "budgets/{}/scenarios"])
def test_the_scenarios_of_a_project(api: Api, budget: Budget, path: str) -> None:
    of_scope = {"projectId": "production"} if "{" not in path else {}

    current, feature, optimized = tried(api, path.format(budget.uid), **of_scope)

    assert [one["name"] for one in (current, feature, optimized)] == [
        one["name"] for one in SCENARIOS
    ]
    cost = {
        one["name"].split()[1]: Decimal(one["projected_cost"])
        for one in (current, feature, optimized)
    }
    assert cost["Trajectory"] == pytest.approx(SPENT + LEFT)
    assert cost["New"] == cost["Trajectory"] + 500
    assert cost["Optimization"] == pytest.approx(SPENT + LEFT * Decimal("0.7"))
    assert [one["delta"] for one in (current, feature)] == [
        "0.0000000000",
        "500.0000000000",
    ]
    assert Decimal(optimized["delta"]) == pytest.approx(Decimal("-49.5"))


@pytest.mark.usefixtures("budget")
def test_intervals_are_the_forecasts_moved_and_scaled(api: Api) -> None:
    found = tried(api, "forecasts/scenarios", project_id="production", confidence=0.8)

    ends = [
        tuple(Decimal(one["confidence_interval"][end]) for end in ("lower", "upper"))
        for one in found
    ]
    (low, high), feature, optimized = ends
    assert feature == (low + 500, high + 500)
    assert optimized == pytest.approx(
        tuple(SPENT + (end - SPENT) * Decimal("0.7") for end in (low, high))
    )
    likely = [one["probability_over_budget"] for one in found]
    assert likely[1] == 1  # 640 are spent for certain
    assert likely[2] < 0.05 < likely[0]


@pytest.mark.usefixtures("budget")
def test_assumptions_hold_together(api: Api) -> None:
    all_at_once = {
        "growth": 0.2,
        "cost_reduction": 0.5,
        "additional_requests": 7,
        "average_cost": "0.0000000001",
        "limit": 900,
    }

    (one,) = tried(
        api,
        "forecasts/scenarios",
        project_id="production",
        limit=100,
        scenarios=[{"name": "All", "assumptions": all_at_once}],
    )

    assert one["assumptions"] == {
        **all_at_once,
        "average_cost": "0.0000000001",
        "limit": "900.0000000000",
    }
    assert Decimal(one["projected_cost"]) == pytest.approx(SPENT + LEFT * Decimal(".6"))
    assert (one["budget_limit"], one["currency"]) == ("900.0000000000", "USD")
    assert one["probability_over_budget"] < 0.01


def test_other_models_are_priced_from_what_was_used(
    api: Api, acme: Organization
) -> None:
    """A day costs 3 with gpt-4o, 0.18 with gpt-4o-mini, and 2 with another model."""
    for days in range(1, 15):
        at = NOW - timedelta(days)
        spend(acme, None, at, input_tokens=10**6, cached_tokens=400_000,
              output_tokens=100_000)  # fmt: skip
        spend(acme, "2", at, provider="anthropic", model="claude-sonnet-4")
    budget = january_budget(acme)
    swap = {"from": "gpt-4o", "to": "gpt-4o-mini"}

    (one,) = tried(
        api,
        f"budgets/{budget.uid}/scenarios",
        scenarios=[{"name": "Mini", "assumptions": {"model_swap": swap}}],
    )

    # 14 days of 5, and 16.5 of 2.18.
    assert Decimal(one["projected_cost"]) == pytest.approx(Decimal("105.97"))
    (effect,) = one["model_swaps"]
    assert (effect["requests"], effect["cost"], effect["would_cost"]) == (
        14,
        "42.0000000000",
        "2.5200000000",
    )


def test_a_switch_takes_few_queries(
    api: Api, budget: Budget, django_assert_max_num_queries: Any
) -> None:
    swaps = {"model_swap": {"gpt-4o": "gpt-4o-mini"}}
    scenarios = [{"name": "Mini", "assumptions": swaps}, *SCENARIOS]

    with django_assert_max_num_queries(20):
        tried(api, f"budgets/{budget.uid}/scenarios", scenarios=scenarios)


def test_a_budget_is_told_in_its_own_currency(api: Api, acme: Organization) -> None:
    for days in range(1, 15):
        spend(acme, "10", NOW - timedelta(days))
    budget = january_budget(acme, currency="EUR")

    (one, *_) = tried(api, f"budgets/{budget.uid}/scenarios")
    (dollars, *_) = tried(api, "forecasts/scenarios")

    assert (one["currency"], dollars["currency"]) == ("EUR", "USD")
    assert Decimal(one["projected_cost"]) < Decimal(dollars["projected_cost"])


def test_of_too_little_no_scenario_tells_anything(api: Api, acme: Organization) -> None:
    found = tried(api, f"budgets/{january_budget(acme).uid}/scenarios")

    assert {one["projected_cost"] for one in found} == {None}
    assert {one["delta"] for one in found} == {None}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"scenarios": []}, "scenarios"),
    ({"scenarios": [{"name": "x"}]}, "scenarios.0.assumptions"),
    (
        {"scenarios": [*SCENARIOS, {"name": "x", "assumptions": {"discount": 1}}]},
        "scenarios.3.assumptions.discount",
    ),
    (
        {"scenarios": [{"name": "x", "assumptions": {"modelSwap": {"o3": "o4"}}}]},
        "scenarios.0.assumptions.model_swap.from",
    ),
    ({"scenarios": SCENARIOS, "confidence": 95}, "confidence"),
    ({"scenarios": SCENARIOS, "period": "fortnight"}, "period"),
    ({"scenarios": SCENARIOS, "limit": -1}, "limit"),
]


@pytest.mark.usefixtures("budget")
@pytest.mark.parametrize(("body", "named"), WRONG)
def test_what_is_wrong_with_scenarios_is_named(
    api: Api, body: dict[str, Any], named: str
) -> None:
    answer = api.post("forecasts/scenarios", body)

    assert answer.status == 400
    assert [error["attr"] for error in answer.body["errors"]] == [named]


def test_nobody_tries_scenarios_on_anothers_budget(budget: Budget) -> None:
    other = make_api(organization=make_organization("other"))

    answer = other.post(f"budgets/{budget.uid}/scenarios", {"scenarios": SCENARIOS})
    of_scope = other.post(
        "forecasts/scenarios", {"organization_id": "acme", "scenarios": SCENARIOS}
    )

    assert (answer.status, of_scope.status) == (404, 403)


def test_what_is_only_tried_needs_no_leave_to_write(
    acme: Organization, budget: Budget
) -> None:
    reader = make_api("budgets:read", organization=acme)

    path = f"budgets/{budget.uid}/scenarios"
    assert reader.post(path, {"scenarios": SCENARIOS}).status == 200
    assert reader.post("forecasts/scenarios", {"scenarios": SCENARIOS}).status == 403


def test_scenarios_of_tokens_take_no_money(acme: Organization, api: Api) -> None:
    for days in range(1, 15):
        spend(acme, "10", NOW - timedelta(days), input_tokens=900, output_tokens=100)
    tokens = january_budget(acme, amount=Decimal(50_000), currency="tokens")
    path = f"budgets/{tokens.uid}/scenarios"
    feature = {"additional_requests": 5, "average_cost": 2000, "limit": 60_000}
    in_money = {
        "additional_requests": 5,
        "average_cost": 0.05,
        "limit": 0.5,
        "model_swap": {"gpt-4o": "gpt-4o-mini"},
    }

    (one,) = tried(api, path, scenarios=[{"name": "More", "assumptions": feature}])
    refused = api.post(path, {"scenarios": [{"name": "x", "assumptions": in_money}]})

    assert (one["currency"], one["delta"]) == ("tokens", "10000.0000000000")
    assert {error["attr"] for error in refused.body["errors"]} == {
        f"scenarios.0.assumptions.{name}"
        for name in ("average_cost", "limit", "model_swap")
    }
    forecast = api.get(f"budgets/{tokens.uid}/forecast?to=period_end").body
    assert forecast["currency"] == "tokens"
