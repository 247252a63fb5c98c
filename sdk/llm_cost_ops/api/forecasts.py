"""Forecasts: what costs come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from llm_cost_ops.answers.shaped import CostForecast
from llm_cost_ops.api.fields import CostScope
from llm_cost_ops.money import Money, wire
from llm_cost_ops.requests import Request, reads

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
