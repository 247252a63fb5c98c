"""Setting money aside on budget periods, so that it can't be spent twice.

Whoever reserves locks the periods it concerns, the root last, sees what is left of each
and writes what it took, in one transaction. Whoever ends a reservation locks its row
first and the periods then: settling does both in the transaction that books the usage.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import F

from budgets.charging import Charging
from budgets.index import Place, Target
from budgets.models import BudgetPeriod, Reservation
from budgets.types import Freed
from ledger.pricing import convert
from ledger.stored import Values, array_of, forms
from ledger.types import Stretch
from lib.money import stored_units
from lib.roundtrips import cursor_that_prepares, one_round_trip

_encode = msgspec.json.Encoder().encode
Key = tuple[int, datetime]  # of a period: budget id, start


class Line(NamedTuple):
    """What a reservation holds of one period; units of 10^-10, in its currency.

    Kept as a JSON array.
    """

    budget_id: int
    starts_at: str  # ISO 8601
    period_id: int
    units: int

    def place(self, level: int) -> Place:
        """Return where the period comes in the lock order; *level* is its budget's."""
        return -level, self.budget_id, datetime.fromisoformat(self.starts_at)


@dataclass(slots=True)
class PeriodMoney:
    """The money of one period, in units of 10^-10 of its budget's currency."""

    period_id: int
    spent: int
    reserved: int
    limit: int
    taken: int = 0  # of what is reserved: by the present transaction

    @property
    def left(self) -> int:
        return self.limit - self.spent - self.reserved


@dataclass(slots=True, kw_only=True)
class NewReservation:
    """What `Standings.write` keeps of one reservation."""

    uid: UUID
    kind: str
    path: msgspec.Raw  # JSON
    units: int  # in the organization's currency
    lines: Sequence[Line]
    details: Mapping[str, Any]
    at: datetime
    expires_at: datetime


@dataclass(slots=True)
class Standings:
    """The periods that some decisions concern, as they stand in this transaction.

    Those of hard-limited budgets are locked, so what is left of them stays left until
    commit; the others are for rules to look at.
    """

    organization_id: int
    of: dict[Key, PeriodMoney] = field(default_factory=dict)

    @classmethod
    def lock(cls, charging: Charging, targets: Iterable[Target]) -> "Standings":
        """Read the periods of *targets*, opening those not yet there."""
        found = cls(charging.organization_id)
        ordered = sorted(
            {target.key: target for target in targets}.values(),
            key=lambda target: target.place,
        )
        if not ordered:
            return found
        ids = charging.ids_of(ordered)
        hard = [ids[target.key] for target in ordered if target.node.hard]
        soft = [ids[target.key] for target in ordered if not target.node.hard]
        by_id = _locked(hard) | _read(soft)
        for target in ordered:
            found.of[target.key] = by_id[ids[target.key]]
        return found

    def take(self, target: Target, units: int) -> Line:
        """Set *units* aside on the period of *target*; the caller saw that they fit."""
        standing = self.of[target.key]
        standing.reserved += units
        standing.taken += units
        return Line(target.node.id, target.starts_at, standing.period_id, units)

    def write(self, reservations: Sequence[NewReservation]) -> None:
        """Keep what was taken, and for what."""
        taken = {one.period_id: one.taken for one in self.of.values() if one.taken}
        with one_round_trip():
            add_reserved(taken)
            if reservations:
                insert(self.organization_id, reservations)


LOCK = """
SELECT period.id, period.spent, period.reserved,
    period.amount + period.carried_over + period.adjusted
FROM unnest(%s::bigint[]) WITH ORDINALITY AS wanted (id, place)
JOIN budgets_budgetperiod AS period USING (id)
ORDER BY wanted.place FOR UPDATE OF period
"""


def _locked(ids: Sequence[int]) -> dict[int, PeriodMoney]:
    """Read periods, locked in the order of *ids*."""
    if not ids or connection.vendor != "postgresql":
        return _read(ids)  # SQLite has one writer at a time
    with cursor_that_prepares() as cursor:
        cursor.execute(LOCK, [array_of(ids)])
        return {row[0]: _money(*row) for row in cursor.fetchall()}


def _read(ids: Sequence[int]) -> dict[int, PeriodMoney]:
    if not ids:
        return {}
    limit = F("amount") + F("carried_over") + F("adjusted")
    rows = BudgetPeriod.objects.filter(pk__in=ids)
    return {
        row[0]: _money(*row)
        for row in rows.values_list("pk", "spent", "reserved", limit)
    }


