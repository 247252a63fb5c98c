"""Decisions before the money is spent: authorizations, leases, rules, switches."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Optional


@dataclass(frozen=True)
class Reason:
    """Why a call was not simply allowed, in words that can be shown."""

    message: str
    budget: Optional[str] = None
    budget_name: Optional[str] = None
    rule: Optional[str] = None  # its id, or hard_limit, kill_switch, unpriced
    left: Optional[Decimal] = None
    currency: str = ""


@dataclass(frozen=True)
class Authorization:
    """The answer to one call that was asked for; `id` is None where it may not be."""

    decision: str  # allow, downgrade, rate_limit or block
    model: str  # the one to use
    id: Optional[str] = None
    reserved: Decimal = Decimal(0)
    currency: str = ""
    expires_at: Optional[datetime] = None
    retry_after_s: Optional[int] = None
    priced: bool = True
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class AuthorizationState:
    """What has become of an authorization or a lease."""

    id: str
    state: str  # open, settled, released or expired
    kind: str = ""
    provider: str = ""
    model: str = ""
    reserved: Optional[Decimal] = None  # ever
    held: Optional[Decimal] = None  # now
    settled: Optional[Decimal] = None  # by usage records
    currency: str = ""
    created_at: Optional[datetime] = None
    expires_at: Optional[datetime] = None
    ended_at: Optional[datetime] = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class BudgetFigures:
    """Where a budget stands in its present period, in its own currency."""

    id: str
    name: str
    currency: str
    spent: Decimal
    limit: Decimal
    reserved: Decimal = Decimal(0)
    timezone: str = "UTC"
    enforcement: str = "soft"
    period_end: Optional[datetime] = None
    rate: Decimal = Decimal(1)  # 1 of the organization's currency in the budget's
    forecast_probability: Optional[Decimal] = None


@dataclass(frozen=True)
class RuleTerms:
    """A rule as clients apply it; `trigger` is in prefix form.

    `forbids` and `instead` say what its lists come to for the models that the lease's
    `names` know, as they were asked for.
    """

    id: str
    budget: str
    action: str
    trigger: Any
    exempt_users: tuple[str, ...] = ()
    message: str = ""
    downgrades: dict[str, str] = field(default_factory=dict)
    blocked_models: tuple[str, ...] = ()
    allowed_models: tuple[str, ...] = ()
    forbids: tuple[str, ...] = ()
    instead: dict[str, str] = field(default_factory=dict)
    max_requests_per_minute: Optional[int] = None
    max_cost_per_hour: Optional[Decimal] = None


@dataclass(frozen=True)
class TokenPrices:
    """Prices of one token of each kind, in 10^-16 of the currency.

    `per_request` is in units of 10^-10.
    """

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    per_request: int = 0


@dataclass(frozen=True)
class PriceTier(TokenPrices):
    """What all tokens of a request with more than `above` input tokens cost."""

    above: int = 0


@dataclass(frozen=True)
class ModelPrice(TokenPrices):
    """What a model costs until `until`; not `priced`: no price is known."""

    provider: str = ""
    model: str = ""
    priced: bool = True
    currency: str = ""
    tiers: tuple[PriceTier, ...] = ()
    rate: Optional[Decimal] = None  # 1 of its currency in the organization's
    until: Optional[datetime] = None


@dataclass(frozen=True)
class ModelNames:
    """What a model is, however it was asked for."""

    asked: str
    model: str
    version: str = ""  # "": the name does not say
    meant_by: tuple[str, ...] = ()  # of the texts that triggers compare models with


@dataclass(frozen=True)
class CallNames:
    """What the names of a lease's calls mean: the model, and those instead of it."""

    provider: str
    user_id: str = ""
    models: tuple[ModelNames, ...] = ()


@dataclass(frozen=True)
class LeaseGrant:
    """Money set aside for one client, and what it decides by."""

    mode: str  # lease, ask or block
    granted: Decimal
    currency: str
    ttl_s: Decimal
    names: CallNames
    id: Optional[str] = None
    held: Decimal = Decimal(0)
    expires_at: Optional[datetime] = None
    refresh_s: Decimal = Decimal(15)
    dimensions: tuple[str, ...] = ()
    unpriced_policy: str = "allow"
    reasons: tuple[Reason, ...] = ()
    budgets: tuple[BudgetFigures, ...] = ()
    rules: tuple[RuleTerms, ...] = ()
    prices: tuple[ModelPrice, ...] = ()


@dataclass(frozen=True)
class ReturnedLease:
    id: str
    state: str
    returned: Decimal = Decimal(0)


@dataclass(frozen=True)
class Controls:
    """The rules of a budget, as the API has them; `notes` say what they come to."""

    rules: tuple[Any, ...]
    enforcement: str = ""  # soft or hard: a block at the whole amount makes it hard
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class KillSwitch:
    active: bool
    message: str = ""
    actor: Optional[str] = None
    since: Optional[datetime] = None


@dataclass(frozen=True)
class ReplayTotal:
    """Calls that would have fared alike, what they cost, and what that would save."""

    calls: int
    cost: Decimal
    saved: Decimal


@dataclass(frozen=True)
class ReplayEffect(ReplayTotal):
    """What one rule, or the hard limit, would have done."""

    rule: str = ""  # its id, or hard_limit, or unpriced
    summary: str = ""
    outcome: str = ""  # stopped, downgraded, limited or told
    first_at: Optional[datetime] = None


@dataclass(frozen=True)
class Replay:
    """What rules or an amount would have done to the past; `message` says it."""

    budget: str
    start: datetime
    end: datetime
    currency: str
    message: str
    calls: int
    spent: Decimal
    would_spend: Decimal
    saved: Decimal
    stopped: ReplayTotal
    downgraded: ReplayTotal
    limited: ReplayTotal
    effects: tuple[ReplayEffect, ...] = ()
