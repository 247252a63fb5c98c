"""What both databases are asked in the same words, or nearly."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from django.db import connection

from lib.fields import MoneyField
from lib.measures import REQUESTS, TOKENS
from lib.sql import streaming

Packed = Sequence[Any]  # what is to be added to periods, as the database takes it
Charged = tuple[int, Decimal, Decimal]  # a period's id, its spend and its limit

DAYS = """
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
HOURS = """
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
_HOURS_AND_DELTAS = """(
    SELECT budget_id, starts_at, spent, requests FROM budgets_budgethour
    WHERE organization_id = %s AND budget_id IN ({budgets})
        AND starts_at >= %s AND starts_at < %s
    UNION ALL
    SELECT coverage.budget_id, delta.starts_at, delta.cost, delta.requests
    FROM ledger_spenddelta AS delta [covered]
    WHERE delta.organization_id = %s AND coverage.budget_id IN ({budgets})
        AND delta.starts_at >= %s AND delta.starts_at < %s
) AS both_kinds""".replace("[covered]", _COVERED)
_READ_HOURS = f"""
SELECT budget_id, starts_at, sum(spent), sum(requests) FROM {_HOURS_AND_DELTAS}
GROUP BY budget_id, starts_at ORDER BY budget_id, starts_at
"""
_READ_SUMS = f"""
SELECT budget_id, min(starts_at), sum(spent), sum(requests) FROM {_HOURS_AND_DELTAS}
GROUP BY budget_id
"""
_READ_QUARTERS = """
SELECT coverage.budget_id, {quarter} AS quarter,
    sum(CASE coverage.currency WHEN '' THEN record.total_cost
        WHEN '{tokens}' THEN (record.input_tokens + record.output_tokens) * {whole}
        WHEN '{requests}' THEN record.requests * {whole}
        ELSE converted.amount END),
    sum(record.requests), sum(record.unpriced)
FROM ledger_costrecord AS record
JOIN budgets_coverage AS coverage
    ON coverage.organization_id = record.organization_id
    AND coverage.attribution_id = record.attribution_id
    AND record.timestamp >= coverage.starts_at AND record.timestamp < coverage.ends_at
LEFT JOIN ledger_convertedcost AS converted
    ON coverage.currency <> '' AND converted.currency = coverage.currency
    AND converted.organization_id = record.organization_id
    AND converted.usage_id = record.usage_id
    AND converted.correction = record.correction
WHERE record.organization_id = %s AND record.timestamp >= %s AND record.timestamp < %s
    AND record.id <= %s AND coverage.budget_id IN ({budgets})
GROUP BY coverage.budget_id, {quarter}
"""
_ADD_TO_BACKFILLED = """
UPDATE budgets_budgetperiod SET spent = spent + %s, requests = requests + %s,
    unpriced_requests = unpriced_requests + %s WHERE id = %s
"""
_ADD_HOUR = """
INSERT INTO budgets_budgethour (organization_id, budget_id, starts_at, spent, requests)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (organization_id, budget_id, starts_at) DO UPDATE SET
    spent = budgets_budgethour.spent + excluded.spent,
    requests = budgets_budgethour.requests + excluded.requests
"""


def hour_rows(
    organization_id: int,
    budget_ids: Sequence[int],
    start: datetime,
    end: datetime,
    *,
    summed: bool = False,
) -> list[Any]:
    """*summed*: one row for each budget, with its first hour."""
    adapt = connection.ops.adapt_datetimefield_value
    asked = [organization_id, *budget_ids, adapt(start), adapt(end)]
    read = _READ_SUMS if summed else _READ_HOURS
    statement = read.format(budgets=_marks(budget_ids))
    with connection.cursor() as cursor:
        cursor.execute(statement, [*asked, *asked])
        return list(cursor.fetchall())


def quarter_rows(
    quarter: str,
    whole: str,
    organization_id: int,
    budget_ids: Sequence[int],
    start: datetime,
    end: datetime,
    upto_id: int,
) -> list[Any]:
    """*quarter* numbers the quarter of an hour of a record, in SQL; *whole* is how 1
    of an amount is kept."""
    adapt = connection.ops.adapt_datetimefield_value
    statement = _READ_QUARTERS.format(
        quarter=quarter,
        whole=whole,
        tokens=TOKENS,
        requests=REQUESTS,
        budgets=_marks(budget_ids),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            [organization_id, adapt(start), adapt(end), upto_id, *budget_ids],
        )
        return list(cursor.fetchall())


def _marks(ids: Sequence[int]) -> str:
    return ", ".join(["%s"] * len(ids))


def add_to_backfilled(
    sums: Sequence[tuple[int, Decimal, int, int]],
) -> None:
    """Add to periods, in this order: their ids, what was spent, requests, unpriced."""
    with connection.cursor() as cursor:
        cursor.executemany(
            _ADD_TO_BACKFILLED,
            [
                (_stored(spent), requests, unpriced, period_id)
                for period_id, spent, requests, unpriced in sums
            ],
        )


def add_hours(
    organization_id: int, sums: Sequence[tuple[int, datetime, Decimal, int]]
) -> None:
    """Add to budget hours: budget id, start, what was spent, requests."""
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.executemany(
            _ADD_HOUR,
            [
                (organization_id, budget_id, adapt(hour), _stored(spent), requests)
                for budget_id, hour, spent, requests in sums
            ],
        )


def _stored(amount: Decimal) -> Decimal | int:
    """Return *amount* as the database keeps it."""
    stored: Decimal | int = MoneyField().get_db_prep_value(amount, connection)
    return stored


# By usage id and correction, so that what corrects a use follows it: what takes it off
# is numbered below zero, and comes before what counts from then on.
_BOOKED = """
SELECT record.timestamp, record.usage_id, record.correction, record.attribution_id,
    record.input_tokens, record.cached_tokens, record.cache_write_tokens,
    record.output_tokens, record.reasoning_tokens, record.service_tier,
    record.reported, record.total_cost, converted.amount, converted.rate,
    coverage.currency, record.requests
