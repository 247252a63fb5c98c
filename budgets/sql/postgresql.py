"""Charging on PostgreSQL: all periods of a batch in one statement, locked in order."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db import connection

from budgets.sql.portable import (
    DAYS,
    HOURS,
    Charged,
    Packed,
    hour_rows,
    quarter_rows,
)
from budgets.types import QUARTER_S, Added, HourSpend, Quarter
from lib.sql.postgresql import array_of

# FOR UPDATE takes the locks in the order of the arrays; a plain UPDATE .. FROM would
# take them in whatever order the planner likes.
_ADD = """
WITH added AS MATERIALIZED (
    SELECT * FROM unnest(
        %s::bigint[], %s::numeric[], %s::bigint[], %s::bigint[], %s::numeric[]
    ) WITH ORDINALITY AS added (id, spent, requests, unpriced, freed, place)
), locked AS MATERIALIZED (
    SELECT added.* FROM added JOIN budgets_budgetperiod AS period USING (id)
    ORDER BY added.place FOR UPDATE OF period
)
UPDATE budgets_budgetperiod AS period SET
    spent = period.spent + locked.spent,
    requests = period.requests + locked.requests,
    unpriced_requests = period.unpriced_requests + locked.unpriced,
    reserved = period.reserved - coalesce(locked.freed, 0),
    late_spend = period.late_spend
        + CASE WHEN period.closed_at IS NULL THEN 0 ELSE locked.spent END
FROM locked WHERE period.id = locked.id
RETURNING period.id, period.spent, period."limit"
"""
# What is deleted has to be unpacked as the view `ledger_spenddelta` does.
_TAKE = """
WITH batches AS (DELETE FROM ledger_spendbatch WHERE organization_id = %s RETURNING *),
taken AS (
    SELECT batches.organization_id, delta.*
    FROM batches CROSS JOIN LATERAL unnest(batches.attribution_ids, batches.starts_at,
        batches.currency, batches.requests, batches.unpriced, batches.input_tokens,
        batches.cached_tokens, batches.output_tokens, batches.cost)
        AS delta (attribution_id, starts_at, currency, requests, unpriced, input_tokens,
            cached_tokens, output_tokens, cost)
)
"""
_DAY = "(starts_at AT TIME ZONE 'UTC')::date"
_QUARTER = f"floor(extract(epoch FROM record.timestamp) / {QUARTER_S})::bigint"


def packed(sums: Sequence[Added]) -> Packed:
    """Return *sums* as `add_to_periods` takes them: three arrays."""
    return (
        array_of([f"{of.spent}e-10" for of in sums]),
        array_of([of.requests for of in sums]),
        array_of([of.unpriced for of in sums]),
    )


def add_to_periods(
    ids: Sequence[int], sums: Packed, freed: Sequence[int] = ()
) -> list[Charged]:
    """Add *sums* to the periods *ids*, in lock order, and take off what is *freed*.

    *freed* is empty or has units of 10^-10 for each of them.
    """
    units = array_of([f"{unit}e-10" for unit in freed])
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [array_of(ids), *sums, units])
        return list(cursor.fetchall())


def roll_up(organization_id: int) -> None:
    """Bring the committed deltas into daily spend and budget hours."""
    days = DAYS.format(day=_DAY, taken="taken", mine="")
    hours = HOURS.format(taken="taken", mine="")
    with connection.cursor() as cursor:
        cursor.execute(f"{_TAKE}, days AS ({days}) {hours}", [organization_id])


def hours_between(
    organization_id: int,
    budget_ids: Sequence[int],
    start: datetime,
    end: datetime,
    *,
    summed: bool = False,
) -> list[HourSpend]:
    """Return what budgets spent in [start, end), by clock hour. One query.

    *summed*: in one sum for each, beginning with its first hour that was used.
    """
    rows = hour_rows(organization_id, budget_ids, start, end, summed=summed)
    return [HourSpend(row[0], row[1], row[2], int(row[3])) for row in rows]


def quarters_between(
    organization_id: int,
    budget_ids: Sequence[int],
    start: datetime,
    end: datetime,
    upto_id: int,
) -> list[Quarter]:
    """Add up, from the cost records alone, what budgets spent in [start, end)."""
    rows = quarter_rows(
        _QUARTER, "1::numeric", organization_id, budget_ids, start, end, upto_id
    )
    return [
        Quarter.numbered(budget_id, number, spent or Decimal(0), *counts)
        for budget_id, number, spent, *counts in rows
    ]
