"""Spend between moments on PostgreSQL, which finds the stretch of each by itself."""

from collections.abc import Sequence
from datetime import datetime

from forecasts.sql.portable import Spend, rows

_PLACE = "width_bucket(starts_at, %(edges)s::timestamptz[]) - 1"
_CHOSEN = "= ANY(%(budgets)s)"
# A range of ids is read at once, a list of them one by one: that takes three times as
# long, unless the range has many others in between.
_RANGE = "BETWEEN %(least)s AND %(most)s"
_SPARSE = 4  # ids of the range for each that is asked for


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
    least, most = min(budget_ids), max(budget_ids)
    is_sparse = most - least >= _SPARSE * len(budget_ids)
    given = {
        "organization": organization_id,
        "start": edges[0],
        "end": edges[-1],
        "budgets": list(budget_ids),
        "edges": list(edges),
        "least": least,
        "most": most,
    }
    own = _CHOSEN if is_sparse else _RANGE
    return rows(_PLACE, own, _CHOSEN, given, fixed=fixed)
