"""Plain values that cross the edge of budgets."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from costops.lib.money import from_units


class Charged(NamedTuple):
    """What one transaction added to one budget period, in the budget's currency."""

    period_id: int
    budget_id: int
    added: int  # units of 10^-10
    after: Decimal

    @property
    def before(self) -> Decimal:
        return self.after - from_units(self.added)


@dataclass(frozen=True, slots=True)
class Crossing:
    """That what was spent in a period came to or past a share of its limit."""

    budget_id: int
    period_id: int
    threshold: Decimal  # share of the limit
    spent: Decimal
    limit: Decimal
