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
{without}) AS spend GROUP BY 1, 2
"""
# What fixed charges made of it; a partial index leads to them.
_FIXED = """
    UNION ALL
    SELECT coverage.budget_id, record.timestamp,
        -CASE WHEN coverage.currency = '' THEN record.total_cost ELSE other.amount END
    FROM ledger_costrecord AS record JOIN budgets_coverage AS coverage
        ON coverage.organization_id = record.organization_id
        AND coverage.attribution_id = record.attribution_id
        AND record.timestamp >= coverage.starts_at
        AND record.timestamp < coverage.ends_at
    LEFT JOIN ledger_convertedcost AS other
        ON other.organization_id = record.organization_id
        AND other.usage_id = record.usage_id
        AND other.correction = record.correction
        AND other.currency = coverage.currency
    WHERE record.organization_id = %(organization)s AND coverage.budget_id {mine}
        AND record.charge_id IS NOT NULL AND record.requests = 0
        AND record.timestamp >= %(start)s AND record.timestamp < %(end)s
"""


def rows(
    place: str, own: str, mine: str, given: Mapping[str, Any], *, fixed: bool
) -> list[Any]:
    """*own* and *mine* choose budgets among hours and among what is not rolled up;
    not *fixed*: what fixed charges made of it is left out."""
    without = "" if fixed else _FIXED.format(mine=mine)
    query = _SPENDS.format(place=place, own=own, mine=mine, without=without)
    with connection.cursor() as cursor:
        cursor.execute(query, given)
        return list(cursor.fetchall())
