"""Plain values that cross the edge of budgets."""

from dataclasses import dataclass
from decimal import Decimal

from budgets.index import LockPlace


@dataclass(frozen=True, slots=True)
class Crossing:
    """That what was spent in a period came to or past a share of its limit."""

    budget_id: int
    period_id: int
    threshold: Decimal  # share of the limit
    spent: Decimal
    limit: Decimal


@dataclass(slots=True)
class Freed:
    """What reservations no longer hold of one period; units of 10^-10."""

    place: LockPlace  # in the lock order
    units: int = 0
