"""Putting usage right: what counts of it is taken off, and its new content is booked.

Rows are never changed. The row that takes off has the attribution and the time of what
it takes off, and all its numbers with the other sign; the new content is a row like any
other. So every sum that is made of rows or of deltas is right.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Generic

from ledger.batch import PLAIN, REST, Batch, Conversion, NewRecord, encoded
from ledger.contents import Content
from ledger.conversions import amounts_in
from ledger.models import ConvertedCost, CostRecord
from ledger.pricing import convert
from ledger.quantities import restored, stored
from ledger.responses import ResponseKey, leave, names_response, take
from ledger.snapshot import Snapshot
from ledger.sql import Values
from ledger.types import (
    ChargedSpan,
    ChargesT,
    Marks,
    RunSums,
    Said,
    TargetT,
    Totals,
    count_in_run,
)
from ledger.usage import Usage
from ledger.writing import (
    insert_conversions,
    insert_deltas,
    insert_records,
    ready_deltas,
)
from lib.errors import Conflict
from lib.measures import counted
from lib.money import to_units

_NUMBER, _REPRICING = map(NewRecord._fields.index, ("correction", "repricing_id"))
MOST_CORRECTIONS = 30_000  # of one usage; PostgreSQL's smallint ends a little above


class ResponseTaken(Conflict):
    """A correction names a response that another usage is booked for."""

    code = "response_taken"


class TooManyCorrections(Conflict):
    """A usage was corrected more often than can be counted."""

    code = "too_many_corrections"


@dataclass(slots=True)
class Restatement(Generic[TargetT]):
    """What puts some usage right, ready to be booked; money in units of 10^-10."""

    rows: list[Values] = field(default_factory=list)
    totals: dict[ChargedSpan[TargetT], Totals] = field(default_factory=dict)
    conversions: list[Conversion] = field(default_factory=list)
    costs: dict[str, int | None] = field(default_factory=dict)  # new, by usage id
    marks: Mapping[str, Marks] = field(default_factory=dict)  # likewise
    runs: RunSums = field(default_factory=dict)
    moved: Mapping[str, datetime] = field(default_factory=dict)  # of closed months
    old: int = 0
    new: int = 0


def restate(
    snapshot: Snapshot[ChargesT, TargetT],
    usage: Sequence[Usage],
    standing: Mapping[str, Content],
    said: Mapping[str, Said],
    *,
    repricing_id: int,
) -> Restatement[TargetT]:
    """Return what makes *usage*, each id once, count with this content from now on.

    *standing* has what counts of each now; the organization's repricings are held.
    """
    ordered = sorted(usage, key=lambda one: one.id)  # as the ledger is written in
    numbers = {one.id: standing[one.id].last + 1 for one in ordered}
    if max(numbers.values()) > MOST_CORRECTIONS:
        raise TooManyCorrections("This usage has been corrected too often.")
    batch = Batch(snapshot, said)
    contents = list(batch.rows(ordered, snapshot.entries_for(ordered)))
    done = Restatement(totals=batch.totals, marks=batch.marks, runs=batch.runs)
    done.moved = batch.moved
    done.conversions = [
        one._replace(correction=numbers[one.usage_id]) for one in batch.conversions
    ]
    kept = kept_of(snapshot.organization_id, numbers)
    for one, content, cost in zip(ordered, contents, batch.costs, strict=True):
        before, number = standing[one.id], numbers[one.id]
        span = span_of_content(snapshot, before.content)
        off = taken_off(before, number, span)._replace(repricing_id=repricing_id)
        take_off(span, before, off, kept, done)
        count_in_run(done.runs, off.run_id, off.total_cost, off.requests)
        row = [*content, *REST[len(content) - PLAIN :]]
        row[_NUMBER], row[_REPRICING] = number, repricing_id
        done.rows += [off.stored(), tuple(row)]
        done.costs[one.id] = cost
        done.old -= off.total_cost or 0
        done.new += cost or 0
    return done


def append(organization_id: int, restated: Restatement[TargetT]) -> None:
    """Book what puts usage right. Call it in the transaction that charges it."""
    deltas = insert_records(
        iter(restated.rows),
        meanwhile=lambda: ready_deltas(organization_id, restated.totals),
    )
    insert_deltas(deltas)
    insert_conversions(organization_id, restated.conversions)


def take_responses(
    snapshot: Snapshot[ChargesT, TargetT],
    usage: Sequence[Usage],
    standing: Mapping[str, Content],
) -> None:
    """Have each of *usage* be booked for the response it names, and no other.

    One that names none keeps the one it had. Locks responses.

    Raises:
        ResponseTaken: it is another usage's.
    """
    for one in usage:
        if not names_response(one):
            one.response_id = standing[one.id].content.response_id
    keys = {one.id: ResponseKey.of_usage(one) for one in usage if one.response_id}
    if not keys or not snapshot.counts_responses_once:
        return
    wanted: dict[ResponseKey, str] = {}
    for usage_id, key in keys.items():
        wanted.setdefault(key, usage_id)
    holders = take(snapshot.organization_id, wanted)
    for usage_id, key in keys.items():
        if (holder := holders[key]) != usage_id:
            raise ResponseTaken(
                f"The response of “{usage_id}” is booked for the usage “{holder}”."
            )
    left = {
        (had, usage_id)
        for usage_id, key in keys.items()
        if (had := _key_of(standing[usage_id])) and had != key
    }
    for had, usage_id in sorted(left):
        leave(snapshot.organization_id, had, usage_id)


def _key_of(standing: Content) -> ResponseKey | None:
    content = standing.content
    if not content.response_id:
        return None
    return ResponseKey.of(content.attribution.provider, content.response_id)


def span_of_content(
    snapshot: Snapshot[ChargesT, TargetT], content: CostRecord
) -> ChargedSpan[TargetT]:
    """Return the span for what takes a content off: where it is booked, if it may."""
    entry = snapshot.entry_of(content.attribution, content.service_tier)
    return snapshot.span_of(entry, content.own_time, content.timestamp)


def taken_off(standing: Content, number: int, span: ChargedSpan[TargetT]) -> NewRecord:
    """Return the row that takes off all that counts of a usage."""
    content, cost = standing.content, standing.cost
    booked_at, used_at = span.times_of(content.own_time)
    quantities = {kind: -n for kind, n in restored(content.quantities).items()}
    # What has no price has no parts to take off, and neither has a reported cost.
    nothing = None if content.reported else 0
    return NewRecord(
        organization_id=content.organization_id,
        attribution_id=content.attribution_id,
        usage_id=content.usage_id,
        timestamp=booked_at,
        used_at=used_at,
        input_tokens=-content.input_tokens,
        cached_tokens=-content.cached_tokens,
        cache_write_tokens=-content.cache_write_tokens,
        output_tokens=-content.output_tokens,
        reasoning_tokens=-content.reasoning_tokens,
        latency_ms=None,
        service_tier=content.service_tier,
        input_cost=nothing if cost.input is None else -cost.input,
        output_cost=nothing if cost.output is None else -cost.output,
        other_cost=None if cost.other is None else -cost.other,
        total_cost=-(cost.total or 0),
        source_cost=None if cost.source is None else -cost.source,
        source_currency=cost.currency,
        exchange_rate=cost.rate,
        reported=content.reported,
        metadata=None,
        correction=-number,
        requests=-content.requests,
        unpriced=-int(cost.total is None),
        quantities=encoded(stored(quantities)) if quantities else None,
        run_id=content.run_id,
    )


Kept = Mapping[tuple[str, str], Mapping[int, tuple[int, Decimal]]]


def kept_of(organization_id: int, usage_ids: Collection[str]) -> Kept:
    """Return amounts and rates in foreign currencies, by usage id, currency, number."""
    found: dict[tuple[str, str], dict[int, tuple[int, Decimal]]] = {}
    rows = ConvertedCost.objects.filter(
        organization=organization_id, usage_id__in=list(usage_ids)
    )
    for row in rows:
        amounts = found.setdefault((row.usage_id, row.currency), {})
        amounts[row.correction] = to_units(row.amount), row.rate
    return found


def take_off(
    span: ChargedSpan[TargetT],
    standing: Content,
    off: NewRecord,
    kept: Kept,
    done: Restatement[TargetT],
) -> None:
    """Add a row that takes off to the sums, and its amounts in foreign currencies."""
    sums = done.totals.get(span)
    if sums is None:
        sums = Totals(converted=[0] * len(span.currencies))
        done.totals[span] = sums
    sums.requests += off.requests
    sums.unpriced += off.unpriced
    sums.input_tokens += off.input_tokens
    sums.cached_tokens += off.cached_tokens
    sums.output_tokens += off.output_tokens
    sums.cost += off.total_cost or 0
    charged = {code: rate for code, rate in span.currencies if rate is not None}
    for position, (name, rate) in enumerate(span.currencies):
        if rate is None:
            tokens = off.input_tokens + off.output_tokens
            sums.converted[position] += counted(name, tokens, off.requests)
    # Those that nobody is charged in now, too: somebody may be again.
    past = {currency for usage_id, currency in kept if usage_id == off.usage_id}
    for currency in sorted(charged.keys() | past):
        known = kept.get((off.usage_id, currency), {})
        rate = charged.get(currency) or next(iter(known.values()))[1]
        amount = -_amount(standing, known, rate)
        done.conversions.append(
            Conversion(off.usage_id, currency, rate, amount, off.correction)
        )
        for position, (name, _) in enumerate(span.currencies):
            if name == currency:
                sums.converted[position] += amount


def _amount(
    standing: Content, known: Mapping[int, tuple[int, Decimal]], rate: Decimal
) -> int:
    """Return what counts of a usage in a foreign currency, at *rate* if not kept."""
    kept = {number: units for number, (units, _) in known.items()}
    amounts = amounts_in(standing.rows, kept, lambda units: convert(units, rate))
    return sum(amounts.values())
