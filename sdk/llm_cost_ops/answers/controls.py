"""Decisions before the money is spent: authorizations, leases, rules.

Made by `python -m dev.sdk_types` from what the server answers with: change that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Optional


@dataclass(frozen=True)
class Reason:
    """Why a call was not simply allowed, in words that can be shown."""

    message: str
    budget: str = ""  # Its id; empty: it is no budget's.
    budget_name: str = ""
    # A rule's id, or hard_limit, run_cap, kill_switch, unpriced; or why nothing was
    # asked for: too_many_requests_open, money_does_not_help, ...
    rule: str = ""
    left: Optional[Decimal] = None
    currency: str = ""  # Of what is left.


@dataclass(frozen=True)
class Authorization:
    """What was decided about one call."""

    decision: str  # allow, downgrade, rate_limit, block
    model: str  # The one to use.
    id: Optional[str] = None  # For the usage record. None: it may not be made.
    reserved: Decimal = Decimal(0)
    currency: str = ""
    expires_at: Optional[datetime] = None
    retry_after_s: Optional[int] = None
    priced: bool = True
    reasons: tuple[Reason, ...] = ()
    # The request for money that the refusal opened or joined; None: none, a reason says
    # why. Left out: the call was not refused, or asked for nothing.
    request: Optional[str] = None


@dataclass(frozen=True)
class AuthorizationState:
    """What has become of an authorization or a lease."""

    id: str
    state: str  # open, settled, released, expired
    kind: str = ""  # authorization, lease
    model: str = ""
    provider: str = ""
    reserved: Decimal = Decimal(0)  # Ever.
    held: Decimal = Decimal(0)  # Now.
    settled: Decimal = Decimal(0)  # By usage records.
    currency: str = ""
    run_id: Optional[str] = None
    created_at: Optional[datetime] = None
    expires_at: Optional[datetime] = None
    ended_at: Optional[datetime] = None
    reasons: tuple[str, ...] = ()  # The messages it was decided with.


@dataclass(frozen=True)
class ReturnedLease:
    """What was given back of a lease."""

    id: str
    state: str  # returned
    returned: Decimal = Decimal(0)  # Left out: it was over.


@dataclass(frozen=True)
class KillSwitch:
    """Whether every call of a budget, and of those below it, is stopped."""

    active: bool
    budget: str = ""  # Its id.
    message: str = ""
    actor: Optional[str] = None
    since: Optional[datetime] = None
    inherited: tuple[dict[str, Any], ...] = ()  # Those that are on above.


@dataclass(frozen=True)
class Controls:
    """The rules that guard a budget, and what they come to."""

    rules: tuple[dict[str, Any], ...]
    budget: str = ""  # Its id.
    enforcement: str = ""  # Of the amount: PATCH the budget.
    # What the rules come to, as to the limit; and for whom they exempt.
    notes: tuple[str, ...] = ()
    # Rules that can never have an effect, by what the budget counts.
    warnings: tuple[str, ...] = ()
    inherited: tuple[dict[str, Any], ...] = ()
    kill_switch: Optional[KillSwitch] = None
    # The rules that these have replaced; left out where none were given.
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReplayTotal:
    """Calls that would have fared alike, what they cost, and what that would save."""

    calls: int
    cost: Decimal
    saved: Decimal


@dataclass(frozen=True)
class ReplayEffect(ReplayTotal):
    """What one rule, or a limit, would have decided."""

    rule: str = ""  # Its id, or hard_limit, or unpriced.
    summary: str = ""
    outcome: str = ""  # stopped, downgraded, limited, told
    first_at: Optional[datetime] = None


@dataclass(frozen=True)
class Replay:
    """What a dry run came to. Money is in the budget's currency."""

    budget: str  # Its id.
    start: datetime
    end: datetime  # Exclusive.
    currency: str
    message: str
    calls: int
    spent: Decimal  # As it was.
    would_spend: Decimal
    saved: Decimal
    stopped: ReplayTotal
    downgraded: ReplayTotal
    limited: ReplayTotal
    effects: tuple[ReplayEffect, ...] = ()


