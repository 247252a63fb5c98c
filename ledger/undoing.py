"""Taking a repricing back: rows that make usage cost what it did before.

A row is never changed. What had a price before gets the difference with the other sign;
what had none is taken off and booked anew without one, so that it is in the queue of
what lacks a price again.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.db.models import Exists, OuterRef

from ledger.batch import Conversion, NewRecord, encoded
from ledger.contents import Content, cost_of
from ledger.conversions import amounts_in
from ledger.models import CostRecord, Repricing
from ledger.pricing import convert
from ledger.quantities import restored, stored
from ledger.restating import (
    MOST_CORRECTIONS,
    Kept,
    Restatement,
    TooManyCorrections,
    kept_of,
    span_of_content,
    take_off,
    taken_off,
)
from ledger.snapshot import Snapshot
from ledger.types import ChargedSpan, ChargesT, TargetT, Totals, count_in_run
from lib.measures import counted
from lib.money import to_units


def undoable_ids(repricing: Repricing, size: int | None) -> list[str]:
    """Return the ids of *size* uses at most that *repricing* was the last to correct.

    What was corrected or repriced since has other reasons to cost what it does.
    """
    same = CostRecord.objects.filter(
        organization=OuterRef("organization"), usage_id=OuterRef("usage_id")
    )
    rows = CostRecord.objects.filter(
        ~Exists(same.filter(correction__gt=OuterRef("correction"))),
        organization=repricing.organization_id,
        repricing=repricing,
        correction__gt=0,
    )
    ids = rows.order_by("usage_id").values_list("usage_id", flat=True)
    return list(ids if size is None else ids[:size])


def undone(
    snapshot: Snapshot[ChargesT, TargetT],
    standing: Mapping[str, Content],
    *,
    repricing_id: int,
) -> Restatement[TargetT]:
    """Return what takes the last correction of each of *standing* back.

    The organization's repricings are held.
    """
    done: Restatement[TargetT] = Restatement()
    kept = kept_of(snapshot.organization_id, standing.keys())
    for usage_id in sorted(standing):  # as the ledger is written in
        content = standing[usage_id]
        if content.last >= MOST_CORRECTIONS:
            raise TooManyCorrections("This usage has been corrected too often.")
        span = span_of_content(snapshot, content.content)
        before = cost_of(content.rows[:-1])
        if before.total is None:
            _book_unpriced(span, content, kept, done, repricing_id)
        else:
            _book_counter(span, content, kept, done, repricing_id)
        done.costs[usage_id] = before.total
        done.old += content.cost.total or 0
        done.new += before.total or 0
    return done


def _book_unpriced(
    span: ChargedSpan[TargetT],
    content: Content,
    kept: Kept,
    done: Restatement[TargetT],
    repricing_id: int,
) -> None:
    number = content.last + 1
    off = taken_off(content, number, span)._replace(repricing_id=repricing_id)
    take_off(span, content, off, kept, done)
    anew = _anew(content.content, number, span)._replace(repricing_id=repricing_id)
    _count(span, anew, done.totals[span])
    for row in (off, anew):
        count_in_run(done.runs, row.run_id, row.total_cost, row.requests)
    done.rows += [off.stored(), anew.stored()]


def _count(span: ChargedSpan[TargetT], row: NewRecord, sums: Totals) -> None:
    """Add what is booked without a price."""
    sums.requests += row.requests
    sums.unpriced += 1
    sums.input_tokens += row.input_tokens
    sums.cached_tokens += row.cached_tokens
    sums.output_tokens += row.output_tokens
    tokens = row.input_tokens + row.output_tokens
    for position, (name, rate) in enumerate(span.currencies):
        if rate is None:
            sums.converted[position] += counted(name, tokens, row.requests)


def _anew(content: CostRecord, number: int, span: ChargedSpan[TargetT]) -> NewRecord:
    """Return *content* once more, without a price."""
    booked_at, used_at = span.times_of(content.own_time)
    quantities = restored(content.quantities)
    return NewRecord(
        organization_id=content.organization_id,
        attribution_id=content.attribution_id,
        usage_id=content.usage_id,
        timestamp=booked_at,
        used_at=used_at,
        input_tokens=content.input_tokens,
        cached_tokens=content.cached_tokens,
        cache_write_tokens=content.cache_write_tokens,
        output_tokens=content.output_tokens,
        reasoning_tokens=content.reasoning_tokens,
        latency_ms=content.latency_ms,
        service_tier=content.service_tier,
        input_cost=None,
        output_cost=None,
        total_cost=None,
        source_cost=_units(content.source_cost),
        source_currency=content.source_currency,
        exchange_rate=content.exchange_rate,
        reported=content.reported,
        metadata=_json(content.metadata),
        correction=number,
        response_id=content.response_id,
        requests=content.requests,
        unpriced=1,
        unpriced_kinds=_json(content.unpriced_kinds),
        quantities=encoded(stored(quantities)) if quantities else None,
        said=_json(content.said),
        settles=content.settles,
        run_id=content.run_id,
    )


def _book_counter(
    span: ChargedSpan[TargetT],
    content: Content,
    kept: Kept,
    done: Restatement[TargetT],
    repricing_id: int,
) -> None:
    last, number = content.rows[-1], content.last + 1
    row = _counter(content.rows[-2], last, number, span)
    row = row._replace(repricing_id=repricing_id)
    sums = done.totals.get(span)
    if sums is None:
        sums = done.totals[span] = Totals(converted=[0] * len(span.currencies))
    sums.cost += row.total_cost or 0
    for position, (currency, rate) in enumerate(span.currencies):
        if rate is None:  # what is counted stays, whatever it costs
            continue
        known = kept.get((row.usage_id, currency), {})
        amount = -_last_amount(content.rows, known, rate)
        sums.converted[position] += amount
        done.conversions.append(
            Conversion(row.usage_id, currency, rate, amount, number)
        )
    count_in_run(done.runs, row.run_id, row.total_cost, 0)
    done.rows.append(row.stored())


def _counter(
    before: CostRecord, last: CostRecord, number: int, span: ChargedSpan[TargetT]
) -> NewRecord:
    """Return the row that takes the difference *last* back."""
    booked_at, used_at = span.times_of(last.own_time)
    return NewRecord(
        organization_id=last.organization_id,
        attribution_id=last.attribution_id,
        usage_id=last.usage_id,
        timestamp=booked_at,
        used_at=used_at,
        input_tokens=0,
        cached_tokens=0,
        cache_write_tokens=0,
        output_tokens=0,
        reasoning_tokens=0,
        latency_ms=None,
        service_tier=last.service_tier,
        input_cost=_negative(last.input_cost),
        output_cost=_negative(last.output_cost),
        other_cost=_negative(last.other_cost),
        total_cost=-to_units(last.total_cost or Decimal(0)),
        source_cost=None,
        source_currency="",
        exchange_rate=None,
        reported=last.reported,
        metadata=None,
        correction=number,
        requests=0,
        assumed_kinds=_json(before.assumed_kinds),
        run_id=last.run_id,
    )


def _last_amount(
    rows: Sequence[CostRecord],
    known: Mapping[int, tuple[int, Decimal]],
    rate: Decimal,
) -> int:
    """Return what the last of *rows* came to in a foreign currency."""
    kept = {number: units for number, (units, _) in known.items()}
    amounts = amounts_in(rows, kept, lambda units: convert(units, rate))
    return amounts[rows[-1].correction]


def _negative(amount: Decimal | None) -> int | None:
    return None if amount is None else -to_units(amount)


def _units(amount: Decimal | None) -> int | None:
    return None if amount is None else to_units(amount)


def _json(value: object) -> str | None:
    return None if value is None else encoded(value)
