"""Reservations on PostgreSQL: rows locked in one order, and few round trips."""

from collections.abc import Mapping, Sequence
from contextlib import closing

from django.db import connection, transaction

from accounts.locks import hold_shared
from budgets.models import Reservation
from budgets.reservations.sql.portable import COLUMNS, encode
from budgets.reservations.types import Balance, NewReservation, Taking
from lib.sql import cursor_that_prepares, one_round_trip
from lib.sql.postgresql import array_of

_LOCK = """
SELECT period.id, period.spent, period.reserved, period."limit"
FROM unnest(%s::bigint[]) WITH ORDINALITY AS wanted (id, place)
JOIN budgets_budgetperiod AS period USING (id)
ORDER BY wanted.place FOR UPDATE OF period
"""
_ADD = """
UPDATE budgets_budgetperiod AS period SET reserved = period.reserved + added.units
FROM unnest(%s::bigint[], %s::numeric[]) AS added (id, units)
WHERE period.id = added.id
"""

# What the columns are filled with, from the organization's id and `_rows_of`.
_NEW = (
    "uid, %s::bigint, kind, 'open', path, units, units, 0, 0, lines, details, at,"
    " expires_at, run_id"
)
_TYPES = (
    "uid uuid, kind text, path jsonb, units numeric, lines jsonb, details jsonb,"
    " at timestamptz, expires_at timestamptz, run_id text"
)
_INSERT = f"""
INSERT INTO budgets_reservation ({COLUMNS})
SELECT {_NEW} FROM jsonb_to_recordset(%s::jsonb) AS new ({_TYPES})
"""

# By the time it looks, what it looks at is locked.
TAKE = f"""
WITH wanted AS MATERIALIZED (
    SELECT id, units FROM unnest(%s::bigint[], %s::numeric[]) AS wanted (id, units)
), verdict AS MATERIALIZED (
    SELECT count(period.id) = count(*) AND coalesce(bool_and(
        period.spent + period.reserved + wanted.units <= period."limit"
    ), true) AND (
        SELECT revision = %s FROM accounts_organization WHERE id = %s
    ) AS fits
    FROM wanted LEFT JOIN budgets_budgetperiod AS period USING (id)
), taken AS (
    UPDATE budgets_budgetperiod AS period SET reserved = period.reserved + wanted.units
    FROM wanted, verdict WHERE verdict.fits AND period.id = wanted.id
), kept AS (
    INSERT INTO budgets_reservation ({COLUMNS})
    SELECT {_NEW} FROM verdict, jsonb_to_recordset(%s::jsonb) AS new ({_TYPES})
    WHERE verdict.fits
)
SELECT fits FROM verdict
"""

# What can change of a reservation once it is made.
_CHANGES = (
    "state text, held numeric, settled numeric, records int, lines jsonb,"
    " details jsonb, expires_at timestamptz, granted numeric, ended_at timestamptz"
)
_NAMES = tuple(change.split()[0] for change in _CHANGES.split(","))
_SAVE = f"""
UPDATE budgets_reservation AS row
SET {", ".join(f"{name} = new.{name}" for name in _NAMES)}
FROM jsonb_to_recordset(%s::jsonb) AS new (id bigint, {_CHANGES})
WHERE row.id = new.id
"""


def locked(period_ids: Sequence[int]) -> dict[int, Balance]:
    """Return how periods stand, by id; locked in the order of *period_ids*."""
    if not period_ids:
        return {}
    with cursor_that_prepares() as cursor:
        cursor.execute(_LOCK, [array_of(period_ids)])
        return {row[0]: Balance.of(*row) for row in cursor.fetchall()}


def add(units: Mapping[int, int]) -> None:
    """Add to what is reserved of periods, by id, all of them locked by the caller."""
    if not units:
        return
    amounts = array_of([f"{added}e-10" for added in units.values()])
    with cursor_that_prepares() as cursor:
        cursor.execute(_ADD, [array_of(list(units)), amounts])


def free(units: Mapping[int, int]) -> None:
    """Take off what is reserved of periods, by id; locked first, in that order."""
    locked(list(units))
    add({period_id: -freed for period_id, freed in units.items()})


def insert(organization_id: int, reservations: Sequence[NewReservation]) -> None:
    """Keep new reservations."""
    with cursor_that_prepares() as cursor:
        cursor.execute(_INSERT, [organization_id, _rows_of(reservations)])


def _rows_of(reservations: Sequence[NewReservation]) -> str:
    """Return reservations as a JSON array that rows are read from."""
    rows = [
        {
            "uid": one.uid,
            "kind": one.kind,
            "path": one.path,
            "units": f"{one.units}e-10",
            "lines": one.lines,
            "details": one.details,
            "at": one.at,
            "expires_at": one.expires_at,
            "run_id": one.run_id,
        }
        for one in reservations
    ]
    return encode(rows).decode()


def save(rows: Sequence[Reservation]) -> None:
    """Write what can change of reservations, locked by the caller."""
    if not rows:
        return
    values = [
        {"id": row.pk, **{name: getattr(row, name) for name in _NAMES}} for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.execute(_SAVE, [encode(values).decode()])


def take(
    organization_id: int,
    revision: int,
    takings: Sequence[Taking],
    reservations: Sequence[NewReservation],
) -> bool:
    """Do what `fast_path.hold_outright` says, in one round trip."""
    nested = connection.in_atomic_block
    ids = array_of([one.period_id for one in takings])
    amounts = array_of([f"{one.units}e-10" for one in takings])
    rows = _rows_of(reservations)
    with closing(cursor_that_prepares()) as cursor:
        with one_round_trip(), transaction.atomic():
            hold_shared(organization_id)
            _lock_first(ids)
            cursor.execute(
                TAKE,
                [ids, amounts, revision, organization_id, organization_id, rows],
            )
            if nested:
                # Only a savepoint ends here: whoever looks closer locks in its order.
                fits = bool(cursor.fetchone()[0])
                transaction.set_rollback(not fits)
        return fits if nested else bool(cursor.fetchone()[0])


def _lock_first(period_ids: str) -> None:
    """Lock periods, an array of ids in lock order, before a statement looks at them."""
    with cursor_that_prepares() as cursor:
        cursor.execute(_LOCK, [period_ids])
