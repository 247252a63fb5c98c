"""What reservations are made of, and the periods they hold money of.

Money is in whole units of 10^-10, of a budget's currency unless said otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Self
from uuid import UUID

import msgspec

from budgets.index import LockPlace
from lib.money import stored_units

PeriodKey = tuple[int, datetime]  # budget id, start


class HeldLine(NamedTuple):
    """What a reservation holds of one period. Kept as a JSON array."""

    budget_id: int
    starts_at: str  # ISO 8601
    period_id: int
    units: int

    def place(self, level: int) -> LockPlace:
        """Return where the period comes in the lock order; *level* is its budget's."""
        return -level, self.budget_id, datetime.fromisoformat(self.starts_at)


@dataclass(slots=True)
class Balance:
    """The money of one period."""

    period_id: int
    spent: int
    reserved: int
    limit: int
    taken: int = 0  # of what is reserved: by the present transaction

    @classmethod
    def of(
        cls, period_id: int, spent: Decimal, reserved: Decimal, limit: Decimal
    ) -> Self:
        """Return the balance that a row says."""
        units = stored_units
        return cls(period_id, units(spent), units(reserved), units(limit))

    @property
    def left(self) -> int:
        return self.limit - self.spent - self.reserved


class Taking(NamedTuple):
    """What is to be set aside of one period."""

    period_id: int
    units: int


@dataclass(slots=True, kw_only=True)
class NewReservation:
    """What is kept of one reservation when it is made."""

    uid: UUID
    kind: str
    path: msgspec.Raw  # JSON
    units: int  # in the organization's currency
    lines: Sequence[HeldLine]
    details: Mapping[str, Any]
    at: datetime
    expires_at: datetime
    run_id: str = ""
