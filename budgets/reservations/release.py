"""Giving back what a reservation holds and nobody needs."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from budgets.models import Reservation
from budgets.reservations import sql
from budgets.reservations.lines import draw, free, lock
from budgets.snapshots import hold_snapshot
from budgets.types import Returned


@transaction.atomic
def release(
    organization_id: int, uid: UUID, *, amount: Decimal | None = None, now: datetime
) -> Reservation | None:
    """Give back what a reservation holds, and end it; None: there is none.

    Of a lease, *amount* of what is held may be given back, for calls under it that are
    still to be booked; it then waits for them until it expires. Repeating it changes
    nothing.
    """
    _, charging = hold_snapshot(organization_id)
    rows = lock(organization_id, [uid])
    if not rows:
        return None
    (row,) = rows
    if row.state == Reservation.State.OPEN:
        freed = Returned()
        back = row.held if amount is None else min(amount, row.held)
        draw(row, back, charging, freed)
        if not row.held or row.kind != Reservation.Kind.LEASE:
            row.state, row.ended_at = Reservation.State.RELEASED, now
        free(organization_id, freed, now=now)
        sql.save([row])
    return row
