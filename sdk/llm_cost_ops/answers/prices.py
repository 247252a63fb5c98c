"""Prices, exchange rates, repricings, and fixed charges.

Made by `python -m dev.sdk_types` from what the server answers with: change that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Optional

Day = date  # some have a field that is called so


@dataclass(frozen=True)
class Price:
    """A price that overrides the bundled catalogue, good for a stretch of time.

    Null: as in the catalogue. Prices of tokens are per million.
    """

    id: int
    provider: str
    model: str  # Exact, or with * at its end.
    currency: str
    organization_id: Optional[str] = None  # None: for all organizations.
    service_tier: str = ""
    effective_from: Optional[datetime] = None
    effective_to: Optional[datetime] = None  # Exclusive. None: open.
    input_per_million: Optional[Decimal] = None
    cached_input_per_million: Optional[Decimal] = None
    output_per_million: Optional[Decimal] = None
    per_request: Optional[Decimal] = None
    # Other kinds: the price of a million tokens, or of one thing.
    quantities: dict[str, Decimal] = field(default_factory=dict)
    tiers: tuple[dict[str, Any], ...] = ()  # Other prices of long requests.
    # Instead of prices: 90 is 10 % off all of the catalogue.
    percent_of_list: Optional[Decimal] = None
    provisional: bool = False  # An estimate, for the time being.
    note: str = ""
    created_at: Optional[datetime] = None


@dataclass(frozen=True)
class MadePrice(Price):
    """A price just made."""

    unpriced_requests: int = 0


@dataclass(frozen=True)
class ResolvedPrice:
    """The price that applies to a model at a time, and where it comes from."""

    provider: str
    model: str
    currency: str
    source: str  # override:17, or catalogue:openai/gpt-4o.
    service_tier: str = ""
    at: Optional[datetime] = None
    price_id: Optional[int] = None
    input_per_million: Optional[Decimal] = None
    cached_input_per_million: Optional[Decimal] = None
    cache_write_per_million: Optional[Decimal] = None
    output_per_million: Optional[Decimal] = None
    reasoning_per_million: Optional[Decimal] = None
    per_request: Decimal = Decimal(0)
    # Other kinds: a million tokens, or one thing.
    quantities: dict[str, Decimal] = field(default_factory=dict)
    # Kinds whose price stands in for one of their own.
    assumed_kinds: tuple[str, ...] = ()
    tiers: tuple[dict[str, Any], ...] = ()
    effective_from: Optional[datetime] = None
    effective_to: Optional[datetime] = None  # Exclusive.


@dataclass(frozen=True)
class ExchangeRate:
    """1 base = `rate` quote, from that UTC day until the next known one."""

    id: int
    base: str
    quote: str
    rate: Decimal
    date: Day
    organization_id: Optional[str] = None  # None: for all organizations.


@dataclass(frozen=True)
class RepricedPeriod:
    """What a repricing changes in one budget period."""

    budget: str  # Its id.
    name: str
    currency: str
    period_start: datetime
    period_end: datetime  # Exclusive.
    old: Decimal
    new: Decimal
    difference: Decimal


@dataclass(frozen=True)
class ChargeCancellation:
    """From when on a charge counts nothing any more, and why."""

    from_date: Optional[Day] = None  # What was booked of this day and later is off.
    at: Optional[datetime] = None
    by: str = ""
    reason: str = ""


@dataclass(frozen=True)
class FixedCharge:
    """Money that is owed for a stretch of time, used or not; charged by the day."""

    id: str
    name: str
    kind: str  # seat, subscription, commitment, other
    state: str  # planned, running, ended, cancelled
    amount: Decimal  # In each interval.
    currency: str
    interval: str  # once, monthly, annual
    start_date: Day
    organization_id: str = ""
    provider: str = ""
    end_date: Optional[Day] = None  # The last day; None: it goes on.
    department_id: str = ""
    team_id: str = ""
    project_id: str = ""
    environment: str = ""
    user_id: str = ""
    tags: Any = None
    covers: tuple[str, ...] = ()  # Models whose usage it pays for.
    booked: Decimal = Decimal(0)  # What its days until now come to.
    booked_until: Optional[Day] = None  # The last day booked; None: none is.
    to_come: Optional[Decimal] = None  # Of the days after; None: it goes on.
    reason: str = ""
    cancelled: Optional[ChargeCancellation] = None
    replaces: Optional[str] = None  # The charge it stands instead of.
    replaced_by: Optional[str] = None
    created_at: Optional[datetime] = None
    created_by: str = ""