FROM ledger_costrecord AS record
JOIN budgets_coverage AS coverage
    ON coverage.organization_id = record.organization_id
    AND coverage.attribution_id = record.attribution_id
    AND record.timestamp >= coverage.starts_at AND record.timestamp < coverage.ends_at
LEFT JOIN ledger_convertedcost AS converted
    ON coverage.currency <> '' AND converted.currency = coverage.currency
    AND converted.organization_id = record.organization_id
    AND converted.usage_id = record.usage_id
    AND converted.correction = record.correction
WHERE record.organization_id = %s AND coverage.budget_id = %s
    AND record.timestamp >= %s AND record.timestamp < %s
ORDER BY record.timestamp, record.usage_id, abs(record.correction), record.correction
"""


def booked(
    organization_id: int,
    budget_id: int,
    start: datetime,
    end: datetime,
    *,
    at_once: int,
) -> Iterator[Sequence[Sequence[Any]]]:
    """Yield what a budget was charged for in [start, end), so many rows at once."""
    adapt = connection.ops.adapt_datetimefield_value
    given = [organization_id, budget_id, adapt(start), adapt(end)]
    with streaming(), connection.chunked_cursor() as cursor:
        cursor.execute(_BOOKED, given)
        yield from iter(lambda: cursor.fetchmany(at_once), [])


# What was exchanged alike stands together: a source without a currency was not.
_EXCHANGED = """
SELECT attribution.model, record.source_currency, record.exchange_rate, converted.rate,
    sum(record.source_cost), sum(record.total_cost),
    sum(CASE WHEN coverage.currency = '' THEN record.total_cost
        ELSE converted.amount END),
    sum(record.requests), sum(record.input_tokens + record.output_tokens)
FROM ledger_costrecord AS record
JOIN budgets_coverage AS coverage
    ON coverage.organization_id = record.organization_id
    AND coverage.attribution_id = record.attribution_id
    AND record.timestamp >= coverage.starts_at AND record.timestamp < coverage.ends_at
JOIN ledger_attribution AS attribution ON attribution.id = record.attribution_id
LEFT JOIN ledger_convertedcost AS converted
    ON coverage.currency <> '' AND converted.currency = coverage.currency
    AND converted.organization_id = record.organization_id
    AND converted.usage_id = record.usage_id
    AND converted.correction = record.correction
WHERE record.organization_id = %s AND coverage.budget_id = %s
    AND record.timestamp >= %s AND record.timestamp < %s
    AND {among}
GROUP BY attribution.model, record.source_currency, record.exchange_rate, converted.rate
"""
_AMONG = {
    "priced": "record.total_cost IS NOT NULL",
    # Found by indexes of their own: there are few.
    "foreign": "record.total_cost IS NOT NULL AND NOT (record.source_currency = '')",
    "unpriced": "record.total_cost IS NULL",
}


class ExchangedSums(NamedTuple):
    """What was booked of one model at one pair of rates; as the database keeps it."""

    model: str
    source_currency: str
    exchange_rate: Decimal | int | None
    converted_rate: Decimal | int | None
    amounts: Sequence[Decimal | int | None]  # source, organization's, charged
    counts: Sequence[int | None]  # requests, tokens


def exchanged(
    organization_id: int,
    budget_id: int,
    start: datetime,
    end: datetime,
    among: Literal["priced", "foreign", "unpriced"],
) -> list[ExchangedSums]:
    """Return what a budget was charged for in [start, end), by model and rates.

    *among* the records that have a price, of these the ones that came with a currency
    of their own, or those that have no price.
    """
    adapt = connection.ops.adapt_datetimefield_value
    statement = _EXCHANGED.format(among=_AMONG[among])
    with connection.cursor() as cursor:
        cursor.execute(
            statement, [organization_id, budget_id, adapt(start), adapt(end)]
        )
        rows = cursor.fetchall()
    return [
        ExchangedSums(model, source, rate, converted, row[:3], row[3:])
        for model, source, rate, converted, *row in rows
    ]
