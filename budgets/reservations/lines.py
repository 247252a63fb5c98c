"""What open reservations hold, line by line: found, drawn down, and given back."""

from collections.abc import Iterable, Mapping, MutableMapping
from decimal import Decimal
from uuid import UUID

from budgets.charging import Charging
from budgets.models import Reservation
from budgets.reservations import sql
from budgets.reservations.types import HeldLine
from budgets.types import Freed
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
    freed: MutableMapping[int, Freed],
) -> None:
    """Take *amount* off what *row* holds of every period, and note it in *freed*."""
    if amount <= 0:
        return
    before, taken = to_units(row.held), to_units(amount)
    lines = []
    for line in lines_of(row):
        # In the organization's currency both are the same; in another one the part
        # that is kept is rounded up.
        left = -(-line.units * (before - taken) // before)
        place = line.place(charging.index.budgets[line.budget_id].level)
        freed.setdefault(line.period_id, Freed(place)).units += line.units - left
        if taken < before:
            lines.append(line._replace(units=left))
    row.lines = lines
    row.held -= amount


def free(freed: Mapping[int, Freed]) -> None:
    """Give back what reservations held, in the order in which periods are locked."""
    ordered = sorted(freed, key=lambda period_id: freed[period_id].place)
    sql.free({period_id: freed[period_id].units for period_id in ordered})
