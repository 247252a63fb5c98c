"""What is asked before money is spent, and what is answered.

Money is in units of 10^-10 of the organization's currency.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from controls.policy import Guard, Plan, TokenEstimate, Where
from controls.types import BudgetFigures, Decision, Reason


@dataclass(slots=True, kw_only=True)
class CallRequest:
    """A call somebody is about to make, and the most it can cost."""

    where: Where
    model: str
    tokens: TokenEstimate | None = None
    estimate: int | None = None  # stated by whoever requests
    ttl: timedelta  # within which its usage record comes
    run_id: str | None = None
    run_cap: int | None = None  # of the run, in units


@dataclass(slots=True, kw_only=True)
class LeaseRequest(CallRequest):
    """What somebody wants to have set aside, to decide about by themselves."""

    wanted: int | None = None  # None: as much as is being spent in its time
    least: int = 0  # less is of no use
    lease: UUID | None = None  # to be renewed


@dataclass(slots=True)
class CallAnswer:
    """What was decided, and what was set aside for it."""

    guard: Guard
    decision: Decision
    model: str  # to use
    reasons: list[Reason]
    units: int = 0  # set aside now
    uid: UUID | None = None  # of the reservation
    expires_at: datetime | None = None
    retry_after_s: int | None = None
    priced: bool = True
    no_room: bool = False  # a hard limit was in the way
    lacks_tokens: bool = False  # a budget counts them, and the request did not say
    plan: Plan | None = None  # of the model to use; None: the rules stopped it

    @property
    def currency(self) -> str:
        return self.guard.currency


@dataclass(slots=True)
class LeaseAnswer(CallAnswer):
    """What a lease holds, and what its holder has to know to decide."""

    held: int = 0
    over: bool = False  # the one to be renewed has ended, or is for other periods
    ask_each: bool = False  # no deciding alone: a rate limit is in force
    plans: dict[str, Plan] = field(default_factory=dict)
    figures: dict[int, BudgetFigures] = field(default_factory=dict)  # by budget
