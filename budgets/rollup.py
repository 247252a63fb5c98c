"""Rolling spend deltas up into daily spend and budget hours, and reading both as one.

Ingest only appends deltas, which is fast. The worker rolls them up; until then whoever
reads adds them up, in one statement, so that no delta is seen twice or not at all.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction

from accounts.locks import hold_shared
from budgets.models import Budget
from ledger.models import SpendDelta
from lib.fields import MoneyField

# What PostgreSQL deletes it has to unpack as the view `ledger_spenddelta` does.
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

_DAYS = """
INSERT INTO ledger_dailyspend (organization_id, attribution_id, day, requests, unpriced,
    input_tokens, cached_tokens, output_tokens, cost)
SELECT organization_id, attribution_id, {day} AS day, sum(requests), sum(unpriced),
    sum(input_tokens), sum(cached_tokens), sum(output_tokens), sum(cost)
FROM {taken} WHERE currency = '' {mine}
GROUP BY organization_id, attribution_id, {day}
ORDER BY organization_id, day, attribution_id
ON CONFLICT (organization_id, day, attribution_id) DO UPDATE SET
    requests = ledger_dailyspend.requests + excluded.requests,
    unpriced = ledger_dailyspend.unpriced + excluded.unpriced,
    input_tokens = ledger_dailyspend.input_tokens + excluded.input_tokens,
    cached_tokens = ledger_dailyspend.cached_tokens + excluded.cached_tokens,
    output_tokens = ledger_dailyspend.output_tokens + excluded.output_tokens,
    cost = ledger_dailyspend.cost + excluded.cost
"""
_COVERED = """
    JOIN budgets_coverage AS coverage
    ON coverage.organization_id = delta.organization_id
    AND coverage.attribution_id = delta.attribution_id
    AND coverage.currency = delta.currency
    AND delta.starts_at >= coverage.starts_at AND delta.starts_at < coverage.ends_at
"""
_HOURS = """
INSERT INTO budgets_budgethour (organization_id, budget_id, starts_at, spent, requests)
SELECT delta.organization_id, coverage.budget_id, delta.starts_at,
    sum(delta.cost), sum(delta.requests)
FROM {taken} AS delta [covered]
WHERE 1 = 1 {mine}
GROUP BY delta.organization_id, coverage.budget_id, delta.starts_at
ORDER BY delta.organization_id, coverage.budget_id, delta.starts_at
ON CONFLICT (organization_id, budget_id, starts_at) DO UPDATE SET
    spent = budgets_budgethour.spent + excluded.spent,
    requests = budgets_budgethour.requests + excluded.requests
""".replace("[covered]", _COVERED)


class HourSpend(NamedTuple):
    """What a budget spent from `starts_at` on, within one clock hour of its zone."""

    budget_id: int
    starts_at: datetime
    spent: Decimal
    requests: int


@transaction.atomic
def roll_up(organization_id: int) -> None:
    """Roll up the deltas that are committed; safe beside ingest and other workers."""
    hold_shared(organization_id)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            days = _DAYS.format(
                day="(starts_at AT TIME ZONE 'UTC')::date", taken="taken", mine=""
            )
            hours = _HOURS.format(taken="taken", mine="")
            cursor.execute(f"{_TAKE}, days AS ({days}) {hours}", [organization_id])
            return
        days = _DAYS.format(
            day="substr(starts_at, 1, 10)",  # date() would round the last instant up
            taken="ledger_spenddelta",
            mine="AND organization_id = %s",
        )
        hours = _HOURS.format(
            taken="ledger_spenddelta", mine="AND delta.organization_id = %s"
        )
        cursor.execute(days, [organization_id])
        cursor.execute(hours, [organization_id])
        SpendDelta.objects.filter(organization=organization_id).delete()


def roll_up_all() -> int:
    """Roll up every organization that has deltas; return how many had."""
    waiting = SpendDelta.objects.order_by().values_list("organization_id", flat=True)
    ids = sorted(set(waiting.distinct()))
    for organization_id in ids:
        roll_up(organization_id)
    return len(ids)


_READ = """
SELECT budget_id, starts_at, sum(spent), sum(requests) FROM (
    SELECT budget_id, starts_at, spent, requests FROM budgets_budgethour
    WHERE organization_id = %s AND budget_id IN ({budgets})
        AND starts_at >= %s AND starts_at < %s
    UNION ALL
    SELECT coverage.budget_id, delta.starts_at, delta.cost, delta.requests
    FROM ledger_spenddelta AS delta [covered]
    WHERE delta.organization_id = %s AND coverage.budget_id IN ({budgets})
        AND delta.starts_at >= %s AND delta.starts_at < %s
) AS both_kinds GROUP BY budget_id, starts_at ORDER BY budget_id, starts_at
""".replace("[covered]", _COVERED)


def hours_of(
    budgets: Sequence[Budget], start: datetime, end: datetime
) -> Iterable[HourSpend]:
    """Return what *budgets* of one organization spent in [start, end), by clock hour.

    Exact, rolled up or not. An hour may come in parts. One query.
    """
    if not budgets:
        return []
    ids = [budget.pk for budget in budgets]
    organization_id = budgets[0].organization_id
    adapt = connection.ops.adapt_datetimefield_value
    between = [adapt(start), adapt(end)]
    marks = ", ".join(["%s"] * len(ids))
    with connection.cursor() as cursor:
        cursor.execute(
            _READ.format(budgets=marks),
            [organization_id, *ids, *between, organization_id, *ids, *between],
        )
        rows = cursor.fetchall()
    if connection.vendor == "postgresql":
        return [HourSpend(row[0], row[1], row[2], int(row[3])) for row in rows]
    field = MoneyField()
    return [
        HourSpend(
            budget_id,
            _moment(starts_at),
            field.from_db_value(spent, None, connection) or Decimal(0),
            requests,
        )
        for budget_id, starts_at, spent, requests in rows
    ]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def total_of(hours: Iterable[HourSpend]) -> Decimal:
    return sum((hour.spent for hour in hours), Decimal(0))
