"""The forecast of a budget, over the API."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from accounts.models import Organization
from budgets.models import Budget
from tests.budgets.worlds import jan, january_budget
from tests.factories import Api, spend

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _at_noon_of_the_fifteenth() -> Iterator[None]:
    with time_machine.travel(jan(15, 12), tick=False):
        yield


@pytest.fixture
def budget(acme: Organization) -> Budget:
    """Return one of 310 for January, with 10 spent on each day that is over."""
    for day in range(1, 15):
        spend(acme, "10", jan(day, 9))
    return january_budget(acme, amount=Decimal(310))


def forecast_of(api: Api, budget: Budget, query: str = "") -> dict[str, Any]:
    answer = api.get(f"budgets/{budget.uid}/forecast{query}")
    assert answer.status == 200
    body: dict[str, Any] = answer.body
    return body


def test_the_coming_days_are_forecast_alone(api: Api, budget: Budget) -> None:
    body = forecast_of(api, budget, "?days_ahead=10&confidence=0.8")

    assert body["days_ahead"] == 10
    assert float(body["forecasted_cost"]) == pytest.approx(95)  # half of today
    assert body["confidence_interval"]["level"] == 0.8
    assert float(body["confidence_interval"]["lower"]) < 95
    assert float(body["confidence_interval"]["upper"]) > 95
    assert body["probability_over_budget"] < 0.05
    assert body["days_until_exceeded"] is None
    assert body["days_until_interval"] is None
    assert body["method"] == "forecast from the last 14 days"
    assert body["data"] == {"days": 14, "enough": True, "reason": ""}


def test_a_period_is_what_was_spent_and_the_rest_of_it(
    api: Api, budget: Budget
) -> None:
    body = forecast_of(api, budget, "?to=period_end")

    assert body["days_ahead"] == 17
    assert float(body["forecasted_cost"]) == pytest.approx(305)
    assert body["projected_overrun"] == "0.0000000000"
    assert 0.1 < body["probability_over_budget"] < 0.5
    assert float(body["recommended_budget"]) > 305
    assert body["recommended_quantile"] == 0.9


def test_it_says_when_the_amount_is_passed(api: Api, budget: Budget) -> None:
    smaller = january_budget(budget.organization, amount=Decimal(200))

    body = forecast_of(api, smaller, "?to=period_end")

    assert body["exceeded_on"] == date(2025, 1, 21).isoformat()
    assert body["days_until_exceeded"] == 6
    until = body["days_until_interval"]
    assert 0 < until["earliest"] <= 6 <= until["latest"]
    assert until["level"] == 0.95
    assert body["probability_over_budget"] > 0.95


def test_days_that_are_over_and_days_to_come_follow_each_other(
    api: Api, budget: Budget
) -> None:
    daily = forecast_of(api, budget, "?to=period_end")["daily"]

    assert [day["date"] for day in daily] == [
        date(2025, 1, day).isoformat() for day in range(1, 32)
    ]
    assert [day["actual"] is None for day in daily] == [False] * 14 + [True] * 17
    assert [day["projected"] is None for day in daily] == [True] * 14 + [False] * 17


def test_of_too_little_nothing_is_forecast(api: Api, acme: Organization) -> None:
    spend(acme, "10", jan(14, 9))

    body = forecast_of(api, january_budget(acme))

    assert body["forecasted_cost"] is None
    assert body["data"]["enough"] is False
    assert body["data"]["reason"] == "3 days with spend are needed, not 1."


def test_a_budget_that_has_not_begun_has_no_forecast(
    api: Api, acme: Organization
) -> None:
    to_come = january_budget(acme, starts_at=jan(20))

    answer = api.get(f"budgets/{to_come.uid}/forecast")

    assert (answer.status, answer.body["code"]) == (404, "no_period")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("?days_ahead=0", "days_ahead"),
        ("?days_ahead=400", "days_ahead"),
        ("?days_ahead=5&to=period_end", "days_ahead"),
        ("?to=doomsday", "to"),
        ("?confidence=95", "confidence"),
        ("?confidence=nan", "confidence"),
        ("?confidence=0.1", "confidence"),
    ],
)
def test_what_is_asked_wrongly_is_named(
    api: Api, budget: Budget, query: str, named: str
) -> None:
    answer = api.get(f"budgets/{budget.uid}/forecast{query}")

    assert answer.status == 400
    assert answer.body["errors"][0]["attr"] == named


def test_it_takes_few_queries(
    api: Api, budget: Budget, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(8):
        forecast_of(api, budget, "?to=period_end")
