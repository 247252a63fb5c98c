"""Forecasts and scenarios, as an app asks for them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from llm_cost_ops import BadRequestError, CostTracker

from lib.periods import Cadence, Calendar
from tests.sdk.world import World

DAY = timedelta(days=1)


def test_the_demonstration_as_it_is_written(
    world: World, track: Callable[..., CostTracker]
) -> None:
    """10 a day were spent in production up to yesterday, for three weeks."""
    now = datetime.now(UTC)
    today = datetime(now.year, now.month, now.day, tzinfo=UTC)
    records: list[Any] = [
        {
            "id": f"day-{ago}",
            "timestamp": today - ago * DAY + timedelta(hours=6),
            "provider": "openai",
            "model": "gpt-4o",
            "organization_id": world.organization,
            "project_id": "production",
            "cost": "10",
        }
        for ago in range(1, 22)
    ]
    world.client.report_usage_batch(records)
    month = Calendar(Cadence.MONTHLY, ZoneInfo("UTC")).window_of(now)
    spent = 10 * Decimal(min((today - month.start) // DAY, 21))
    left = 10 * (month.end - now) / DAY
    world.budget(f"{spent + 5}", scope={"projects": ["production"]})
    tracker: Any = track()
    whose = {"organizationId": world.organization, "projectId": "production"}

    forecast = tracker.get_forecast(**whose, forecastPeriod="month", confidence=0.95)
    current, feature, optimized = tracker.forecast_scenarios(
        **whose,
        scenarios=[
            {"name": "Current Trajectory", "assumptions": "current_rate"},
            {
                "name": "With New Feature",
                "assumptions": {"additionalRequests": 10000, "averageCost": 0.05},
            },
            {"name": "After Optimization", "assumptions": {"costReduction": 0.3}},
        ],
    )

    assert float(forecast.projected) == pytest.approx(float(spent) + left, abs=0.1)
    interval = forecast.confidence_interval
    assert interval.lower < forecast.projected < interval.upper
    assert forecast.days_until_exceeded in ({0, 1} if left > 5.1 else {0, None})
    assert forecast.recommended_budget > forecast.projected
    assert current.projected_cost == pytest.approx(forecast.projected, abs=1)
    assert feature.projected_cost == current.projected_cost + 500
    assert optimized.delta == pytest.approx(
        (current.projected_cost - spent) * Decimal("-0.3"), abs=Decimal("1e-9")
    )
    assert optimized.name == "After Optimization"


def test_scenarios_of_a_budget_are_held_against_its_limit(world: World) -> None:
    budget = world.budget("100")

    (one,) = world.client.forecast_budget_scenarios(
        budget.id, scenarios=[{"name": "Now", "assumptions": "current_rate"}]
    )

    assert (one.budget_limit, one.projected_cost) == (Decimal(100), None)
    with pytest.raises(BadRequestError, match="Unknown"):
        world.client.forecast_budget_scenarios(
            budget.id, scenarios=[{"name": "Now", "assumptions": {"discount": 1}}]
        )
