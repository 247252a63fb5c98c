"""Plain values that cross the edge of budgets."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Charged:
    """What one transaction added to one budget period, in the budget's currency."""

    period_id: int
    budget_id: int
    before: Decimal
    after: Decimal
