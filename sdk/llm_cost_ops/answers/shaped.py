"""Answers that have another shape here than they come in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Optional

from llm_cost_ops.answers.forecasts import Forecast
from llm_cost_ops.answers.prices import RepricedPeriod
from llm_cost_ops.answers.usage import UnpricedModel


@dataclass(frozen=True)
class CostSummary:
    """Costs added up; `groups` has one dict per `by_...` that was asked for."""

    total_cost: Decimal
    total_requests: int
    currency: str
    avg_cost_per_request: Optional[Decimal] = None
    unpriced_requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    groups: dict[str, dict[str, Decimal]] = field(default_factory=dict)


@dataclass(frozen=True)
class TimePoint:
    """One interval of a series; `group` has the names it was parted by."""

    start: datetime
    cost: Decimal
    requests: int
    unpriced_requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    group: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Timeseries:
    interval: str
    points: tuple[TimePoint, ...]
    currency: str = ""
    timezone: str = ""


@dataclass(frozen=True)
class UnpricedModels:
    results: tuple[UnpricedModel, ...]


@dataclass(frozen=True)
class Repricing:
    """What a repricing changed, or would change; `id` is None of a dry run."""

    id: Optional[int]
    organization_id: str
    currency: str
    records: int
    difference: Decimal
    dry_run: bool = False
    reason: str = ""
    actor: str = ""
    filters: dict[str, Any] = field(default_factory=dict)
    newly_priced: Optional[int] = None
    still_unpriced: Optional[int] = None
    old: Optional[Decimal] = None
    new: Optional[Decimal] = None
    budgets: tuple[RepricedPeriod, ...] = ()
    created_at: Optional[datetime] = None


@dataclass(frozen=True)
class CostForecast(Forecast):
    """What some part of the costs comes to in its period."""

    @property
    def projected(self) -> Optional[Decimal]:
        """What is forecast for the whole period, what was spent so far in it."""
        return self.forecasted_cost
