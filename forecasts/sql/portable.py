"""What both databases are asked in nearly the same words."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import connection

Spend = tuple[int, int, Decimal]  # budget id, number of the stretch from 0, money

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


def rows(place: str, own: str, mine: str, given: Mapping[str, Any]) -> list[Any]:
    """*own* and *mine* choose budgets among hours and among what is not rolled up."""
    with connection.cursor() as cursor:
        cursor.execute(_SPENDS.format(place=place, own=own, mine=mine), given)
        return list(cursor.fetchall())
