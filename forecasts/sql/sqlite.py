"""Spend between moments on SQLite, where the search for the stretch is written out."""

import json
from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from forecasts.sql.portable import Spend, rows
from lib.money import from_units

_CHOSEN = "IN (SELECT value FROM json_each(%(budgets)s))"


def spends(
    organization_id: int,
    budget_ids: Sequence[int],
    edges: Sequence[datetime],
    *,
    fixed: bool,
) -> list[Spend]:
    """Return what each budget spent from each of *edges* to the next. One query.

    Not *fixed*: without what it was charged by fixed charges.
    """
    adapt = connection.ops.adapt_datetimefield_value
    cuts = [adapt(edge) for edge in edges]
    given = {
        "organization": organization_id,
        "start": cuts[0],
        "end": cuts[-1],
        "budgets": json.dumps(list(budget_ids)),
        **{f"edge_{place}": cut for place, cut in enumerate(cuts)},
    }
    found = rows(_search(0, len(cuts) - 1), _CHOSEN, _CHOSEN, given, fixed=fixed)
    return [
        (budget_id, number, from_units(units)) for budget_id, number, units in found
    ]


def _search(low: int, high: int) -> str:
    """Write the search for the stretch from edge *low* to edge *high* as SQL."""
    if high - low == 1:
        return str(low)
    middle = (low + high) // 2
    left, right = _search(low, middle), _search(middle, high)
    return f"CASE WHEN starts_at < %(edge_{middle})s THEN {left} ELSE {right} END"
