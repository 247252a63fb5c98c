"""What is to come, and what could be otherwise.

Made by `python -m dev.sdk_types` from what the server answers with: change that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Optional

Day = date  # some have a field that is called so


@dataclass(frozen=True)
class Confidence:
    """Where a cost lies, with the probability that was asked for."""

    lower: Decimal
    upper: Decimal
    level: Decimal  # A share.


@dataclass(frozen=True)
class DaysUntil:
    """When the amount is passed, with the probability that was asked for."""

    level: Decimal  # A share.
    earliest: Optional[int] = None  # Days; None: not in these days.
    latest: Optional[int] = None  # Days; None: not in these days.


@dataclass(frozen=True)
class ForecastData:
    """What a forecast rests on."""

    days: int  # That are over, from the first with spend.
    enough: bool  # False: nothing is forecast.
    reason: str = ""  # Why it is not enough; empty if it is.


@dataclass(frozen=True)
class ForecastDay:
    """One day's cost: what it was, or what is expected of it."""

    date: Day
    actual: Optional[Decimal] = None
    projected: Optional[Decimal] = None  # Of today: of what is left of it.
    confidence_low: Optional[Decimal] = None
    confidence_high: Optional[Decimal] = None
    # Of the whole period; null where there is none.
    budget_limit: Optional[Decimal] = None


@dataclass(frozen=True)
class Forecast:
    """What will be spent. All amounts are null where too little is known."""

    currency: str
    days_ahead: int  # Days to come, today among them.
    data: ForecastData
    daily: tuple[ForecastDay, ...]
    budget: Optional[str] = None  # Its id; None: none has just this scope.
    forecasted_cost: Optional[Decimal] = None  # As likely passed as not.
    daily_average: Optional[Decimal] = None  # Of the days to come.
    confidence_interval: Optional[Confidence] = None
    budget_limit: Optional[Decimal] = None  # None: there is none.
    projected_overrun: Optional[Decimal] = None  # Never negative.
    probability_over_budget: Optional[Decimal] = None  # A share.
    days_until_exceeded: Optional[int] = None  # None: not in these days.
    # None: not in these days, even at its dearest.
    days_until_interval: Optional[DaysUntil] = None
    exceeded_on: Optional[Day] = None  # The day it is expected to.
    # Enough with the probability of recommended_quantile.
    recommended_budget: Optional[Decimal] = None
    recommended_quantile: Decimal = Decimal(0)
    method: str = ""


@dataclass(frozen=True)
class PastForecast:
    """What was forecast once, and what came of it."""

    made_on: Day
    days: int  # That it was about, the one it was made on among them.
    expected: Decimal
    lower_80: Decimal
    upper_80: Decimal
    lower_95: Decimal
    upper_95: Decimal
    actual: Decimal  # As it is known by now.
    held_80: bool
    held_95: bool


@dataclass(frozen=True)
class Accuracy:
    """How well some forecasts did."""

    count: int
    held_80: int  # How many came to lie where 80 % were to.
    held_95: int  # How many came to lie where 95 % were to.
    forecasts: tuple[PastForecast, ...]  # Oldest first.
    # A share of what came; None: nothing to tell it from.
    median_error: Optional[Decimal] = None


@dataclass(frozen=True)
class ForecastAccuracy:
    """How well a budget's forecasts do."""

    budget: str  # Its id.
    currency: str
    # Made from its own history, each of what was known before; of as many days as the
    # present one looks ahead, fewer in a short history.
    backtest: Accuracy
    # Told by the day; of each period that is over the one from its middle.
    stored: Accuracy


@dataclass(frozen=True)
class ModelSwap:
    """What one model would have cost for what another did lately."""

    model: str  # What is switched from.
    to: str
    share: Decimal = Decimal(0)  # Of what it does, how much is switched.
    requests: int = 0  # All of the last 28 days.
    cost: Decimal = Decimal(0)  # What these cost, in the organization's currency.
    would_cost: Decimal = Decimal(0)


@dataclass(frozen=True)
class Scenario:
    """What a period comes to if something changes from now on.

    Amounts are null where too little is known.
    """

    name: str
    currency: str
    assumptions: Any = None  # As they were understood; current_rate: none.
    # Of the whole period, as likely passed as not.
    projected_cost: Optional[Decimal] = None
    confidence_interval: Optional[Confidence] = None
    probability_over_budget: Optional[Decimal] = None  # A share.
    delta: Optional[Decimal] = None  # Of projected_cost, to the current rate.
    budget_limit: Optional[Decimal] = None  # None: there is none.
    # Enough nine times of ten, as in the forecast.
    recommended_budget: Optional[Decimal] = None
    model_swaps: tuple[ModelSwap, ...] = ()


@dataclass(frozen=True)
class Scenarios:
    """Scenarios side by side, in the order they were sent."""

    currency: str
    scenarios: tuple[Scenario, ...]
    budget: Optional[str] = None  # Its id; None: none has just this scope.
    budget_limit: Optional[Decimal] = None  # As it is; None: there is none.
    data: Optional[ForecastData] = None


@dataclass(frozen=True)
class Recommendation:
    """The amount that is recommended for one budget, in its currency."""

    budget: str  # Its id.
    name: str
    currency: str
    recommended_amount: Decimal
    reason: str
    parent: Optional[str] = None  # Whose amount this one is part of.
    period: str = ""  # daily, weekly, monthly, quarterly, annual, custom
    priority: str = ""  # low, normal, high, critical
    present_amount: Decimal = Decimal(0)
    difference: Decimal = Decimal(0)  # Negative: less than now.
    allocated: Decimal = Decimal(0)  # To those it is parted among.
    unallocated: Decimal = Decimal(0)
    needed: Decimal = Decimal(0)  # Enough with the probability of recommended_quantile.
    # Of its next whole period. None: too little is known.
    forecasted_cost: Optional[Decimal] = None
    average_spend: Optional[Decimal] = None  # Of up to three periods before.
    history_days: int = 0
    floor: Optional[Decimal] = None
    cap: Optional[Decimal] = None
    version: str = ""  # To be sent along with a new amount.


@dataclass(frozen=True)
class LeftOut:
    """A budget that nothing is recommended for."""

    budget: str = ""  # Its id.
    name: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Recommendations:
    """Amounts that add up at every level of the tree."""

    recommended_quantile: Decimal = Decimal(0)
    left: Decimal = Decimal(0)  # Of the total: what no budget at the top needs.
    recommendations: tuple[Recommendation, ...] = ()  # Each before those below it.
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True)
class Optimization:
    """What one model's use would have cost otherwise. Savings don't add up."""

    kind: str  # batch, caching, smaller_model
    certainty: str  # certain, assumed, needs_trying
    provider: str
    model: str
    saved: Decimal  # Of that.
    assumption: str  # What it rests on.
    instead: Optional[str] = None  # The smaller model.
    requests: int = 0
    cost: Decimal = Decimal(0)  # Of these requests, as it is booked.


@dataclass(frozen=True)
class Unjudged:
    """Use that can't be priced otherwise."""

    provider: str = ""
    model: str = ""
    requests: int = 0
    cost: Decimal = Decimal(0)
    reason: str = ""


@dataclass(frozen=True)
class Optimizations:
    """What the use of a month would have cost otherwise, the largest saving first."""

    start: Optional[datetime] = None
    end: Optional[datetime] = None  # Exclusive.
    currency: str = ""
    total_cost: Decimal = Decimal(0)
    optimizations: tuple[Optimization, ...] = ()
    left_out: tuple[Unjudged, ...] = ()
