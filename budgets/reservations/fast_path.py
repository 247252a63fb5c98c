"""Setting money aside in one round trip, where every limit has room for all of it."""

from collections.abc import Iterable, Sequence
from contextlib import closing

from django.db import connection, transaction

from accounts.locks import hold_shared
from budgets.reservations.hold import (
    COLUMNS,
    LOCK,
    NEW,
    TYPES,
    NewReservation,
    insert,
    rows_of,
)
from budgets.snapshots import revision_of
from ledger.stored import array_of
from lib.roundtrips import cursor_that_prepares, one_round_trip

Taken = tuple[int, int]  # a period's id, and what to take of it in its currency's units


def reserve_outright(
    organization_id: int,
    revision: int,
    taken: Iterable[Taken],
    reservations: Sequence[NewReservation],
) -> bool:
    """Take *taken* of periods and keep *reservations*, all of it or nothing.

    Nothing (False) where a limit would be passed, or where the organization is no
    longer at *revision*: then look closer. *taken* is in lock order, a period once.
    """
    way = _by_postgresql if connection.vendor == "postgresql" else _one_by_one
    return way(organization_id, revision, list(taken), reservations)


# By the time the second statement looks, the first has locked what it looks at.
_RESERVE = f"""
WITH wanted AS MATERIALIZED (
    SELECT id, units FROM unnest(%s::bigint[], %s::numeric[]) AS wanted (id, units)
), verdict AS MATERIALIZED (
    SELECT count(period.id) = count(*) AND coalesce(bool_and(
        period.spent + period.reserved + wanted.units
        <= period.amount + period.carried_over + period.adjusted
    ), true) AND (
        SELECT revision = %s FROM accounts_organization WHERE id = %s
    ) AS fits
    FROM wanted LEFT JOIN budgets_budgetperiod AS period USING (id)
), taken AS (
    UPDATE budgets_budgetperiod AS period SET reserved = period.reserved + wanted.units
    FROM wanted, verdict WHERE verdict.fits AND period.id = wanted.id
), kept AS (
    INSERT INTO budgets_reservation ({COLUMNS})
    SELECT {NEW} FROM verdict, jsonb_to_recordset(%s::jsonb) AS new ({TYPES})
    WHERE verdict.fits
)
SELECT fits FROM verdict
"""  # noqa: S608 - constants only


def _by_postgresql(
    organization_id: int,
    revision: int,
    taken: Sequence[Taken],
    reservations: Sequence[NewReservation],
) -> bool:
    nested = connection.in_atomic_block
    ids = array_of([period_id for period_id, _ in taken])
    amounts = array_of([f"{units}e-10" for _, units in taken])
    rows = rows_of(reservations)
    with closing(cursor_that_prepares()) as cursor:
        with one_round_trip(), transaction.atomic():
            hold_shared(organization_id)
            with cursor_that_prepares() as locking:
                locking.execute(LOCK, [ids])
            cursor.execute(
                _RESERVE,
                [ids, amounts, revision, organization_id, organization_id, rows],
            )
            if nested:
                # Only a savepoint ends here; the desk locks anew, in its own order.
                fits = bool(cursor.fetchone()[0])
                transaction.set_rollback(not fits)
        return fits if nested else bool(cursor.fetchone()[0])


MOST_UNITS = 2**63 - 1  # that SQLite takes; no limit there is as high

_TAKE = """
UPDATE budgets_budgetperiod SET reserved = reserved + %s
WHERE id = %s AND spent + reserved + %s <= amount + carried_over + adjusted
"""


def _one_by_one(
    organization_id: int,
    revision: int,
    taken: Sequence[Taken],
    reservations: Sequence[NewReservation],
) -> bool:
    if any(units > MOST_UNITS for _, units in taken):
        return False
    with transaction.atomic(), connection.cursor() as cursor:
        fits = revision_of(organization_id) == revision
        if fits and taken:
            cursor.executemany(_TAKE, [(units, pk, units) for pk, units in taken])
            fits = cursor.rowcount == len(taken)
        if fits:
            insert(organization_id, reservations)
        else:
            transaction.set_rollback(True)
    return fits
