"""Forecasts: what costs come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

from llm_cost_ops.answers.forecasts import Scenario, Scenarios
from llm_cost_ops.answers.shaped import CostForecast
from llm_cost_ops.api.fields import CostScope
from llm_cost_ops.money import Money, wire
from llm_cost_ops.requests import Answer, Request, present, reads, segment

if TYPE_CHECKING:
    from typing import Unpack


def get_forecast(
    *,
    forecast_period: str = "month",
    confidence: Optional[float] = None,
    limit: Optional[Money] = None,
    **scope: Unpack[CostScope],
) -> Request[CostForecast]:
    """Ask what some part of the costs comes to in the present period, budget or not.

    *forecast_period*: day, week, month, quarter or year. *confidence* is that of the
    interval, a share. It is held against *limit*, or else the limit of the budget of
    just this scope and period, if there is one.
    """
    query = {
        **scope,
        "period": forecast_period,
        "confidence": confidence,
        "limit": None if limit is None else wire(limit),
    }
    return Request("GET", "/api/v1/forecasts", reads(CostForecast), query=query)


def forecast_scenarios(
    *,
    scenarios: Sequence[Mapping[str, Any]],
    forecast_period: str = "month",
    confidence: Optional[float] = None,
    limit: Optional[Money] = None,
    **scope: Unpack[CostScope],
) -> Request[tuple[Scenario, ...]]:
    """Ask what some part of the costs comes to in the present period if something
    changes from now on; in the order of *scenarios*.

    Each has a "name" and "assumptions": "current_rate", or any of "growth",
    "cost_reduction", "additional_requests" with their "average_cost", "model_swap" and
    "limit" together. All else is as in `get_forecast`.
    """
    body = {
        **scope,
        "period": forecast_period,
        "confidence": confidence,
        "limit": None if limit is None else wire(limit),
        "scenarios": list(scenarios),
    }
    path = "/api/v1/forecasts/scenarios"
    return Request("POST", path, _read_scenarios, body=present(body))


def forecast_budget_scenarios(
    budget_id: str,
    *,
    scenarios: Sequence[Mapping[str, Any]],
    confidence: Optional[float] = None,
) -> Request[tuple[Scenario, ...]]:
    """Ask what a budget's present period comes to if something changes from now on.

    As `forecast_scenarios`, in the budget's currency and by its limit.
    """
    body = {"confidence": confidence, "scenarios": list(scenarios)}
    path = f"/api/v1/budgets/{segment(budget_id)}/scenarios"
    return Request("POST", path, _read_scenarios, body=present(body))


def _read_scenarios(answer: Answer) -> tuple[Scenario, ...]:
    return reads(Scenarios)(answer).scenarios
