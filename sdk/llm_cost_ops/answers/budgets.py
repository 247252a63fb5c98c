"""Budgets, and where they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Optional


@dataclass(frozen=True)
class Backfill:
    """A charge for the past that is still being made; `done` is a share."""

    state: str
    done: Decimal


@dataclass(frozen=True)
class Budget:
    id: str
    name: str
    amount: Decimal
    currency: str
    period: str
    timezone: str = "UTC"
    organization_id: Optional[str] = None
    parent: Optional[str] = None
    owner: Optional[str] = None
    note: str = ""
    scope: dict[str, Any] = field(default_factory=dict)
    warning_threshold: Optional[Decimal] = None
    critical_threshold: Optional[Decimal] = None
    alerts: tuple[Any, ...] = ()
    enforcement: str = "soft"
    rollover: Optional[dict[str, Any]] = None
    start_date: Optional[datetime] = None
    end_date: Optional[datetime] = None
    archived_at: Optional[datetime] = None
    created_at: Optional[datetime] = None
    backfill: Optional[Backfill] = None


@dataclass(frozen=True)
class BudgetStatus:
    """Where a budget stands in one of its periods."""

    budget: str
    status: str  # OK, WARNING, CRITICAL or EXCEEDED
    currency: str
    limit: Decimal
    total_spend: Decimal
    remaining_budget: Decimal
    period_start: datetime
    period_end: datetime
    reserved: Decimal = Decimal(0)
    utilization_percent: Optional[Decimal] = None
    name: str = ""
    severity: str = ""
    elapsed_days: Optional[Decimal] = None
    remaining_days: Optional[Decimal] = None
    total_days: Optional[Decimal] = None
    time_utilization_percent: Optional[Decimal] = None
    burn_rate: Optional[Decimal] = None
    projected_spend: Optional[Decimal] = None
    projected_overrun: Optional[Decimal] = None
    available_daily: Optional[Decimal] = None
    recommended_action: Optional[str] = None
    requests: Optional[int] = None
    unpriced_requests: int = 0
    late_spend: Optional[Decimal] = None
    backfill: Optional[Backfill] = None


@dataclass(frozen=True)
class BudgetNode(BudgetStatus):
    """A budget of the tree, with what it has given to those below it."""

    id: str = ""
    allocated: Decimal = Decimal(0)
    unallocated: Decimal = Decimal(0)
    children: tuple[BudgetNode, ...] = ()


@dataclass(frozen=True)
class Driver:
    """A model, project or user that explains a variance."""

    dimension: str = ""
    name: Optional[str] = None
    cost: Optional[Decimal] = None
    previous: Optional[Decimal] = None
    change: Optional[Decimal] = None
    share: Optional[Decimal] = None


@dataclass(frozen=True)
class Variance:
    """How far spend is from an even pace."""

    budget: str
    currency: str
    expected_spend: Decimal
    actual_spend: Decimal
    absolute_variance: Decimal
    variance_category: str
    variance_percent: Optional[Decimal] = None
    elapsed_percent: Optional[Decimal] = None
    drivers: tuple[Driver, ...] = ()
    drivers_currency: str = ""


@dataclass(frozen=True)
class BudgetPeriod:
    start: datetime
    end: datetime
    amount: Decimal
    spent: Decimal
    reserved: Decimal
    status: str
    carried_over: Decimal = Decimal(0)
    adjusted: Decimal = Decimal(0)
    late_spend: Optional[Decimal] = None
    closed_at: Optional[datetime] = None


@dataclass(frozen=True)
class BudgetLine:
    """One dated reason why a budget may spend more or less.

    Its `amount` is the difference; it holds from `effective_from` until before
    `effective_to` (None: for good).
    """

    at: datetime
    effective_from: datetime
    amount: Decimal
    kind: str
    effective_to: Optional[datetime] = None
    actor: str = ""
    reason: str = ""
    request: Optional[str] = None


@dataclass(frozen=True)
class Named:
    id: str
    name: str


@dataclass(frozen=True)
class BudgetConflict:
    """Budgets that do not fit together, and by how much."""

    type: str
    message: str
    budgets: tuple[Named, ...] = ()
    amount: Optional[Decimal] = None
    currency: Optional[str] = None
