"""Budgets, and where they stand.

Made by `python -m dev.sdk_types` from what the server answers with: change that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Optional

Day = date  # some have a field that is called so


@dataclass(frozen=True)
class Named:
    """A budget that is mentioned."""

    id: str
    name: str


@dataclass(frozen=True)
class Backfill:
    """A charge for the past that is still being made."""

    state: str  # running
    done: Decimal  # A share.


@dataclass(frozen=True)
class Budget:
    """A budget as it is planned."""

    id: str
    name: str
    amount: Decimal
    currency: str  # Its ISO 4217 code; the unit's name, where it counts no money.
    period: str  # daily, weekly, monthly, quarterly, annual, custom
    unit: str = ""  # money, tokens, requests
    timezone: str = "UTC"
    organization_id: str = ""
    parent: Optional[str] = None  # The id of the one above it.
    owner: Optional[str] = None  # A mail address.
    note: str = ""
    scope: dict[str, Any] = field(default_factory=dict)
    warning_threshold: Decimal = Decimal(0)
    critical_threshold: Decimal = Decimal(0)
    alerts: tuple[dict[str, Any], ...] = ()
    enforcement: str = "soft"  # soft, hard
    priority: str = "normal"  # low, normal, high, critical
    rollover: dict[str, Any] = field(default_factory=dict)
    template: Optional[dict[str, Any]] = None  # Then the amount is each one's.
    template_of: Optional[str] = None  # The id of the template that made it.
    template_value: Optional[str] = None  # What it was made for.
    override: bool = False  # Its amount is its own, not its template's.
    start_date: Optional[datetime] = None
    end_date: Optional[datetime] = None  # Exclusive.
    archived_at: Optional[datetime] = None
    created_at: Optional[datetime] = None
    backfill: Optional[Backfill] = None


@dataclass(frozen=True)
class BudgetStatus:
    """Where a budget stands in one of its periods; money in its own currency."""

    budget: str  # Its id.
    status: str  # OK, WARNING, CRITICAL, EXCEEDED
    currency: str  # Its ISO 4217 code; the unit's name, where it counts no money.
    limit: Decimal
    total_spend: Decimal
    remaining_budget: Decimal
    period_start: datetime
    period_end: datetime  # Exclusive.
    name: str = ""
    severity: str = ""  # info, warning, critical
    unit: str = ""  # money, tokens, requests
    reserved: Decimal = Decimal(0)  # Set aside for calls that are not booked yet.
    utilization_percent: Optional[Decimal] = None  # None: of nothing, something.
    elapsed_days: int = 0
    remaining_days: int = 0
    total_days: int = 0
    time_utilization_percent: Decimal = Decimal(0)
    burn_rate: Optional[Decimal] = None  # A day, as for projected_spend.
    # The run rate, no forecast. Of up to a month: spent by the share of time that has
    # passed; of longer periods: spent, and the pace of the last 30 days (or since the
    # first use) for the time that is left.
    projected_spend: Optional[Decimal] = None
    projected_overrun: Optional[Decimal] = None
    available_daily: Optional[Decimal] = None  # None: it is over.
    recommended_action: str = ""
    requests: int = 0
    unpriced_requests: int = 0  # No price is known: they are not in it.
    late_spend: Decimal = Decimal(0)
    backfill: Optional[Backfill] = None


@dataclass(frozen=True)
class BudgetPeriod:
    """One period of a budget."""

    start: datetime
    end: datetime  # Exclusive.
    amount: Decimal
    spent: Decimal
    reserved: Decimal
    status: str  # upcoming, open, closed
    carried_over: Decimal = Decimal(0)
    adjusted: Decimal = Decimal(0)
    late_spend: Decimal = Decimal(0)
    closed_at: Optional[datetime] = None


@dataclass(frozen=True)
class BudgetConflict:
    """Budgets that do not fit together, and by how much."""

    # over_allocated, overlap, period_mismatch, currency_mismatch, orphan_spend,
    # said_otherwise, without_leave
    type: str
    message: str
    budgets: tuple[Named, ...] = ()
    amount: Optional[Decimal] = None
    currency: Optional[str] = None


@dataclass(frozen=True)
class Consolidated:
    """A budget of the tree in the currency that was asked for.

    `rate` is what 1 of the budget's currency is worth, as known on `rate_date`, the
    last such day up to the moment; null, and amounts with it, where no rate is
    known. Children in other currencies count in `allocated`.
    """

    currency: str
    rate: Optional[Decimal] = None
    rate_date: Optional[Day] = None
    limit: Optional[Decimal] = None
    total_spend: Optional[Decimal] = None
    reserved: Optional[Decimal] = None
    remaining_budget: Optional[Decimal] = None
    allocated: Optional[Decimal] = None
    unallocated: Optional[Decimal] = None
    # Currencies, of the budget and of what is allocated, without a rate.
    without_rate: tuple[str, ...] = ()


@dataclass(frozen=True)
class BudgetNode(BudgetStatus):
    """A budget of the tree, with what it has given to those below it."""

    id: str = ""
    allocated: Decimal = Decimal(0)
    unallocated: Decimal = Decimal(0)
    # Then its limit is that of all it has made.
    template: Optional[dict[str, Any]] = None
    template_value: Optional[str] = None
    # Null unless a currency was asked for, and of tokens and requests.
    consolidated: Optional[Consolidated] = None
    children: tuple[BudgetNode, ...] = ()


@dataclass(frozen=True)
class BudgetLine:
    """One dated reason why a budget may spend more or less.

    `amount` is the difference.
    """

    at: datetime
    effective_from: datetime
    amount: Decimal
    kind: str  # planned, change, rollover, correction, transfer, raise, grant
    budget: str = ""  # Its id.
    effective_to: Optional[datetime] = None  # Exclusive; None: for good.
    currency: str = ""
    actor: str = ""
    reason: str = ""
    request: Optional[str] = None  # The approved request.
    counterpart: Optional[str] = None  # Of a transfer: the other budget.


@dataclass(frozen=True)
class WrittenLines:
    """The dated lines that a change has written."""

    lines: tuple[BudgetLine, ...]


@dataclass(frozen=True)
class GrantedPeriod:
    """What a grant had in one period, and what of it was used there."""

    start: datetime
    end: datetime  # Exclusive: of the period, or of the grant in it.
    had: Decimal
    used: Decimal


@dataclass(frozen=True)
class BudgetGrant:
    """Money that may be spent once; `used`, `left` and `expired` are its `amount`."""

    amount: Decimal
    until: datetime  # Exclusive.
    used: Decimal
    left: Decimal
    budget: str = ""  # Its id.
    currency: str = ""
    begins_at: Optional[datetime] = None
    expired: Decimal = Decimal(0)  # Left when it ended.
    reason: str = ""
    actor: str = ""
    uses: tuple[GrantedPeriod, ...] = ()  # Of each period, the oldest first.


@dataclass(frozen=True)
class Phase:
    """A period, and what is planned for it."""

    start: datetime
    end: datetime  # Exclusive.
    amount: Decimal


@dataclass(frozen=True)
class Phasing:
    """What each month or quarter of a budget's fiscal year is to have."""

    budget: str  # Its id.
    currency: str
    # From the first of the fiscal year on; empty: not phased.
    amounts: tuple[Decimal, ...]
    fiscal_year_start_month: int = 0
    # Of a year; None: its periods are no months or quarters.
    total: Optional[Decimal] = None
    periods: tuple[Phase, ...] = ()  # Of the present fiscal year.
    lines: tuple[BudgetLine, ...] = ()  # That this change has written.