def _money(
    period_id: int, spent: Decimal, reserved: Decimal, limit: Decimal
) -> PeriodMoney:
    units = stored_units
    return PeriodMoney(period_id, units(spent), units(reserved), units(limit))


_ADD = """
UPDATE budgets_budgetperiod AS period SET reserved = period.reserved + added.units
FROM unnest(%s::bigint[], %s::numeric[]) AS added (id, units)
WHERE period.id = added.id
"""
_ADD_ONE = "UPDATE budgets_budgetperiod SET reserved = reserved + %s WHERE id = %s"


def add_reserved(units: Mapping[int, int]) -> None:
    """Add to what is reserved of periods, by id, all of them locked by the caller."""
    if not units:
        return
    with cursor_that_prepares() as cursor:
        if connection.vendor == "postgresql":
            amounts = array_of([f"{added}e-10" for added in units.values()])
            cursor.execute(_ADD, [array_of(list(units)), amounts])
        else:
            cursor.executemany(
                _ADD_ONE, [(added, period) for period, added in units.items()]
            )


def free(freed: Mapping[int, Freed]) -> None:
    """Give back what reservations held, in the order in which periods are locked."""
    ordered = sorted(freed, key=lambda period_id: freed[period_id].place)
    if connection.vendor == "postgresql" and ordered:
        _locked(ordered)
    add_reserved({period_id: -freed[period_id].units for period_id in ordered})


COLUMNS = (
    "uid, organization_id, kind, state, path, granted, held, settled, records, lines,"
    " details, at, expires_at"
)
# What PostgreSQL fills them with, from the organization's id and `rows_of`.
NEW = (
    "uid, %s::bigint, kind, 'open', path, units, units, 0, 0, lines, details, at,"
    " expires_at"
)
TYPES = (
    "uid uuid, kind text, path jsonb, units numeric, lines jsonb, details jsonb,"
    " at timestamptz, expires_at timestamptz"
)
_INSERT_ALL = f"""
INSERT INTO budgets_reservation ({COLUMNS})
SELECT {NEW} FROM jsonb_to_recordset(%s::jsonb) AS new ({TYPES})
"""  # noqa: S608 - constants only
_INSERT = f"""
INSERT INTO budgets_reservation ({COLUMNS})
VALUES (%s, %s, %s, 'open', %s, %s, %s, 0, 0, %s, %s, %s, %s)
"""  # noqa: S608 - constants only


def insert(organization_id: int, reservations: Sequence[NewReservation]) -> None:
    with cursor_that_prepares() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_INSERT_ALL, [organization_id, rows_of(reservations)])
        else:
            moment = forms().moment
            cursor.executemany(
                _INSERT, [_values(organization_id, one, moment) for one in reservations]
            )


def rows_of(reservations: Sequence[NewReservation]) -> str:
    """Return reservations as a JSON array that PostgreSQL reads rows from."""
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
        }
        for one in reservations
    ]
    return _encode(rows).decode()


def _values(
    organization_id: int, one: NewReservation, moment: Callable[[datetime], object]
) -> Values:
    """Return a row as SQLite keeps it."""
    return (
        one.uid.hex,
        organization_id,
        one.kind,
        _encode(one.path).decode(),
        one.units,
        one.units,
        _encode(one.lines).decode(),
        _encode(one.details).decode(),
        moment(one.at),
        moment(one.expires_at),
    )


# What can change of a reservation once it is made.
_CHANGES = (
    "state text, held numeric, settled numeric, records int, lines jsonb,"
    " details jsonb, expires_at timestamptz, granted numeric, ended_at timestamptz"
)
_NAMES = tuple(change.split()[0] for change in _CHANGES.split(","))
_SAVE_ALL = f"""
UPDATE budgets_reservation AS row
SET {", ".join(f"{name} = new.{name}" for name in _NAMES)}
FROM jsonb_to_recordset(%s::jsonb) AS new (id bigint, {_CHANGES})
WHERE row.id = new.id
"""  # noqa: S608 - constants only


def save(rows: Sequence[Reservation]) -> None:
    """Write what can change of reservations, locked by the caller."""
    if not rows:
        return
    if connection.vendor != "postgresql":
        Reservation.objects.bulk_update(rows, _NAMES)
        return
    values = [
        {"id": row.pk, **{name: getattr(row, name) for name in _NAMES}} for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.execute(_SAVE_ALL, [_encode(values).decode()])


def in_currency(stretch: Stretch, target: Target, units: int) -> int:
    """Turn *units* of the organization's currency into those of the target's budget."""
    if not target.currency:
        return units
    return convert(units, dict(stretch.currencies)[target.currency])
