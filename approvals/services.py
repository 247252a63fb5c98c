"""What may happen to a request: each a transaction, with the moment as *now*.

The first thing any of them does is a conditional UPDATE of the request's row: it is the
mutex of all that happens to a request. The trail comes last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from accounts.models import Organization, User
from approvals.models import BudgetRequest, Decision, Outcome, Step
from approvals.types import Ask, By


@dataclass(frozen=True, slots=True)
class Edited:
    """A request after an edit."""

    request: BudgetRequest
    voided: bool  # the approvals given count no longer, and everybody is asked anew


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a request by one decision."""

    request: BudgetRequest  # as it stands now; its `state` tells whether it has ended
    decision: Decision
    step: Step
    opened: Sequence[Step]  # whose turn it is since


def draft(
    organization: Organization, ask: Ask, *, by: By, now: datetime
) -> BudgetRequest:
    """Write down what is asked for; nobody is asked yet.

    Raises:
        Invalid: a field is wrong; it is named.
        Forbidden: *by* may not ask in this organization.
    """
    raise NotImplementedError


def submit(
    request: BudgetRequest, *, by: By, now: datetime, revision: int | None = None
) -> BudgetRequest:
    """Ask those who decide: a draft, or anew what changes were requested of.

    The policy, who decides by it and the impact are frozen into the request.

    Raises:
        NobodyDecides: a level would have too few to decide it.
        AlreadyDecided: it is not a draft, nor were changes requested.
        ChangedSince: it is not of *revision*.
        NotYourRequest: *by* is none of those whose request it is.
    """
    raise NotImplementedError


def ask_for(
    organization: Organization, ask: Ask, *, by: By, now: datetime
) -> BudgetRequest:
    """`draft` and `submit` in one; with an `ask_key` that is open already: join it,
    where the larger amount stands."""
    raise NotImplementedError


def edit(
    request: BudgetRequest, ask: Ask, *, by: By, now: datetime, revision: int
) -> Edited:
    """Make what is asked for as *ask* says.

    While it is pending: approvals given are void when the amount rises, or falls out of
    its band (other levels would be asked), or anything of its scope changes; a fall
    inside the band, or other words, keep them. Links of earlier revisions are void.

    Raises: as `submit`; Invalid.
    """
    raise NotImplementedError


def decide(
    request: BudgetRequest,
    outcome: Outcome,
    *,
    by: By,
    now: datetime,
    revision: int | None = None,
    step: Step | None = None,
    amount: Decimal | None = None,
    comments: str = "",
) -> Decided:
    """Say what *by* decides about *step* (None: the first open one of theirs).

    *amount* approves less than is asked. The last approval that is needed carries the
    request out, in this transaction.

    Raises:
        AlreadyDecided: the request or the step has ended.
        HasSpoken: the person has decided about this step.
        ChangedSince: the request is not of *revision*.
        NotAsked, OwnRequest, AboveLimit: the person may not.
        Invalid: no reason for a rejection, or an *amount* that is not less.
        Conflict: it can't be carried out (not enough left to transfer, ...).
    """
    raise NotImplementedError


def withdraw(
    request: BudgetRequest, *, by: By, now: datetime, reason: str = ""
) -> BudgetRequest:
    """Take a request back.

    Raises: AlreadyDecided, NotYourRequest.
    """
    raise NotImplementedError


def reassign(
    step: Step, from_: User, to: User, *, by: By, now: datetime, reason: str
) -> BudgetRequest:
    """Have *to* asked in place of *from_*; for finance admins, with a reason.

    Raises: AlreadyDecided, HasSpoken, NotAsked, OwnRequest, Forbidden, Invalid.
    """
    raise NotImplementedError


def expire_due(now: datetime) -> int:
    """End what nobody decided in time; return how many. Safe to repeat."""
    raise NotImplementedError
