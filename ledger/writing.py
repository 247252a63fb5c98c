"""Writing rows of the ledger, as they are made, in pieces."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from ledger import sql
from ledger.batch import PLAIN, REST, Conversion, NewRecord
from ledger.sql import Piece, Values
from ledger.types import ChargedSpan, TargetT, Totals
from lib.sql import stored_moment, stored_money, stored_rate

# Rows sent at once: the first few soon, for the server to begin; then twice as many
# each time, up to the most.
FEWEST, MOST = 50, 400
RECORDS = f"ledger_costrecord ({', '.join(NewRecord._fields[:PLAIN])})"
_CONVERSIONS = (
    f"ledger_convertedcost (organization_id, {', '.join(Conversion._fields)})"
)

_T = TypeVar("_T")


def insert_records(rows: Iterable[Values], *, meanwhile: Callable[[], _T]) -> _T:
    """Insert *rows*, made as they are read, sorted by usage id by the caller.

    Does *meanwhile* when all of them are made and on their way, for PostgreSQL is busy
    with them for about as long again, and returns what it returned.

    Raises:
        AlreadyThere: one of them is in the ledger. The transaction can only be rolled
            back then: a savepoint would cost every batch two round trips.
    """
    return sql.insert(_record_pieces(rows), meanwhile)


def ready_deltas(
    organization_id: int, totals: Mapping[ChargedSpan[TargetT], Totals]
) -> Sequence[Values]:
    """Return what `insert_deltas` inserts."""
    rows = [
        (
            span.attribution_id,
            stored_moment(span.charged_at),
            currency,
            sums.requests,
            sums.unpriced,
            sums.input_tokens,
            sums.cached_tokens,
            sums.output_tokens,
            stored_money(cost),
        )
        for span, sums in totals.items()
        for currency, cost in _amounts(span, sums)
    ]
    return sql.ready_deltas(organization_id, rows)


def insert_deltas(ready: Sequence[Values]) -> None:
    """Insert what a batch spent, to be rolled up into daily spend later."""
    sql.insert_deltas(ready)


def insert_conversions(organization_id: int, rows: Sequence[Conversion]) -> None:
    """Keep the amounts in foreign currencies that budgets were charged."""
    if not rows:
        return
    values = (
        (
            organization_id,
            row.usage_id,
            row.currency,
            stored_rate(row.rate),
            stored_money(row.amount),
            row.correction,
        )
        for row in rows
    )
    pieces = (Piece(_CONVERSIONS, chunk) for chunk in _chunks(values))
    sql.insert(pieces, lambda: None)


def _amounts(span: ChargedSpan[TargetT], sums: Totals) -> Sequence[tuple[str, int]]:
    own = "", sums.cost
    if not span.currencies:
        return (own,)
    currencies = (currency for currency, _ in span.currencies)
    return own, *zip(currencies, sums.converted, strict=True)


def _record_pieces(rows: Iterable[Values]) -> Iterator[Piece]:
    """Part rows of the ledger into pieces, each with the columns that its rows need.

    From the first row on that needs more all have more, so the order stays, and there
    are few targets: the columns that are needed most often come first.
    """
    width = PLAIN
    for chunk in _chunks(rows):
        most = max(map(len, chunk))
        if most > width:
            first = next(at for at, row in enumerate(chunk) if len(row) > width)
            if first:
                yield _piece(chunk[:first], width)
                del chunk[:first]
            width = most
        yield _piece(chunk, width)


def _piece(rows: list[Values], width: int) -> Piece:
    if width == PLAIN:
        return Piece(RECORDS, rows)
    return Piece(
        f"ledger_costrecord ({', '.join(NewRecord._fields[:width])})",
        [
            row if len(row) == width else row + REST[len(row) - PLAIN : width - PLAIN]
            for row in rows
        ],
    )


def _chunks(rows: Iterable[Values]) -> Iterator[list[Values]]:
    rows = iter(rows)
    size = FEWEST
    while chunk := list(islice(rows, size)):
        size = min(2 * size, MOST)
        yield chunk
