"""From usage records to rows of the ledger: priced, attributed and added up.

The hottest code there is: a microsecond here is a microsecond for every record.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Generic, NamedTuple, Self
from uuid import UUID

import msgspec
from msgspec import Raw

from ledger.listed import by_list, metered
from ledger.pricing import convert
from ledger.quantities import stored
from ledger.snapshot import KnownAttribution, Snapshot
from ledger.sql import Values
from ledger.tariffs import Bill, Tariff
from ledger.types import (
    ChargedSpan,
    ChargesT,
    Marks,
    Named,
    RunSums,
    Said,
    TargetT,
    Totals,
    count_in_run,
)
from ledger.usage import ChargePart, Usage, is_metered, parse_metadata
from lib.measures import counted
from lib.money import to_units
from lib.sql import stored_moment, stored_money, stored_rate, stored_uid


class NewRecord(NamedTuple):
    """One row of the ledger; costs in units of 10^-10."""

    organization_id: int
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
    # What few records have, the most frequent first; a row that ends before one of
    # these has the values given here. Kinds, quantities and what was said are JSON.
    assumed_kinds: str | None = None
    response_id: str | None = None
    requests: int = 1
    unpriced: int = 0
    unpriced_kinds: str | None = None
    quantities: str | None = None
    other_cost: int | None = None
    said: str | None = None
    settles: UUID | None = None
    run_id: str | None = None
    used_at: datetime | None = None
    charge_id: int | None = None

    def stored(self) -> Values:
        """Return the row as the database takes it."""
        values = self._asdict()
        for name in _AMOUNTS:
            values[name] = stored_money(values[name])
        values["timestamp"] = stored_moment(self.timestamp)
        if self.used_at is not None:
            values["used_at"] = stored_moment(self.used_at)
        values["exchange_rate"] = stored_rate(self.exchange_rate)
        values["settles"] = stored_uid(self.settles)
        return tuple(values.values())


_AMOUNTS = ("input_cost", "output_cost", "total_cost", "source_cost", "other_cost")
# Columns of a row that has no more than most.
PLAIN = NewRecord._fields.index("assumed_kinds")
# What stands in the others then.
REST = tuple(NewRecord._field_defaults[name] for name in NewRecord._fields[PLAIN:])
# Of the most frequent row that has more.
_CACHED = Marks(assumed=("cached_tokens",))
_CACHED_ROW = ('["cached_tokens"]',)
_SAID, _SETTLES, _RUN, _CHARGE = map(
    NewRecord._fields.index, ("said", "settles", "run_id", "charge_id")
)
_TIME, _USED = map(NewRecord._fields.index, ("timestamp", "used_at"))
_encoder = msgspec.json.Encoder()


class Cost(NamedTuple):
    """What a record costs, in units of 10^-10; None where nothing is known."""

    input: int | None = None
    output: int | None = None
    other: int | None = None
    total: int | None = None
    source: int | None = None  # before it was exchanged
    currency: str = ""  # of the source
    rate: Decimal | None = None
    unpriced: tuple[str, ...] = ()  # kinds
    assumed: tuple[str, ...] = ()

    @classmethod
    def of(cls, bill: Bill, tariff: Tariff, rate: Decimal | None) -> Self:
        """Return what *bill* comes to at *rate*; None: it is in the right currency."""
        kinds = bill.unpriced, bill.assumed
        if bill.input is None or bill.total is None:
            return cls(unpriced=bill.unpriced)
        if rate is None:
            parts = bill.input, bill.output, bill.other, bill.total
            return cls(*parts, None, "", None, *kinds)
        total, first = convert(bill.total, rate), convert(bill.input, rate)
        both = convert(bill.total - (bill.other or 0), rate)
        other = None if bill.other is None else total - both
        return cls(
            *(first, both - first, other, total),
            *(bill.total, tariff.currency, rate),
            *kinds,
        )


_Parts = tuple[int | None, int | None, int | None]  # of a cost: input, output, total


class Conversion(NamedTuple):
    """A cost in the currency of a budget that has a foreign one."""

    usage_id: str
    currency: str
    rate: Decimal
    amount: int
    correction: int = 0


class Batch(Generic[ChargesT, TargetT]):
    """The rows of one batch as they are made, and their sums by stretch of time."""

    def __init__(
        self,
        snapshot: Snapshot[ChargesT, TargetT],
        said: Mapping[str, Said] = MappingProxyType({}),
    ) -> None:
        self.snapshot = snapshot
        self.said = said  # by usage id, of records that settle something
        self.totals: dict[ChargedSpan[TargetT], Totals] = {}
        self.conversions: list[Conversion] = []
        self.costs: list[int | None] = []  # of the rows, in their order; in units
        self.named: list[Named] = []
        self.runs: RunSums = {}
        self.marks: dict[str, Marks] = {}  # by usage id, where there are any
        self.moved: dict[str, datetime] = {}  # when what is of closed months is booked

    def rows(
        self,
        records: Sequence[Usage],
        entries: Iterable[KnownAttribution[ChargesT, TargetT]],
    ) -> Iterator[Values]:
        """Price *records* and yield their rows, in the same order, ready to be stored.

        One by one, so that the database inserts the first while the next are made; the
        sums are complete when all are. The values are those of `NewRecord`, which
        is not made first: it would take half as long again.
        """
        said = self.said
        for record, entry in zip(records, entries, strict=True):
            at = record.timestamp
            span = entry.last
            if span is None or not span.start <= at < span.end:
                span = self.snapshot.span_at(entry, at)
            row = self._row(record, entry.tier, span)
            if said and record.id in said:
                row = self._settling(row, said[record.id])
            if record.run_id:
                row = _with(row, _RUN, record.run_id)
            charge_id = _charge_of(record, span)
            if charge_id is not None:
                row = _with(row, _CHARGE, charge_id)
            if span.booked_at is not None:
                row = _booked_at(row, span.booked_at)
                self.moved[record.id] = span.booked_at
            yield row

    def _settling(self, row: Values, said: Said) -> Values:
        """Return *row* with what it settles, and what it says otherwise."""
        values = [*row, *REST[len(row) - PLAIN :]]
        values[_SAID] = said.stored and encoded(said.stored)
        values[_SETTLES] = stored_uid(said.reservation)
        return tuple(values)

    def _row(self, record: Usage, tier: str, span: ChargedSpan[TargetT]) -> Values:
        cost: Cost | None = None
        parts: _Parts | None = by_list(record, span)
        if parts is None:
            cost = self._cost(record, span)
            parts = cost.input, cost.output, cost.total
        self._add_up(record, span, parts[2])
        plain = self._plain(record, tier, span, parts, cost)
        assumes_cached = (
            record.cached_tokens
            and span.tariff is not None
            and span.tariff.assumes_cached
        )
        if cost is None and record.response_id is None:  # nearly always
            if not assumes_cached:
                return plain
            self.marks[record.id] = _CACHED
            return plain + _CACHED_ROW
        if cost is None:
            assumed = _CACHED.assumed if assumes_cached else ()
            cost = Cost(total=parts[2], assumed=assumed)
        return plain + self._rare(record, cost)

    def _plain(
        self,
        record: Usage,
        tier: str,
        span: ChargedSpan[TargetT],
        parts: _Parts,
        cost: Cost | None,
    ) -> Values:
        """Return the columns all need; *cost* where there is more than its parts."""
        money, latency = stored_money, record.latency_ms
        source, currency, rate = cost[4:7] if cost else (None, "", None)
        return (
            self.snapshot.organization_id,
            span.attribution_id,
            record.id,
            stored_moment(record.timestamp),
            record.input_tokens or 0,
            record.cached_tokens or 0,
            record.cache_write_tokens or 0,
            record.output_tokens or 0,
            record.reasoning_tokens or 0,
            latency if latency is None else round(latency),
            tier,
            money(parts[0]),
            money(parts[1]),
            money(parts[2]),
            source if source is None else money(source),
            currency,
            rate if rate is None else stored_rate(rate),
            record.cost is not None or span.paid_by is not None,
            _json(record.metadata) if record.metadata else None,
            0,  # no correction
            None,  # by no repricing
        )

    def _rare(self, record: Usage, cost: Cost) -> Values:
        """Return the columns few records need, up to the last that this one needs."""
        if cost.unpriced or cost.assumed:
            self.marks[record.id] = Marks(cost.unpriced, cost.assumed)
        rest = (
            encoded(cost.assumed) if cost.assumed else None,
            record.response_id or None,
            record.requests or record.fewest_requests,
            int(cost.total is None),
            encoded(cost.unpriced) if cost.unpriced else None,
            encoded(stored(record.quantities)) if record.quantities else None,
            stored_money(cost.other),
        )
        needed = len(rest)
        while needed and rest[needed - 1] == REST[needed - 1]:
            needed -= 1
        return rest[:needed]

    def _add_up(
        self, record: Usage, span: ChargedSpan[TargetT], total: int | None
    ) -> None:
        """Count a row in what the batch adds to its span, and to what it names."""
        self.costs.append(total)
        if record.authorization_id:
            self.named.append(Named(record.id, record.authorization_id, total))
        if record.run_id:
            at, requests = record.timestamp, record.requests or record.fewest_requests
            count_in_run(self.runs, record.run_id, total, requests, at)
        sums = self.totals.get(span) or self._new_totals(span)
        sums.requests += record.requests or record.fewest_requests
        sums.input_tokens += record.input_tokens or 0
        sums.cached_tokens += record.cached_tokens or 0
        sums.output_tokens += record.output_tokens or 0
        if total is None:
            sums.unpriced += 1
        else:
            sums.cost += total
        if span.currencies:
            self._convert(record, span, total)

    def _new_totals(self, span: ChargedSpan[TargetT]) -> Totals:
        sums = self.totals[span] = Totals(converted=[0] * len(span.currencies))
        return sums

    def _convert(
        self, record: Usage, span: ChargedSpan[TargetT], cost: int | None
    ) -> None:
        sums = self.totals[span]
        for position, (currency, rate) in enumerate(span.currencies):
            if rate is None:
                tokens = (record.input_tokens or 0) + (record.output_tokens or 0)
                amount = counted(
                    currency, tokens, record.requests or record.fewest_requests
                )
                sums.converted[position] += amount
                continue
            if cost is None:
                continue
            amount = convert(cost, rate)
            sums.converted[position] += amount
            self.conversions.append(Conversion(record.id, currency, rate, amount))

    def _cost(self, record: Usage, span: ChargedSpan[TargetT]) -> Cost:
        cost, tariff = Cost(), span.tariff
        if tariff is not None and is_metered(record):
            cost = Cost.of(tariff.bill(metered(record)), tariff, span.rate)
        if span.paid_by is not None and record.cost is None:
            # What it would cost by list stays beside it, as its parts.
            return cost._replace(
                total=0, source=None, currency="", rate=None, unpriced=()
            )
        if record.cost is not None:
            total, source, currency, rate = self._reported(record, record.cost)
            cost = cost._replace(
                total=total, source=source, currency=currency, rate=rate
            )
        return cost

    def _reported(
        self, record: Usage, reported: Decimal
    ) -> tuple[int | None, int | None, str, Decimal | None]:
        """Return total, source cost, source currency and rate of a reported cost."""
        units = to_units(reported)
        currency = record.currency or self.snapshot.currency
        if currency == self.snapshot.currency:
            return units, None, "", None
        rate = record.booked_rate if isinstance(record, ChargePart) else None
        if rate is None:
            known = self.snapshot.prices.rate(
                currency, self.snapshot.currency, record.timestamp.date()
            )
            if known is None:
                return None, units, currency, None
            rate = known.rate
        return convert(units, rate), units, currency, rate


def _charge_of(record: Usage, span: ChargedSpan[TargetT]) -> int | None:
    """Return the charge that a record is a day of, or that pays for it."""
    if isinstance(record, ChargePart):
        return record.charge_id
    return None if record.cost is not None else span.paid_by


def _with(row: Values, place: int, value: object) -> Values:
    """Return *row* with what few rows have at *place*: the run or charge it is of."""
    values = [*row, *REST[len(row) - PLAIN :]]
    values[place] = value
    return tuple(values)


def _booked_at(row: Values, moment: datetime) -> Values:
    """Return *row* as it is booked at *moment*, with when it was used beside it."""
    values = [*row, *REST[len(row) - PLAIN :]]
    values[_USED], values[_TIME] = values[_TIME], stored_moment(moment)
    return tuple(values)


def encoded(value: object) -> str:
    return _encoder.encode(value).decode()


def _json(metadata: Raw) -> str | None:
    parsed = parse_metadata(bytes(metadata))
    return None if parsed is None else json.dumps(parsed, ensure_ascii=False)
