"""Prices, exchange rates, and what a repricing changes.

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
