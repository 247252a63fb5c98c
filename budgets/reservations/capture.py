"""How reservations end: used up by what was spent, released, or expired.

Whoever ends one locks its row before the periods it holds money of, and rows by id.
Each end is a state it goes to once: repeating it frees nothing a second time.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from budgets.charging import Charging
from budgets.models import Reservation
from budgets.reservations.claims import Claimed, hold
from budgets.reservations.hold import Line, free, save
from budgets.snapshots import hold_book
from budgets.types import Freed
from ledger.types import Named, Outcome, Said, Settled
from ledger.usage import Usage
from lib.money import from_units, to_units

AT_ONCE = 500  # reservations that expire in one transaction
# A lease is kept so much longer than its holder decides by it: for calls in flight.
GRACE = timedelta(seconds=300)

_OPEN, _SETTLED = Reservation.State.OPEN, Reservation.State.SETTLED
_LEASE = Reservation.Kind.LEASE


@dataclass(slots=True)
class Settlement:
    """What usage records did to the reservations they name."""

    freed: dict[int, Freed] = field(default_factory=dict)  # by period id
    told: dict[str, Settled] = field(default_factory=dict)  # by usage id
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
        done.told[one.usage_id] = Settled(one.authorization_id, known=False)
        said = claimed.said.get(one.usage_id)
        if said is not None:
            by_uid[said.reservation].append(_Claim(one, said))
    rows = [row for uid, row in claimed.rows.items() if uid in by_uid]
    for row in rows:
        _use(row, by_uid[row.uid], charging, done, now)
    save(rows)
    return done


def told(
    outcomes: Sequence[Outcome], usage: Sequence[Usage], settlement: Settlement
) -> Sequence[Outcome]:
    """Return *outcomes* with what became of the authorizations that records name."""
    if not settlement.told:
        return outcomes
    return [
        outcome
        if (outcome.duplicate and outcome.duplicate_of is None)
        or (settled := settlement.told.get(one.id)) is None
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
    lease = row.kind == _LEASE
    for one, said in claims:
        cost = from_units(one.cost or 0)
        held = _set_aside(row)
        over = max(cost - held, Decimal(0))
        done.told[one.usage_id] = Settled(
            one.authorization_id,
            known=True,
            reserved=None if lease else held,
            over=over,
            said=said,
        )
        row.settled += cost
        row.records += 1
        if lease and row.state == _OPEN:
            _draw(row, min(cost, Decimal(row.held)), charging, done.freed)
    if lease or row.state == _SETTLED:
        return
    if row.state == _OPEN:
        _draw(row, row.held, charging, done.freed)
        row.ended_at = now
        done.ended.append((row, to_units(row.granted - row.settled)))
    row.state = _SETTLED


def _set_aside(row: Reservation) -> Decimal:
    """Return what there is for a record that names *row*."""
    if row.kind == _LEASE:
        return Decimal(row.held)
    return max(Decimal(row.granted - row.settled), Decimal(0))


def _draw(
    row: Reservation, amount: Decimal, charging: Charging, freed: dict[int, Freed]
) -> None:
    """Take *amount* off what *row* holds of every period."""
    if amount <= 0:
        return
    before, taken = to_units(row.held), to_units(amount)
    lines = []
    for line in lines_of(row):
        # In the organization's currency both are the same; in another one the part
        # that is kept is rounded up.
        left = -(-line.units * (before - taken) // before)
        place = line.place(charging.shape.nodes[line.budget_id].level)
        freed.setdefault(line.period_id, Freed(place)).units += line.units - left
        if taken < before:
            lines.append(line._replace(units=left))
    row.lines = lines
    row.held -= amount


def lines_of(row: Reservation) -> list[Line]:
    return [Line(*line) for line in row.lines]


# -- Given up, or run out


@transaction.atomic
def release(
    organization_id: int, uid: UUID, *, amount: Decimal | None = None, now: datetime
) -> Reservation | None:
    """Give back what a reservation holds, and end it; None: there is none.

    Of a lease, *amount* of what is held may be given back, for calls under it that are
    still to be booked; it then waits for them until it expires. Repeating it changes
    nothing.
    """
    _, charging = hold_book(organization_id)
    rows = hold(organization_id, [uid])
    if not rows:
        return None
    (row,) = rows
    if row.state == _OPEN:
        freed: dict[int, Freed] = {}
        back = row.held if amount is None else min(amount, row.held)
        _draw(row, back, charging, freed)
        if not row.held or row.kind != _LEASE:
            row.state, row.ended_at = Reservation.State.RELEASED, now
        free(freed)
        save([row])
    return row


def expire(organization_id: int, *, now: datetime) -> int:
    """End the reservations whose time is over, and return how many; safe to repeat."""
    count = 0
    while some := _expire_some(organization_id, now):
        count += some
    return count


@transaction.atomic
def _expire_some(organization_id: int, now: datetime) -> int:
    _, charging = hold_book(organization_id)
    rows = list(
        overdue(now)
        .filter(organization=organization_id)
        # One that is being settled or released at this moment needs no expiry.
        .select_for_update(skip_locked=connection.vendor == "postgresql")
        .order_by("pk")[:AT_ONCE]
    )
    freed: dict[int, Freed] = {}
    for row in rows:
        _draw(row, row.held, charging, freed)
        row.state, row.ended_at = Reservation.State.EXPIRED, now
    free(freed)
    save(rows)
    return len(rows)


def overdue(now: datetime) -> QuerySet[Reservation]:
    """Return the reservations whose time is over and that still hold money."""
    return Reservation.objects.filter(state=_OPEN, expires_at__lte=now)


def expire_all(now: datetime) -> int:
    """Expire what is over in every organization, and return how many."""
    late = overdue(now).order_by("organization").values_list("organization", flat=True)
    return sum(expire(pk, now=now) for pk in late.distinct())
