"""Using reservations up by what was spent, in the transaction that books it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from budgets.charging import Charging
from budgets.models import Reservation
from budgets.reservations import sql
from budgets.reservations.claims import Claimed
from budgets.reservations.lines import draw
from budgets.types import Returned
from ledger.types import Named, Said, Settled, UsageOutcome
from ledger.usage import Usage
from lib.money import from_units, to_units

_OPEN, _SETTLED = Reservation.State.OPEN, Reservation.State.SETTLED


@dataclass(slots=True)
class Settlement:
    """What usage records did to the reservations they name."""

    freed: Returned = field(default_factory=Returned)
    settled: dict[str, Settled] = field(default_factory=dict)  # by usage id
    # Authorizations it ended, with what they cost less than was set aside; in units.
    ended: list[tuple[Reservation, int]] = field(default_factory=list)


class _Claim(NamedTuple):
    """A record that names a reservation, and what it said otherwise."""

    named: Named
    said: Said


def settle(
    charging: Charging, named: Sequence[Named], claimed: Claimed, *, now: datetime
) -> Settlement:
    """Use up the reservations that booked records name; part of their transaction.

    The periods are not touched yet: what is freed goes into the statement that
    charges them, so that nobody sees one without the other.
    """
    done = Settlement()
    if not named:
        return done
    by_uid: defaultdict[UUID, list[_Claim]] = defaultdict(list)
    for one in named:
        done.settled[one.usage_id] = Settled(one.authorization_id, known=False)
        said = claimed.said.get(one.usage_id)
        if said is not None:
            by_uid[said.reservation].append(_Claim(one, said))
    rows = [row for uid, row in claimed.rows.items() if uid in by_uid]
    for row in rows:
        _use(row, by_uid[row.uid], charging, done, now)
    sql.save(rows)
    return done


def with_settlements(
    outcomes: Sequence[UsageOutcome], usage: Sequence[Usage], settlement: Settlement
) -> Sequence[UsageOutcome]:
    """Return *outcomes* with what became of the authorizations that records name."""
    if not settlement.settled:
        return outcomes
    return [
        outcome
        if (outcome.duplicate and outcome.duplicate_of is None)
        or (settled := settlement.settled.get(one.id)) is None
        else outcome._replace(settled=settled)
        for one, outcome in zip(usage, outcomes, strict=True)
    ]


def _use(
    row: Reservation,
    claims: Sequence[_Claim],
    charging: Charging,
    done: Settlement,
    now: datetime,
) -> None:
    is_lease = row.kind == Reservation.Kind.LEASE
    for one, said in claims:
        cost = from_units(one.cost or 0)
        held = _set_aside(row, is_lease=is_lease)
        done.settled[one.usage_id] = Settled(
            one.authorization_id,
            known=True,
            reserved=None if is_lease else held,
            over=max(cost - held, Decimal(0)),
            said=said,
        )
        row.settled += cost
        row.records += 1
        if is_lease and row.state == _OPEN:
            draw(row, min(cost, Decimal(row.held)), charging, done.freed)
    if is_lease or row.state == _SETTLED:
        return
    if row.state == _OPEN:
        draw(row, row.held, charging, done.freed)
        row.ended_at = now
        done.ended.append((row, to_units(row.granted - row.settled)))
    row.state = _SETTLED


def _set_aside(row: Reservation, *, is_lease: bool) -> Decimal:
    """Return what there is for a record that names *row*."""
    if is_lease:
        return Decimal(row.held)
    return max(Decimal(row.granted - row.settled), Decimal(0))
