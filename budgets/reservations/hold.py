"""Setting money aside on budget periods, so that it can't be spent twice.

Whoever holds locks the periods it concerns, the root last, sees what is left of each
and writes what it took, in one transaction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from budgets.charging import Charging, Span
from budgets.index import PeriodRef
from budgets.reservations import sql
from budgets.reservations.types import Balance, HeldLine, NewReservation, PeriodKey
from ledger.pricing import convert
from lib.measures import counted
from lib.sql import one_round_trip


@dataclass(slots=True)
class Balances:
    """The periods that some decisions concern, as they stand in this transaction.

    Those of hard-limited budgets are locked, so what is left of them stays left until
    commit; the others are for rules to look at.
    """

    organization_id: int
    of: dict[PeriodKey, Balance] = field(default_factory=dict)

    @classmethod
    def lock(cls, charging: Charging, targets: Iterable[PeriodRef]) -> "Balances":
        """Read the periods of *targets*, opening those not yet there."""
        found = cls(charging.organization_id)
        ordered = sorted(
            {target.key: target for target in targets}.values(),
            key=lambda target: target.place,
        )
        if not ordered:
            return found
        ids = charging.ids_of(ordered)
        hard = [ids[target.key] for target in ordered if target.budget.hard]
        soft = [ids[target.key] for target in ordered if not target.budget.hard]
        by_id = sql.locked(hard) | sql.read(soft)
        for target in ordered:
            found.of[target.key] = by_id[ids[target.key]]
        return found

    def take(self, target: PeriodRef, units: int) -> HeldLine:
        """Set *units* aside on the period of *target*; the caller saw that they fit."""
        balance = self.of[target.key]
        balance.reserved += units
        balance.taken += units
        return HeldLine(target.budget.id, target.starts_at, balance.period_id, units)

    def write(self, reservations: Sequence[NewReservation]) -> None:
        """Keep what was taken, and for what."""
        taken = {one.period_id: one.taken for one in self.of.values() if one.taken}
        with one_round_trip():
            sql.add(taken)
            if reservations:
                sql.insert(self.organization_id, reservations)


def needed(span: Span, target: PeriodRef, units: int, tokens: int = 0) -> int:
    """Return how much of the target's budget one call takes that costs *units* of the
    organization's currency and has *tokens*: in what the budget counts."""
    if not target.currency:
        return units
    rate = dict(span.currencies)[target.currency]
    if rate is None:
        return counted(target.currency, tokens, 1)
    return convert(units, rate)
