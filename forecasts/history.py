"""What budgets spent, day by day: for looking ahead and judging.

Spend that is not rolled up yet is in it.
"""

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from budgets.models import Budget
from lib.money import from_units
from lib.periods import start_of

_ZERO = Decimal(0)


def since_first_spend(
    budget: Budget, midnights: Sequence[datetime], days: Sequence[Decimal]
) -> tuple[Decimal, ...]:
    """Return the days that are over, from the first whole one with spend.

    *days* are those between the *midnights*.
    """
    first = bisect_left(midnights, budget.starts_at)
    while first < len(days) and not days[first]:
        first += 1
    return tuple(days[first:])


@lru_cache(maxsize=8_192)  # days x zones
def midnight_of(day: date, zone: ZoneInfo) -> datetime:
    """Return when *day* begins in *zone*: remembered, for it is asked for often."""
    return start_of(day, zone)


# `{place}` numbers the stretch between two edges, from 0.
_SPENDS = """
SELECT budget_id, {place}, sum(spent) FROM (
    SELECT budget_id, starts_at, spent FROM budgets_budgethour
    WHERE organization_id = %(organization)s AND budget_id {own}
        AND starts_at >= %(start)s AND starts_at < %(end)s
    UNION ALL
    SELECT coverage.budget_id, delta.starts_at, delta.cost
    FROM ledger_spenddelta AS delta JOIN budgets_coverage AS coverage
        ON coverage.organization_id = delta.organization_id
        AND coverage.attribution_id = delta.attribution_id
        AND coverage.currency = delta.currency
        AND delta.starts_at >= coverage.starts_at
        AND delta.starts_at < coverage.ends_at
    WHERE delta.organization_id = %(organization)s AND coverage.budget_id {mine}
        AND delta.starts_at >= %(start)s AND delta.starts_at < %(end)s
) AS spend GROUP BY 1, 2
"""

# PostgreSQL reads a range of ids at once, a list of them one by one: that takes three
# times as long, unless the range has many others in between.
_RANGE = "BETWEEN %(least)s AND %(most)s"
_SPARSE = 4  # ids of the range for each that is asked for


def spends_between(
    organization_id: int, budget_ids: Sequence[int], edges: Sequence[datetime]
) -> Mapping[int, Sequence[Decimal]]:
    """Return what each budget spent from each of *edges* to the next."""
    adapt = connection.ops.adapt_datetimefield_value
    cuts = [adapt(edge) for edge in edges]
    given: dict[str, Any] = {
        "organization": organization_id,
        "start": cuts[0],
        "end": cuts[-1],
    }
    if connection.vendor == "postgresql":
        given |= {"budgets": list(budget_ids), "edges": list(edges)}
        least, most = min(budget_ids), max(budget_ids)
        given |= {"least": least, "most": most}
        mine = "= ANY(%(budgets)s)"
        is_sparse = most - least >= _SPARSE * len(budget_ids)
        own = mine if is_sparse else _RANGE
        place = "width_bucket(starts_at, %(edges)s::timestamptz[]) - 1"
    else:
        given |= {"budgets": json.dumps(list(budget_ids))}
        given |= {f"edge_{place}": cut for place, cut in enumerate(cuts)}
        mine = own = "IN (SELECT value FROM json_each(%(budgets)s))"
        place = _search(0, len(cuts) - 1)
    statement = _SPENDS.format(place=place, own=own, mine=mine)
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        rows = cursor.fetchall()
    found: dict[int, list[Decimal]] = defaultdict(lambda: [_ZERO] * len(edges))
    exact = connection.vendor == "postgresql"  # there the driver makes it a Decimal
    for budget_id, number, spent in rows:
        found[budget_id][number] = spent if exact else from_units(spent)
    return found


def _search(low: int, high: int) -> str:
    """Write the search for the stretch from edge *low* to edge *high* as SQL."""
    if high - low == 1:
        return str(low)
    middle = (low + high) // 2
    left, right = _search(low, middle), _search(middle, high)
    return f"CASE WHEN starts_at < %(edge_{middle})s THEN {left} ELSE {right} END"
