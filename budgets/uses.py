"""What a budget was charged for, use by use, in the order of time; any number of them.

What was booked of a use at one time stands side by side: differences in its cost make
one use with it, and what a correction took off is none.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from budgets import sql
from budgets.models import Budget
from ledger.models import Attribution
from ledger.snapshot import dimensions_of
from ledger.types import Dimensions, Tags
from lib.fields import RateField
from lib.measures import counted, is_mark
from lib.money import to_units

_Row = Sequence[Any]  # as sql.booked has it

_CHUNK = 2_000  # rows read at once
_MOST_PLACES = 50_000  # attributions remembered

_USAGE, _ATTRIBUTION, _INPUT, _OUTPUT, _REQUESTS = 1, 3, 4, 7, -1  # places in a row


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
    charged: int  # in what the budget counts
    rate: Decimal | None  # of it in the organization's; None: they are the same


def uses_of(budget: Budget, start: datetime, end: datetime) -> Iterator[Use]:
    """Yield what *budget* was charged for in [start, end), oldest first.

    Streamed: neither here nor in the database is there ever more than a part of it.
    One query, and one for every two thousand uses that belong to something new.
    """
    chunks = sql.booked(budget.organization_id, budget.pk, start, end, at_once=_CHUNK)
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
    """Yield uses, each with the differences in cost that follow it.

    What corrects a use of a closed month is booked in another one, without it: that is
    no use, and left out.
    """
    use: Use | None = None
    usage_id = ""
    for row, place in placed:
        is_same = row[_USAGE] == usage_id
        usage_id = row[_USAGE]
        if is_same and row[_REQUESTS] < 0:
            use = None  # taken off by a correction
        elif is_same and not row[_REQUESTS]:
            use = use and _corrected(use, row)
        else:
            if use is not None:
                yield use
            use = _use_of(row, place) if row[_REQUESTS] > 0 else None
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
    if is_mark(currency):
        own = None if cost is None else _units(cost)
        tokens = row[_INPUT] + row[_OUTPUT]
        return own, counted(currency, tokens, row[_REQUESTS]), None
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
