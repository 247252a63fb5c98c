"""Holding open reservations anew, where the budgets on their paths are others now."""

from accounts.models import Organization
from budgets.charging import ChargedSnapshot, Charging, Span
from budgets.models import BudgetPeriod, Reservation
from budgets.reservations import sql
from budgets.reservations.hold import Balances, needed
from ledger.snapshot import KnownAttribution, Snapshot
from ledger.types import Sent
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
    snapshot = Snapshot(organization, charging)
    spans = {row.pk: _span_of(row, snapshot) for row in rows}
    targets = {
        target.key: target
        for span in spans.values()
        for target in span.targets
        if target.budget.hard
    }
    balances = Balances.lock(charging, targets.values())
    for row in rows:
        span, units = spans[row.pk], to_units(row.held)
        tokens = row.details.get("tokens", 0)
        row.lines = [
            balances.take(target, needed(span, target, units, tokens))
            for target in span.targets
            if target.budget.hard
        ]
    balances.write([])
    sql.save(rows)


def _span_of(row: Reservation, snapshot: ChargedSnapshot) -> Span:
    path = dict(row.path)
    tags, tier = path.pop("tags"), path.pop("tier")
    dimensions = Sent(**path).filed()
    charges = snapshot.charger.charges_of(dimensions, tags)
    return snapshot.span_at(KnownAttribution(0, dimensions, tier, charges), row.at)
