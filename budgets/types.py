"""Plain values that cross the edge of budgets."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, Self

from budgets.index import LockPlace

# Every day of the world since 2000 begins at one of these, and so does every hour but
# a few: Newfoundland put its clocks back at 00:01 until 2011. What was spent in such an
# hour may then stand in the one beside it.
QUARTER_S = 900  # a quarter of an hour


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


@dataclass(slots=True)
class Returned:
    """What reservations no longer hold: of periods by id, of runs by name, in units."""

    periods: dict[int, Freed] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Added:
    """What is to be added to one period; money in units of 10^-10."""

    spent: int = 0
    requests: int = 0
    unpriced: int = 0


class HourSpend(NamedTuple):
    """What a budget spent from `starts_at` on, within one clock hour of its zone."""

    budget_id: int
    starts_at: datetime
    spent: Decimal
    requests: int


class Quarter(NamedTuple):
    """What cost records say a budget spent in a quarter of an hour."""

    budget_id: int
    starts_at: datetime
    spent: Decimal
    requests: int
    unpriced: int

    @classmethod
    def numbered(
        cls, budget_id: int, number: int, spent: Decimal, requests: int, unpriced: int
    ) -> Self:
        """Return the quarter *number* since 1970."""
        starts_at = datetime.fromtimestamp(number * QUARTER_S, UTC)
        return cls(budget_id, starts_at, spent, requests, unpriced)
