"""Plain values that cross the edge of budgets."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple


class Charged(NamedTuple):
    """What one transaction added to one budget period, in the budget's currency."""

    period_id: int
    budget_id: int
    before: Decimal
    after: Decimal


@dataclass(frozen=True, slots=True)
class Crossing:
    """That what was spent in a period came to or past a share of its limit."""

    budget_id: int
    period_id: int
    threshold: Decimal  # share of the limit
    spent: Decimal
    limit: Decimal
