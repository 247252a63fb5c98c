"""Ending the reservations whose time is over: nobody came for their money."""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import QuerySet

from budgets.models import Reservation
from budgets.reservations import sql
from budgets.reservations.lines import draw, free
from budgets.snapshots import hold_snapshot
from budgets.types import Returned

AT_ONCE = 500  # reservations that expire in one transaction
# A lease is kept so much longer than its holder decides by it: for calls in flight.
GRACE = timedelta(seconds=300)


def expire(organization_id: int, *, now: datetime) -> int:
    """End the reservations whose time is over, and return how many; safe to repeat."""
    count = 0
    while some := _expire_some(organization_id, now):
        count += some
    return count


@transaction.atomic
def _expire_some(organization_id: int, now: datetime) -> int:
    _, charging = hold_snapshot(organization_id)
    late = overdue(now).filter(organization=organization_id).order_by("pk")
    # One that is being settled or released at this moment needs no expiry.
    can_skip = connection.features.has_select_for_update_skip_locked
    rows = list(late.select_for_update(skip_locked=can_skip)[:AT_ONCE])
    freed = Returned()
    for row in rows:
        draw(row, row.held, charging, freed)
        row.state, row.ended_at = Reservation.State.EXPIRED, now
    free(organization_id, freed, now=now)
    sql.save(rows)
    return len(rows)


def overdue(now: datetime) -> QuerySet[Reservation]:
    """Return the reservations whose time is over and that still hold money."""
    state = Reservation.State.OPEN
    return Reservation.objects.filter(state=state, expires_at__lte=now)


def expire_all(now: datetime) -> int:
    """Expire what is over in every organization, and return how many."""
    late = overdue(now).order_by("organization").values_list("organization", flat=True)
    return sum(expire(pk, now=now) for pk in late.distinct())
