"""What open reservations hold, line by line: found, drawn down, and given back."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from budgets import runs
from budgets.charging import Charging
from budgets.models import Reservation
from budgets.reservations import sql
from budgets.reservations.types import HeldLine
from budgets.types import Freed, Returned
from lib.money import to_units


def lock(organization_id: int, uids: Iterable[UUID]) -> list[Reservation]:
    """Lock reservations, by id."""
    rows = Reservation.objects.filter(organization=organization_id, uid__in=list(uids))
    return list(rows.select_for_update().order_by("pk"))


def uid_of(authorization_id: str) -> UUID | None:
    """Return the reservation that an authorization's or lease's id is of, if any."""
    try:
        return UUID(authorization_id)
    except ValueError:
        return None


def lines_of(row: Reservation) -> list[HeldLine]:
    return [HeldLine(*line) for line in row.lines]


def draw(
    row: Reservation,
    amount: Decimal,
    charging: Charging,
    freed: Returned,
) -> None:
    """Take *amount* off what *row* holds of every period, and note it in *freed*."""
    if amount <= 0 and row.held:
        return
    before, taken = to_units(row.held), to_units(amount)
    lines = []
    for line in lines_of(row):
        # In the organization's currency both are the same; in another one the part
        # that is kept is rounded up.
        # What cost nothing may hold what is counted: that goes as a whole.
        left = -(-line.units * (before - taken) // before) if before else 0
        place = line.place(charging.index.budgets[line.budget_id].level)
        of = freed.periods.setdefault(line.period_id, Freed(place))
        of.units += line.units - left
        if taken < before:
            lines.append(line._replace(units=left))
    row.lines = lines
    row.held -= amount
    if row.run_id and taken:
        freed.runs[row.run_id] = freed.runs.get(row.run_id, 0) + taken


def free(organization_id: int, freed: Returned, *, now: datetime) -> None:
    """Give back what reservations held: of runs first, and of periods then, in the
    order in which both are locked."""
    runs.charge(organization_id, {}, freed.runs, now=now)
    periods = freed.periods
    ordered = sorted(periods, key=lambda period_id: periods[period_id].place)
    sql.free({period_id: periods[period_id].units for period_id in ordered})
