"""From usage records to rows of the ledger: priced, attributed and added up.

The hottest code there is: a microsecond here is a microsecond for every record.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import Raw

from costops.lib.money import from_units, to_units
from ledger.book import Book, Entry
from ledger.pricing import convert
from ledger.types import Stretch, Totals
from ledger.usage import Usage, parse_metadata


class Row(NamedTuple):
    """One row of the ledger, but for its organization; costs in units of 10^-10."""

    attribution_id: int
    usage_id: str
    timestamp: datetime
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    latency_ms: int | None
    service_tier: str
    input_cost: int | None
    output_cost: int | None
    total_cost: int | None
    source_cost: int | None
    source_currency: str
    exchange_rate: Decimal | None
    reported: bool
    metadata: str | None  # JSON
    correction: int = 0
    repricing_id: int | None = None


class Conversion(NamedTuple):
    """A cost in the currency of a budget that has a foreign one."""

    usage_id: str
    currency: str
    rate: Decimal
    amount: int
    correction: int = 0


class Sheet:
    """The rows of one batch as they are made, and their sums by stretch of time."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.totals: dict[Stretch, Totals] = {}
        self.conversions: list[Conversion] = []
        self.costs: list[Decimal | None] = []  # of the rows, in their order
        self.due: Any = None  # what the totals charge
        self._units: list[int | None] = []

    def rows(self, records: Sequence[Usage], entries: Sequence[Entry]) -> Iterator[Row]:
        """Price *records* and yield their rows, in the same order.

        One by one, so that the database inserts the first while the next are made; the
        sums are complete when all are.
        """
        for record, entry in zip(records, entries, strict=True):
            at = record.timestamp
            stretch = entry.last
            if stretch is None or not stretch.start <= at < stretch.end:
                stretch = self.book.stretch_at(entry, at)
            row = self._row(record, entry, stretch)
            self._add(row, stretch)
            yield row

    def close(self) -> None:
        """Work out what follows from all rows, once they are made."""
        self.costs = [amount_of(units) for units in self._units]
        self.due = self.book.cutter.reckon(self.totals)

    def _add(self, row: Row, stretch: Stretch) -> None:
        sums = self.totals.get(stretch)
        if sums is None:
            converted = [0] * len(stretch.currencies)
            sums = self.totals[stretch] = Totals(converted=converted)
        sums.requests += 1
        sums.input_tokens += row.input_tokens
        sums.cached_tokens += row.cached_tokens
        sums.output_tokens += row.output_tokens
        cost = row.total_cost
        self._units.append(cost)
        if cost is None:
            sums.unpriced += 1
            return
        sums.cost += cost
        if stretch.currencies:
            self._convert(row, stretch, sums)

    def _row(self, record: Usage, entry: Entry, stretch: Stretch) -> Row:
        tariff = stretch.tariff
        input_tokens = record.input_tokens or 0
        output_tokens = record.output_tokens or 0
        cached = record.cached_tokens or 0
        written = record.cache_write_tokens or 0
        reasoning = record.reasoning_tokens or 0
        input_cost = output_cost = total = source = rate = None
        currency = ""
        if tariff is not None and _has_tokens(record):
            input_cost, output_cost = tariff.cost(
                input_tokens, cached, written, output_tokens, reasoning
            )
            total = input_cost + output_cost
            if stretch.rate is not None:
                source, currency, rate = total, tariff.currency, stretch.rate
                total = convert(total, rate)
                input_cost = convert(input_cost, rate)
                output_cost = total - input_cost
        if record.cost is not None:
            total, source, currency, rate = self._reported(record)
        return Row(
            stretch.attribution_id,
            record.id,
            record.timestamp,
            input_tokens,
            cached,
            written,
            output_tokens,
            reasoning,
            None if record.latency_ms is None else round(record.latency_ms),
            entry.tier,
            input_cost,
            output_cost,
            total,
            source,
            currency,
            rate,
            record.cost is not None,
            _json(record.metadata) if record.metadata else None,
        )

    def _reported(
        self, record: Usage
    ) -> tuple[int | None, int | None, str, Decimal | None]:
        """Return total, source cost, source currency and rate of a reported cost."""
        assert record.cost is not None  # noqa: S101 - the caller looked
        units = to_units(record.cost)
        currency = record.currency or self.book.currency
        if currency == self.book.currency:
            return units, None, "", None
        known = self.book.prices.rate(
            currency, self.book.currency, record.timestamp.date()
        )
        if known is None:
            return None, units, currency, None
        return convert(units, known.rate), units, currency, known.rate

    def _convert(self, row: Row, stretch: Stretch, sums: Totals) -> None:
        assert row.total_cost is not None  # noqa: S101 - the caller looked
        for position, (currency, rate) in enumerate(stretch.currencies):
            amount = convert(row.total_cost, rate)
            sums.converted[position] += amount
            self.conversions.append(
                Conversion(row.usage_id, currency, rate, amount, row.correction)
            )


def _has_tokens(record: Usage) -> bool:
    """Tell whether tokens were counted at all: none of them is a count too."""
    return record.input_tokens is not None or record.output_tokens is not None


def _json(metadata: Raw) -> str | None:
    parsed = parse_metadata(bytes(metadata))
    return None if parsed is None else json.dumps(parsed, ensure_ascii=False)


def amount_of(units: int | None) -> Decimal | None:
    return None if units is None else from_units(units)
