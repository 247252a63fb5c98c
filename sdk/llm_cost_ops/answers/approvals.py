"""Requests for money, and who decides them.

Made by `python -m dev.sdk_types` from what the server answers with: change that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Optional


@dataclass(frozen=True)
class ImpactLine:
    """One budget as it stands and as it would, in its own currency."""

    budget: str  # Its id.
    name: str
    role: str  # asked, source, or above.
    currency: str
    limit_now: Decimal = Decimal(0)
    limit_then: Decimal = Decimal(0)
    spent: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)
    left_now: Decimal = Decimal(0)
    left_then: Decimal = Decimal(0)
    unallocated_now: Optional[Decimal] = None  # None: nothing is promised below.
    unallocated_then: Optional[Decimal] = None
    projected: Optional[Decimal] = None  # None: too little history.
    probability_now: Optional[Decimal] = None  # That it passes its limit.
    probability_then: Optional[Decimal] = None


@dataclass(frozen=True)
class Impact:
    """What a request would mean for its budget and all above it."""

    at: datetime
    amount: Decimal
    currency: str
    lines: tuple[ImpactLine, ...]
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """Somebody who is asked about a step, and what they said."""

    person: str
    reason: str = ""  # Why they: an address, a role, an owner.
    decision: Optional[str] = None  # approved, rejected, changes_requested


@dataclass(frozen=True)
class ApprovalStep:
    """One level of those who decide."""

    id: str
    name: str
    state: str  # waiting, open, approved, rejected, void
    number: int = 0
    stage: int = 0  # Those of one stage decide at the same time.
    required: int = 0  # How many have to approve.
    given: int = 0  # How many have.
    approvers: tuple[Asked, ...] = ()
    opened_at: Optional[datetime] = None
    due_at: Optional[datetime] = None
    decided_at: Optional[datetime] = None


@dataclass(frozen=True)
class ApprovalDecision:
    """What one person said."""

    decision: str  # approved, rejected, changes_requested
    approver: str
    id: str = ""
    step: str = ""  # Its id.
    step_name: str = ""
    revision: int = 0  # Of the request, as it was decided on.
    on_behalf_of: Optional[str] = None  # For whom they stood in.
    amount: Decimal = Decimal(0)  # Of the request, as it stood then.
    comments: str = ""
    how: str = ""  # session, key, link, slack, system
    decided_at: Optional[datetime] = None


@dataclass(frozen=True)
class TrailEntry:
    """One thing that happened, as it stands in the organization's trail."""

    number: int
    at: datetime
    event: str
    actor: str = ""
    how: str = ""  # session, key, link, slack, system
    details: dict[str, Any] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True)
class BudgetRequest:
    """Money that somebody asks for, and how far that is."""

    id: str
    # new, increase, transfer, raise, rollover_exception, rule_exception, rule_action
    kind: str
    # draft, pending, changes_requested, approved, rejected, withdrawn, expired
    state: str
    amount: Decimal  # By how much more; of a new budget all of it.
    currency: str
    revision: int = 1  # Rises with every edit and resubmission.
    organization_id: str = ""
    requester: str = ""
    on_behalf_of: Optional[str] = None
    filed_by: str = ""  # Who sent it: a person, or a key by its name.
    # The id of the budget; of a new one: once it is approved.
    budget: Optional[str] = None
    budget_name: Optional[str] = None
    parent: Optional[str] = None  # Of a new budget: the id of the one above.
    source: Optional[str] = None  # Of a transfer: the id of what gives.
    name: str = ""  # Of a new budget.
    # Of a new budget; of a rule exception: what it is for.
    scope: dict[str, Any] = field(default_factory=dict)
    duration: str = "monthly"  # Period of a new budget.
    rule: str = ""  # Of a rule exception: the id of the rule.
    until: Optional[datetime] = None  # Exclusive.
    # What it was lowered to so far; in the end: approved.
    approved_amount: Optional[Decimal] = None
    justification: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    links: tuple[dict[str, str], ...] = ()
    needed_by: Optional[datetime] = None
    approvers: tuple[str, ...] = ()  # Those who were named.
    mode: str = "parallel"  # Of the named.
    policy: Optional[str] = None  # Its name, when it was submitted.
    self_approval: bool = False  # Whether its requester may decide it.
    reason: str = ""  # Why it ended, where that was said.
    created_at: Optional[datetime] = None
    changed_at: Optional[datetime] = None
    submitted_at: Optional[datetime] = None
    decided_at: Optional[datetime] = None  # Or withdrawn, or expired.
    expires_at: Optional[datetime] = None


@dataclass(frozen=True)
class BudgetRequestDetail(BudgetRequest):
    """A request with what it would mean, who decides, and all that happened."""

    impact: Optional[Impact] = None  # Now, while it is open; then as it was submitted.
    steps: tuple[ApprovalStep, ...] = ()  # Those that count now.
    decisions: tuple[ApprovalDecision, ...] = ()  # All there were, the oldest first.
    trail: tuple[TrailEntry, ...] = ()


@dataclass(frozen=True)
class ApprovalLevel:
    """One level of a policy."""

    name: str
    approvers: tuple[str, ...]  # Addresses, role:R, budget_owner, ancestor_owner:N.
    required: Any  # A number, or all.
    min_amount: Decimal = Decimal(0)  # From which amount on, inclusive.
    parallel: bool = False  # At the same time as the level before.


@dataclass(frozen=True)
class ApprovalPolicy:
    """Who has to approve how much, in an organization or a subtree of its budgets."""

    id: str
    name: str
    levels: tuple[ApprovalLevel, ...]
    organization_id: str = ""
    budget: Optional[str] = None  # The id of the subtree's root; None: all.
    budget_name: Optional[str] = None
    currency: str = ""
    self_approval_below: Optional[Decimal] = None  # None: never.
    created_at: Optional[datetime] = None


@dataclass(frozen=True)
class PlannedLevel:
    """One level of those who would have to approve."""

    name: str
    approvers: tuple[str, ...]  # Their addresses.
    required: int  # How many of them.
    stage: int = 0  # Those of one stage decide at the same time.
    reasons: tuple[str, ...] = ()  # Why each of them, in their order.


@dataclass(frozen=True)
class ApprovalPreview:
    """Who would have to approve an amount, in their order."""

    levels: tuple[PlannedLevel, ...]
    policy: Optional[str] = None  # Its name; None: there is none.
    currency: str = ""  # Of the policy's amounts.
    self_approval: bool = False  # Whether the requester may decide it.


@dataclass(frozen=True)
class Delegation:
    """Who stands in for whom, and when."""

    id: str
    delegator: str
    delegate: str
    start_date: datetime
    end_date: datetime  # Exclusive.
    organization_id: str = ""
    limit: Optional[Decimal] = None  # Up to and with; None: none of its own.
    currency: Optional[str] = None  # Of the limit.
    reason: str = ""
    ended_at: Optional[datetime] = None  # Where it was ended early.
    created_at: Optional[datetime] = None
