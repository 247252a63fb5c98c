"""Holding open reservations anew, where the budgets on their paths are others now."""

from accounts.models import Organization
from budgets.charging import Charging
from budgets.models import BudgetPeriod, Reservation
from budgets.reservations import sql
from budgets.reservations.hold import Balances, in_currency
from ledger.snapshot import Book, Entry
from ledger.types import Sent, Stretch
from lib.money import to_units


def rehold(organization: Organization) -> None:
    """Hold open reservations on the budgets that are on their paths now.

    Call it in the transaction that changed the tree, with the organization held alone.
    """
    held = BudgetPeriod.objects.filter(organization=organization, reserved__gt=0)
    state = Reservation.State.OPEN
    rows = list(Reservation.objects.filter(organization=organization, state=state))
    held.update(reserved=0)
    if not rows:
        return
    charging = Charging(organization)
    book = Book(organization, charging)
    stretches = {row.pk: _stretch_of(row, book) for row in rows}
    targets = {
        target.key: target
        for stretch in stretches.values()
        for target in stretch.targets
        if target.node.hard
    }
    balances = Balances.lock(charging, targets.values())
    for row in rows:
        stretch, units = stretches[row.pk], to_units(row.held)
        row.lines = [
            balances.take(target, in_currency(stretch, target, units))
            for target in stretch.targets
            if target.node.hard
        ]
    balances.write([])
    sql.save(rows)


def _stretch_of(row: Reservation, book: Book) -> Stretch:
    path = dict(row.path)
    tags, tier = path.pop("tags"), path.pop("tier")
    dimensions = Sent(**path).filed()
    charges = book.cutter.charges_of(dimensions, tags)
    return book.stretch_at(Entry(0, dimensions, tier, charges), row.at)
