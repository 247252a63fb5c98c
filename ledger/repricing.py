"""What booked usage would cost by what is known today, and correcting it.

A cost is never changed: a record of its own adds the difference. Costs that the sender
named are left alone, unless no rate was known to exchange them with.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic

from accounts.models import Organization
from ledger.batch import Conversion, Cost, NewRecord, encoded
from ledger.contents import cost_of
from ledger.conversions import amounts_in
from ledger.costs import Cursor, among, beyond
from ledger.models import Attribution, ConvertedCost, CostRecord, CostRecordQuerySet
from ledger.pricing import convert
from ledger.quantities import restored
from ledger.snapshot import KnownAttribution, Snapshot
from ledger.tariffs import Metered
from ledger.types import (
    ChargedSpan,
    ChargesT,
    RunSums,
    TargetT,
    Totals,
    count_in_run,
)
from ledger.writing import (
    insert_conversions,
    insert_deltas,
    insert_records,
    ready_deltas,
)
from lib.money import to_units

_ASKED_FOR = 5_000  # usage ids in one query


@dataclass(frozen=True, slots=True)
class Selection:
    """Which usage of an organization is to be looked at.

    *provider* and *model*, which may end in *, mean what they mean under all names; ""
    is any. The time is half-open, None leaves its side open.
    """

    provider: str = ""
    model: str = ""
    start: datetime | None = None
    end: datetime | None = None
    only_unpriced: bool = False

    def described(self) -> dict[str, Any]:
        """Return it as the audit trail keeps it: only what was asked for."""
        told = {name: value for name, value in asdict(self).items() if value}
        for name in ("start", "end"):
            if name in told:
                told[name] = told[name].isoformat().replace("+00:00", "Z")
        return told


def records_of(organization: Organization, selection: Selection) -> CostRecordQuerySet:
    """Return the contents that count of the usage that *selection* is about."""
    rows = CostRecord.objects.filter(organization=organization).standing()
    rows = rows.during(selection.start, selection.end)
    if selection.only_unpriced:
        rows = rows.unpriced()
    if not selection.provider and not selection.model:
        return rows
    found = Attribution.objects.filter(organization=organization)
    if selection.provider:
        found = found.of("provider", [selection.provider])
    if selection.model:
        found = found.of("model", [selection.model])
    return among(rows, list(found.values_list("pk", flat=True)))


def page_of(
    rows: CostRecordQuerySet, place: Cursor | None, size: int | None
) -> list[CostRecord]:
    """Return the next *size* records after *place*, by time; None: all of them."""
    ordered = beyond(rows, place).order_by("timestamp", "id")
    return list(ordered if size is None else ordered[:size])


@dataclass(slots=True)
class PriceChange(Generic[TargetT]):
    """What some records cost otherwise today, ready to be booked; money in units."""

    rows: list[NewRecord] = field(default_factory=list)
    totals: dict[ChargedSpan[TargetT], Totals] = field(default_factory=dict)
    conversions: list[Conversion] = field(default_factory=list)
    runs: RunSums = field(default_factory=dict)
    old: int = 0  # what the records of `rows` cost up to now
    new: int = 0
    priced: int = 0  # of them, those that had no price
    unpriced: int = 0  # others, which still have none

    def add(
        self,
        row: NewRecord,
        span: ChargedSpan[TargetT],
        difference: int,
        converted: list[int],
        *,
        had_price: bool,
    ) -> None:
        """Add a correcting row, with its amounts in the foreign currencies."""
        self.rows.append(row)
        count_in_run(self.runs, row.run_id, difference, row.requests)
        sums = self.totals.get(span)
        if sums is None:
            sums = self.totals[span] = Totals(converted=[0] * len(converted))
        sums.cost += difference
        sums.unpriced -= not had_price
        for position, amount in enumerate(converted):
            currency, rate = span.currencies[position]
            if rate is None:  # what is counted stays, whatever it costs
                continue
            sums.converted[position] += amount
            self.conversions.append(
                Conversion(row.usage_id, currency, rate, amount, row.correction)
            )


class Assessor(Generic[ChargesT, TargetT]):
    """Compares what records cost with what they would cost by one snapshot.

    Remembers attributions, so one serves for many pages; a new snapshot needs another.
    """

    def __init__(self, snapshot: Snapshot[ChargesT, TargetT]) -> None:
        self.snapshot = snapshot
        self._entries: dict[tuple[int, str], KnownAttribution[ChargesT, TargetT]] = {}

    def assess(self, records: list[CostRecord]) -> PriceChange[TargetT]:
        """Return what would correct *records*, the contents that count of some usage.

        Three queries for a few thousand records.
        """
        self._open_entries(records)
        booked = self._booked(records)
        found: PriceChange[TargetT] = PriceChange()
        # One order for every caller, as the ledger is written in.
        for record in sorted(records, key=lambda one: one.usage_id):
            entry = self._entries[record.attribution_id, record.service_tier]
            span = self.snapshot.span_of(entry, record.own_time, record.timestamp)
            rows = booked.rows[record.usage_id]
            present = cost_of(rows)
            new = self._today(record, present, span)
            if new.total is None:
                found.unpriced += 1
            elif new.total != present.total:
                found.old += present.total or 0
                found.new += new.total
                found.priced += present.total is None
                number = max(row.correction for row in rows) + 1
                difference = new.total - (present.total or 0)
                found.add(
                    _row(record, present, new, number, span),
                    span,
                    difference,
                    [
                        0
                        if rate is None
                        else convert(new.total, rate)
                        - booked.amount(rows, currency, rate)
                        for currency, rate in span.currencies
                    ],
                    had_price=present.total is not None,
                )
        return found

    def _today(
        self, record: CostRecord, present: Cost, span: ChargedSpan[TargetT]
    ) -> Cost:
        """Return what *record* costs by today's knowledge; what it does, if nothing.

        A price that is no longer known takes nothing back.
        """
        if record.reported:
            if present.total is not None or present.source is None:
                return present
            return self._exchanged(record, present, present.source)
        tariff = span.tariff
        if tariff is None:
            return present
        used = Metered(
            record.input_tokens,
            record.cached_tokens,
            record.cache_write_tokens,
            record.output_tokens,
            record.reasoning_tokens,
            record.requests,
            restored(record.quantities),
        )
        new = Cost.of(tariff.bill(used), tariff, span.rate)
        return present if new.total is None else new

    def _exchanged(self, record: CostRecord, present: Cost, source: int) -> Cost:
        """Return a reported cost that could not be exchanged when it was booked."""
        prices, own = self.snapshot.prices, self.snapshot.currency
        known = prices.rate(present.currency, own, record.own_time.date())
        if known is None:
            return present
        total = convert(source, known.rate)
        return present._replace(total=total, rate=known.rate)

    def _open_entries(self, records: Iterable[CostRecord]) -> None:
        wanted = {(one.attribution_id, one.service_tier) for one in records}
        missing = wanted - self._entries.keys()
        if not missing:
            return
        rows = Attribution.objects.filter(organization=self.snapshot.organization_id)
        found = rows.in_bulk({attribution_id for attribution_id, _ in missing})
        for attribution_id, tier in missing:
            entry = self.snapshot.entry_of(found[attribution_id], tier)
            self._entries[attribution_id, tier] = entry

    def _booked(self, records: list[CostRecord]) -> "_Booked":
        """Return everything that is booked of *records*: corrections, conversions."""
        booked = _Booked({record.usage_id: [record] for record in records}, {})
        ids = list(booked.rows)
        for start in range(0, len(ids), _ASKED_FOR):
            asked = {
                "organization": self.snapshot.organization_id,
                "usage_id__in": ids[start : start + _ASKED_FOR],
            }
            later = CostRecord.objects.filter(**asked, correction__gt=0)
            for row in later.order_by("correction"):
                rows = booked.rows[row.usage_id]
                if row.correction > rows[0].correction:
                    rows.append(row)
            for kept in ConvertedCost.objects.filter(**asked):
                key = kept.usage_id, kept.correction, kept.currency
                booked.converted[key] = to_units(kept.amount)
        return booked


@dataclass(frozen=True, slots=True)
class _Booked:
    """What is booked of some usage ids; amounts in units."""

    rows: dict[str, list[CostRecord]]  # the contents, and the differences since
    converted: dict[tuple[str, int, str], int]  # by usage id, correction, currency

    def amount(self, rows: Iterable[CostRecord], currency: str, rate: Decimal) -> int:
        """Return what *rows* come to in a foreign currency.

        What was not converted yet will be at *rate*, by a backfill that is under way.
        """
        rows = list(rows)
        kept = {
            row.correction: self.converted[key]
            for row in rows
            if (key := (row.usage_id, row.correction, currency)) in self.converted
        }
        return sum(amounts_in(rows, kept, lambda units: convert(units, rate)).values())


def _row(
    record: CostRecord, present: Cost, new: Cost, number: int, span: ChargedSpan[Any]
) -> NewRecord:
    """Return the row that makes *record* cost *new*, booked when *span* is charged."""
    booked_at, used_at = span.times_of(record.own_time)
    # By the price list, which says nothing new about what was reported.
    parts: list[int | None] = [None, None, None]
    if not record.reported:
        parts[:2] = (
            (new.input or 0) - (present.input or 0),
            (new.output or 0) - (present.output or 0),
        )
        if (new.other, present.other) != (None, None):
            parts[2] = (new.other or 0) - (present.other or 0)
    return NewRecord(
        organization_id=record.organization_id,
        attribution_id=record.attribution_id,
        usage_id=record.usage_id,
        timestamp=booked_at,
        used_at=used_at,
        input_tokens=0,
        cached_tokens=0,
        cache_write_tokens=0,
        output_tokens=0,
        reasoning_tokens=0,
        latency_ms=None,
        service_tier=record.service_tier,
        input_cost=parts[0],
        output_cost=parts[1],
        other_cost=parts[2],
        total_cost=(new.total or 0) - (present.total or 0),
        # The amount before it was exchanged, where all of it is new.
        source_cost=new.source if present.total is None else None,
        source_currency=new.currency if present.total is None else "",
        exchange_rate=new.rate if present.total is None else None,
        reported=record.reported,
        metadata=None,
        correction=number,
        requests=0,
        unpriced=0 if present.total is not None else -1,
        assumed_kinds=encoded(new.assumed) if new.assumed else None,
        run_id=record.run_id,
    )


def append(
    organization_id: int, correction: PriceChange[TargetT], repricing_id: int
) -> None:
    """Book what corrects some records. Call it in the transaction that charges it.

    Raises:
        AlreadyThere: another repricing has corrected one of them meanwhile.
    """
    deltas = insert_records(
        (row._replace(repricing_id=repricing_id).stored() for row in correction.rows),
        meanwhile=lambda: ready_deltas(organization_id, correction.totals),
    )
    insert_deltas(deltas)
    insert_conversions(organization_id, correction.conversions)
