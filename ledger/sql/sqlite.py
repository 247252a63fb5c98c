"""The ledger's rows on SQLite: executemany, JSON for arrays, times as text."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

from django.db import IntegrityError, connection
from django.db.models import Func

from ledger.errors import AlreadyThere
from ledger.sql.portable import DELTA, Piece, Slice, Values, chosen_by, insert_of
from lib.money import from_units

_T = TypeVar("_T")
_DELTAS = f"ledger_spenddelta (organization_id, attribution_id, {DELTA})"


def insert(pieces: Iterator[Piece], meanwhile: Callable[[], _T]) -> _T:
    """Insert rows as they are made, and return what *meanwhile* does then.

    Raises:
        AlreadyThere: one of them has the unique key of another row.
    """
    try:
        with connection.cursor() as cursor:
            for target, same in groupby(pieces, key=attrgetter("target")):
                rows = [row for piece in same for row in piece.rows]
                cursor.executemany(insert_of(target), rows)
    except IntegrityError as error:
        if "UNIQUE" not in str(error):
            raise
        raise AlreadyThere from error
    return meanwhile()


def ready_deltas(organization_id: int, rows: Sequence[Values]) -> Sequence[Values]:
    """Return what `insert_deltas` inserts."""
    return [(organization_id, *row) for row in rows]


def insert_deltas(ready: Sequence[Values]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(insert_of(_DELTAS), ready)


_INSERT_ATTRIBUTIONS = """
INSERT INTO ledger_attribution (
    organization_id, digest, tags, sent_user, sent_provider, department, team,
    project, environment, "user", provider, model, model_version, sent_model
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""


def insert_attributions(rows: Sequence[Values]) -> None:
    """Insert attributions, but for those that others have added meanwhile."""
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT_ATTRIBUTIONS, rows)


# Numbers as rows: one parameter, see `numbers`, however many there are.
ELEMENTS = "SELECT value FROM json_each(%s)"


def numbers(ids: Iterable[int]) -> Sequence[int] | str:
    """Return *ids* as the parameter of ELEMENTS."""
    return json.dumps(list(ids))


def elements_of(ids: Iterable[int]) -> Func:
    """Return *ids* for an `__in` filter, of which there may be very many."""
    return chosen_by(ELEMENTS, numbers(ids))


SLICES = """
    SELECT value->>0 AS starts_at, value->>1 AS ends_at, value->>2 AS bucket,
        substr(value->>0, 1, 10) AS first_day, substr(value->>1, 1, 10) AS next_day
    FROM json_each(%s)
"""


def slices_of(slices: Sequence[Slice]) -> list[object]:
    """Return *slices* as the parameters of SLICES."""
    # Django writes times on SQLite, which compares them as text, without an offset.
    rows = [(str(start)[:-6], str(end)[:-6], bucket) for start, end, bucket in slices]
    return [json.dumps(rows)]


# What was metered beside plain tokens, as rows; sums of text are those of its numbers.
EACH_KIND = {
    "each": "json_each(quantities) AS metered",
    "kind": "metered.key",
    "amount": "metered.value",
}


def sums(statement: str, parameters: Sequence[Any]) -> list[Values]:
    """Return the rows of a long statement that adds up."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def total_of(sum_of_costs: int | Decimal) -> Decimal:
    """Return what the sum of a column of costs says: units of 10^-10."""
    return from_units(int(sum_of_costs))
