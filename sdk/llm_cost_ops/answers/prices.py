"""Prices, exchange rates, and repricing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Optional


@dataclass(frozen=True)
class Price:
    """An override of the bundled catalogue; prices are per million tokens."""

    id: int
    provider: str
    model: str  # exact, or with * at its end
    currency: str
    effective_from: Optional[datetime] = None
    effective_to: Optional[datetime] = None
    input_per_million: Optional[Decimal] = None
    cached_input_per_million: Optional[Decimal] = None
    output_per_million: Optional[Decimal] = None
    per_request: Optional[Decimal] = None
    service_tier: str = ""
    organization_id: Optional[str] = None
    provisional: bool = False
    note: str = ""
    created_at: Optional[datetime] = None
    unpriced_requests: Optional[int] = None


@dataclass(frozen=True)
class ResolvedPrice:
    """The price that applies to a model at a time, and where it comes from."""

    provider: str
    model: str
    currency: str
    source: str
    input_per_million: Optional[Decimal] = None  # None: no price of that kind
    output_per_million: Optional[Decimal] = None
    cached_input_per_million: Optional[Decimal] = None
    cache_write_per_million: Optional[Decimal] = None
    reasoning_per_million: Optional[Decimal] = None
    per_request: Optional[Decimal] = None
    service_tier: str = ""
    at: Optional[datetime] = None
    price_id: Optional[int] = None
    tiers: tuple[Any, ...] = ()
    effective_from: Optional[datetime] = None
    effective_to: Optional[datetime] = None
    quantities: Optional[dict[str, Decimal]] = None  # per unit; of tokens a million


@dataclass(frozen=True)
class ExchangeRate:
    """1 *base* = `rate` *quote* on that UTC day and until the next known one."""

    id: int
    base: str
    quote: str
    rate: Decimal
    date: date
    organization_id: Optional[str] = None


@dataclass(frozen=True)
class RepricedPeriod:
    budget: str
    name: str
    currency: str
    period_start: datetime
    period_end: datetime
    old: Decimal
    new: Decimal
    difference: Decimal


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
