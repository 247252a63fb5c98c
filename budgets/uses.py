"""What a budget was charged for, use by use, in the order of time; any number of them.

What was booked of a use at one time stands side by side: differences in its cost make
one use with it, and what a correction took off is none.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from budgets.models import Budget
from ledger.models import Attribution
from ledger.snapshot import dimensions_of
from ledger.types import Dimensions, Tags
from lib.fields import RateField
from lib.money import to_units
from lib.roundtrips import streaming

_Row = Sequence[Any]  # as _USES has it

_CHUNK = 2_000  # rows read at once
_MOST_PLACES = 50_000  # attributions remembered

# By usage id and correction, so that what corrects a use follows it: what takes it off
# is numbered below zero, and comes before what counts from then on.
_USES = """
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
_ATTRIBUTION, _REQUESTS = 3, -1  # places in a row


class UsedTokens(NamedTuple):
    """As `ledger.tariffs.Tariff.cost` takes them."""

    input: int
    cached: int
    cache_write: int
    output: int
    reasoning: int


class Attributed(NamedTuple):
    """What a use belongs to."""

    dimensions: Dimensions
    tags: Tags


class Use(NamedTuple):
    """One use of a model, with all its corrections; money in units of 10^-10."""

    at: datetime
    place: Attributed
    tokens: UsedTokens
    tier: str
    reported: bool  # the sender named the cost
    cost: int | None  # organization's currency; None: no price is known
    charged: int  # in the budget's currency
    rate: Decimal | None  # of it in the organization's; None: they are the same


def uses_of(budget: Budget, start: datetime, end: datetime) -> Iterator[Use]:
    """Yield what *budget* was charged for in [start, end), oldest first.

    Streamed: neither here nor in the database is there ever more than a part of it.
    One query, and one for every two thousand uses that belong to something new.
    """
    adapt = connection.ops.adapt_datetimefield_value
    given = [budget.organization_id, budget.pk, adapt(start), adapt(end)]
    with streaming(), connection.chunked_cursor() as cursor:
        cursor.execute(_USES, given)
        chunks = iter(lambda: cursor.fetchmany(_CHUNK), [])
        yield from _whole(_placed(chunks))


def _placed(chunks: Iterable[Sequence[_Row]]) -> Iterator[tuple[_Row, Attributed]]:
    """Yield each row with what it belongs to."""
    known: dict[int, Attributed] = {}
    for chunk in chunks:
        if len(known) > _MOST_PLACES:
            known.clear()
        missing = {row[_ATTRIBUTION] for row in chunk} - known.keys()
        if missing:
            for found in Attribution.objects.filter(pk__in=missing):
                known[found.pk] = Attributed(dimensions_of(found), found.tags)
        for row in chunk:
            yield row, known[row[_ATTRIBUTION]]


def _whole(placed: Iterable[tuple[_Row, Attributed]]) -> Iterator[Use]:
    """Yield uses, each with the differences in cost that follow it."""
    use: Use | None = None
    for row, place in placed:
        if row[_REQUESTS] < 0:
            use = None  # taken off by a correction
        elif use is not None and not row[_REQUESTS]:
            use = _corrected(use, row)
        else:
            if use is not None:
                yield use
            use = _use_of(row, place)
    if use is not None:
        yield use


def _use_of(row: _Row, place: Attributed) -> Use:
    cost, charged, rate = _amounts(row)
    return Use(
        at=_moment(row[0]),
        place=place,
        tokens=UsedTokens._make(row[4:9]),
        tier=row[9],
        reported=bool(row[10]),
        cost=cost,
        charged=charged,
        rate=rate,
    )


def _corrected(use: Use, row: _Row) -> Use:
    cost, charged, rate = _amounts(row)
    return use._replace(
        cost=use.cost if cost is None else cost + (use.cost or 0),
        charged=use.charged + charged,
        rate=use.rate or rate,
    )


def _amounts(row: _Row) -> tuple[int | None, int, Decimal | None]:
    cost, converted, rate, currency = row[11:_REQUESTS]
    own = None if cost is None else _units(cost)
    if not currency:  # the budget's is the organization's
        return own, own or 0, None
    if converted is None:
        return own, 0, None
    return own, _units(converted), _rate(rate)


# PostgreSQL's driver makes what it is; SQLite has moments without a zone, money and
# rates as whole numbers.


def _moment(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def _units(value: Any) -> int:
    return value if isinstance(value, int) else to_units(value)


def _rate(value: Any) -> Decimal:
    if isinstance(value, int):
        return Decimal(value).scaleb(-RateField.places)
    rate: Decimal = value
    return rate
