"""The one place where people are told of what happens to a request."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from approvals.models import BudgetRequest, Decision, Step
from approvals.types import By


@dataclass(frozen=True, slots=True)
class Moved:
    """One thing that happened to a request: `event` as the trail calls it."""

    event: str
    request: BudgetRequest  # as it stands since
    by: By
    now: datetime
    opened: Sequence[Step] = ()  # whose turn it is since
    decision: Decision | None = None
    step: Step | None = None  # that was decided, or given to somebody else


def tell(moved: Moved) -> None:
    """Tell whom *moved* concerns, in the transaction in which it happened."""