@dataclass(frozen=True)
class RuleAction:
    """That a rule which needs approval was to act in a period, and what came of it."""

    id: str
    state: str  # pending, executed, failed, rejected, expired, reversed, reset
    rule: Optional[str] = None  # Its id; None: it was removed.
    summary: str = ""  # Of the rule, as it was.
    budget: str = ""  # Its id.
    request: Optional[str] = None  # The one that people decide.
    reason: str = ""  # Why it failed, or was rejected.
    period_start: Optional[datetime] = None
    period_end: Optional[datetime] = None  # Exclusive: when its effect ends.
    triggered_at: Optional[datetime] = None
    decided_at: Optional[datetime] = None
    reversed_at: Optional[datetime] = None
    reset_at: Optional[datetime] = None
    actor: str = ""  # Who reversed it, or reset it last.


@dataclass(frozen=True)
class Run:
    """One run of an agent or a job, and what it has spent."""

    run_id: str
    spent: Decimal  # By the usage records that name it.
    currency: str
    organization_id: str = ""
    cap: Optional[Decimal] = None  # None: none was named.
    reserved: Decimal = Decimal(0)  # Set aside for its calls, not yet spent.
    # Of the cap; negative: it is passed. None: there is none.
    remaining: Optional[Decimal] = None
    # Spent and reserved, of the cap. None: there is none.
    utilization_percent: Optional[Decimal] = None
    requests: int = 0  # Of its usage records.
    first_at: Optional[datetime] = None
    last_at: Optional[datetime] = None  # Its last call or usage.


@dataclass(frozen=True)
class RunDetail(Run):
    """One run, with the calls that were allowed it."""

    # The last 100 calls that were allowed, newest first. Its usage: GET /costs?run_id=.
    authorizations: tuple[AuthorizationState, ...] = ()


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
    forecast_probability: Optional[Decimal] = None  # None: too little is known.
    enforcement: str = "soft"  # soft, hard
    period_end: Optional[datetime] = None
    rate: Decimal = Decimal(1)  # 1 of the organization's currency in the budget's.


@dataclass(frozen=True)
class RuleTerms:
    """A rule as clients apply it; `trigger` is in prefix form.

    `forbids` and `instead` say what its lists come to for the models that the
    lease's `names` know, as they were asked for.
    """

    id: str
    budget: str
    action: str  # block, model_blocklist, model_downgrade, rate_limit, notify
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
    until: Optional[datetime] = None
    currency: str = ""
    tiers: tuple[PriceTier, ...] = ()
    rate: Optional[Decimal] = None  # 1 of its currency in the organization's.


@dataclass(frozen=True)
class ModelNames:
    """What a model is, however it was asked for."""

    asked: str
    model: str
    version: str = ""  # Empty: the name does not say.
    meant_by: tuple[str, ...] = ()  # Of the texts that triggers compare with.


@dataclass(frozen=True)
class CallNames:
    """What the names of a lease's calls mean: the model, and those instead of it."""

    provider: str
    user_id: str = ""
    models: tuple[ModelNames, ...] = ()


@dataclass(frozen=True)
class LeaseGrant:
    """Money set aside for one client, and what it decides by."""

    mode: str  # ask: a rate limit is in force, ask for each call.
    granted: Decimal  # Added by this request.
    currency: str
    ttl_s: Decimal
    names: CallNames
    id: Optional[str] = None
    held: Decimal = Decimal(0)
    expires_at: Optional[datetime] = None
    refresh_s: int = 15
    dimensions: tuple[str, ...] = ()
    unpriced_policy: str = "allow"  # allow, block
    reasons: tuple[Reason, ...] = ()
    budgets: tuple[BudgetFigures, ...] = ()
    rules: tuple[RuleTerms, ...] = ()
    prices: tuple[ModelPrice, ...] = ()
