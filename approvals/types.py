"""Plain values that cross the edge of approvals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from accounts.models import User
from approvals.models.trail import How
from budgets.models import Budget
from lib.periods import Cadence
from notifications.mailed_links import Visit

NO_VISIT = Visit()


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, and how that is known. Never made of what a body says."""

    name: str  # as it stands in histories: an address, "key NAME", "system"
    how: How
    person: User | None = None  # None: a program
    visit: Visit = NO_VISIT

    @classmethod
    def someone(cls, person: User, how: How, visit: Visit | None = None) -> Self:
        return cls(person.email, how, person, visit or NO_VISIT)

    @property
    def person_id(self) -> int | None:
        return None if self.person is None else self.person.pk


SYSTEM = By("system", How.SYSTEM)


@dataclass(slots=True, kw_only=True)
class Ask:
    """What somebody asks for; `BudgetRequest` has the same names."""

    kind: str
    amount: Decimal  # by how much more; of a new budget all of it
    requester: User
    on_behalf_of: User | None = None
    currency: str = ""  # "": the budget's, or the organization's
    budget: Budget | None = None
    parent: Budget | None = None  # of a new one
    source: Budget | None = None  # of a transfer: what gives
    name: str = ""  # of a new one; "": made of the justification
    scope: Any = field(default_factory=dict)  # of a new one; budgets.scopes reads it
    period: str = Cadence.MONTHLY.value  # of a new one
    until: datetime | None = None  # of a raise or a rule exception; exclusive
    rule: str = ""
    rule_words: str = ""  # what the rule of an exception says
    justification: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    links: Sequence[Mapping[str, str]] = ()  # [{"title", "url"}]
    needed_by: datetime | None = None
    approvers: Sequence[str] = ()  # addresses; none: by the policy
    in_turn: bool = False  # the named ones, one after another
    ask_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelPlan:
    """One level of a policy to be saved."""

    name: str
    approvers: Sequence[str]  # addresses, "role:R", "budget_owner", "ancestor_owner:N"
    required: int | None = 1  # None: all
    min_amount: Decimal = Decimal(0)  # inclusive, in the policy's currency
    parallel: bool = False  # at the same time as the level before


@dataclass(slots=True, kw_only=True)
class PolicyPlan:
    """What a policy is to be like."""

    name: str
    levels: Sequence[LevelPlan]
    budget: Budget | None = None  # root of the subtree; None: the organization
    currency: str = ""  # "": the organization's
    self_approval_below: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who would be asked, and why."""

    person: User
    reason: str


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step as it would be frozen into a request."""

    name: str
    stage: int  # steps of one stage at the same time
    needed: int
    min_amount: Decimal  # where its band begins, in the chain's currency
    approvers: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """Who would have to approve an amount, in which order, and by which policy."""

    steps: tuple[PlannedStep, ...]
    policy_name: str
    policy_id: int | None
    currency: str  # of the bands
    self_approval: bool  # the requester may be among them, at this amount
