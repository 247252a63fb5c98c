"""Forecasts as they were made, and what was thought of budgets' futures."""

from forecasts.models.scenarios import NAME_TAKEN, ScenarioSet
from forecasts.models.stored import StoredForecast

__all__ = ["NAME_TAKEN", "ScenarioSet", "StoredForecast"]
