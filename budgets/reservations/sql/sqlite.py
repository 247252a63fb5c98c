"""Reservations on SQLite: it has one writer at a time, so nothing needs a lock."""

from collections.abc import Mapping, Sequence

from django.db import connection, transaction

from budgets.models import Reservation
from budgets.reservations.sql.portable import COLUMNS, encode, read
from budgets.reservations.types import Balance, NewReservation, Taking
from ledger.sql import Values
from lib.sql import cursor_that_prepares, stored_moment

MOST_UNITS = 2**63 - 1  # that it takes; no limit here is as high
CHANGES = (
    "state",
    "held",
    "settled",
    "records",
    "lines",
    "details",
    "expires_at",
    "granted",
    "ended_at",
)

_ADD = "UPDATE budgets_budgetperiod SET reserved = reserved + %s WHERE id = %s"
_INSERT = f"""
INSERT INTO budgets_reservation ({COLUMNS})
VALUES (%s, %s, %s, 'open', %s, %s, %s, 0, 0, %s, %s, %s, %s, %s)
"""
_IS_AT = "SELECT revision = %s FROM accounts_organization WHERE id = %s"
_TAKE = """
UPDATE budgets_budgetperiod SET reserved = reserved + %s
WHERE id = %s AND spent + reserved + %s <= "limit"
"""


def locked(period_ids: Sequence[int]) -> dict[int, Balance]:
    """Return how periods stand, by id; nobody changes them before the commit."""
    return read(period_ids)


def add(units: Mapping[int, int]) -> None:
    """Add to what is reserved of periods, by id."""
    if not units:
        return
    with cursor_that_prepares() as cursor:
        rows = [(added, period_id) for period_id, added in units.items()]
        cursor.executemany(_ADD, rows)


def free(units: Mapping[int, int]) -> None:
    """Take off what is reserved of periods, by id."""
    add({period_id: -freed for period_id, freed in units.items()})


def insert(organization_id: int, reservations: Sequence[NewReservation]) -> None:
    """Keep new reservations."""
    with cursor_that_prepares() as cursor:
        rows = [_values(organization_id, one) for one in reservations]
        cursor.executemany(_INSERT, rows)


def _values(organization_id: int, one: NewReservation) -> Values:
    return (
        one.uid.hex,
        organization_id,
        one.kind,
        encode(one.path).decode(),
        one.units,
        one.units,
        encode(one.lines).decode(),
        encode(one.details).decode(),
        stored_moment(one.at),
        stored_moment(one.expires_at),
        one.run_id,
    )


def save(rows: Sequence[Reservation]) -> None:
    """Write what can change of reservations."""
    if rows:
        Reservation.objects.bulk_update(rows, CHANGES)


def take(
    organization_id: int,
    revision: int,
    takings: Sequence[Taking],
    reservations: Sequence[NewReservation],
) -> bool:
    """Do what `fast_path.hold_outright` says, statement by statement."""
    if any(one.units > MOST_UNITS for one in takings):
        return False
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_IS_AT, [revision, organization_id])
        fits: bool = cursor.fetchone() == (True,)
        if fits and takings:
            rows = [(one.units, one.period_id, one.units) for one in takings]
            cursor.executemany(_TAKE, rows)
            fits = cursor.rowcount == len(takings)
        if fits:
            insert(organization_id, reservations)
        else:
            transaction.set_rollback(True)
    return fits