@dataclass(frozen=True)
class RolloverPreview:
    """What would be carried over if the present period ended now."""

    budget: str  # Its id.
    currency: str
    mode: str  # none, unused, overspend, both
    carries: Decimal  # Negative: overspend.
    cap: Optional[Decimal] = None  # A share of the next period's amount.
    period_start: Optional[datetime] = None
    period_end: Optional[datetime] = None  # Exclusive.
    limit: Decimal = Decimal(0)
    adjusted: Decimal = Decimal(0)  # Of the limit: for a while, not carried over.
    spent: Decimal = Decimal(0)
    left: Decimal = Decimal(0)  # Without what is for a while; negative: overspend.
    most: Optional[Decimal] = None  # Carried over at most; None: all of it.
    into: Optional[Phase] = None  # None: the budget ends here.
    carried_in: Decimal = Decimal(0)  # Into the present period.
    undone: bool = False  # What was carried in is taken back.


@dataclass(frozen=True)
class Driver:
    """A model, project or user that explains a variance."""

    dimension: str = ""  # model, project, user
    name: str = ""  # Empty where none was given.
    cost: Decimal = Decimal(0)  # Of a day that is not over: what it is so far.
    previous: Decimal = Decimal(0)  # In as many whole UTC days before.
    share: Optional[Decimal] = None  # Of what all cost.
    change: Decimal = Decimal(0)


@dataclass(frozen=True)
class VarianceParts:
    """Why spend is not as expected; the parts add up to the absolute variance."""

    volume: Decimal = Decimal(0)  # More or other use than expected.
    # A token of a model (a request without tokens) costs another amount.
    price: Decimal = Decimal(0)
    currency: Decimal = Decimal(0)  # Rates are not those of the period's first day.


@dataclass(frozen=True)
class Variance:
    """How far spend is from an even pace."""

    budget: str  # Its id.
    currency: str
    expected_spend: Decimal
    actual_spend: Decimal
    absolute_variance: Decimal
    variance_category: str  # On Track, Slightly Over, Over Budget, Under Budget
    variance_percent: Optional[Decimal] = None  # None: nothing is expected.
    elapsed_percent: Decimal = Decimal(0)
    period_start: Optional[datetime] = None
    period_end: Optional[datetime] = None  # Exclusive.
    parts: Optional[VarianceParts] = None  # None: spend is still being charged anew.
    drivers_currency: str = ""
    drivers: tuple[Driver, ...] = ()


@dataclass(frozen=True)
class UnitCostTotal:
    """All of the time that was asked for."""

    cost: Decimal = Decimal(0)
    count: int = 0  # Of users and tags: each once.
    unit_cost: Optional[Decimal] = None


@dataclass(frozen=True)
class UnitCostPoint:
    """One day, week or month, as far as it was asked for."""

    start: datetime
    cost: Decimal
    count: int
    end: Optional[datetime] = None  # Exclusive.
    unit_cost: Optional[Decimal] = None  # None: the count is 0.


@dataclass(frozen=True)
class UnitCosts:
    """What one cost; money in the budget's currency."""

    budget: str  # Its id.
    per: str
    currency: str
    total: UnitCostTotal
    points: tuple[UnitCostPoint, ...]
    interval: str = ""  # day, week, month


@dataclass(frozen=True)
class NewAmount:
    """What becomes of one new amount, in the budget's currency."""

    budget: str = ""  # Its id.
    name: str = ""
    currency: str = ""
    present_amount: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)
    # change: at once; request: people decide; asked: the same is asked for already;
    # not_yours: it stays.
    way: str = ""


@dataclass(frozen=True)
class NewAmounts:
    """What becomes of new amounts; of a dry run: what would."""

    dry_run: bool = False
    amounts: tuple[NewAmount, ...] = ()  # In the order they were sent.
    changed: int = 0
    requests: tuple[str, ...] = ()  # The ids of those that were opened.
    left: int = 0  # How many stay as they are.
