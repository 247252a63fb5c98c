"""Calls that end: what rate limits had counted for them is put right."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from budgets.models import Reservation
from budgets.reservations.lines import lock
from budgets.reservations.release import release
from budgets.snapshots import hold_snapshot
from controls.models import RateCount
from controls.rates import RateUse
from lib.money import to_units

Ended = tuple[Reservation, int]  # and how much less than set aside it cost, in units


@transaction.atomic
def release_call(row: Reservation, *, now: datetime) -> Reservation:
    """Give back what was set aside for a call that is not made.

    Its request still counts against rate limits, its money does not. Repeating it
    changes nothing.
    """
    hold_snapshot(row.organization_id)
    (held,) = lock(row.organization_id, [row.uid])
    if held.state == Reservation.State.OPEN:
        # Before the periods: that is the order in which whoever decides locks both.
        adjust([(held, to_units(held.granted))])
    return release(row.organization_id, row.uid, now=now) or held


def adjust(ended: Iterable[Ended]) -> None:
    """Take off the rates what calls cost less than was set aside for them.

    Part of the transaction that ends them, with their rows locked.
    """
    counted = [one for one in ended if one[0].details.get("rates")]
    if not counted:
        return
    ids = {pk for row, _ in counted for pk in row.details["rates"]}
    counts = RateCount.objects.filter(pk__in=ids).select_for_update().order_by("pk")
    uses = {count.pk: (count, RateUse.of(count.data)) for count in counts}
    for row, less in counted:
        for pk in row.details["rates"]:
            if pk in uses:
                uses[pk][1].adjust(row.at, -less)
    for count, use in uses.values():
        count.data = use.json
    RateCount.objects.bulk_update([count for count, _ in uses.values()], ["data"])
