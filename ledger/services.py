"""Writing to the ledger."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from django.db import transaction

from ledger.batch import Batch
from ledger.contents import Content, standing_of
from ledger.identity import model_named
from ledger.models import CostRecord
from ledger.quantities import restored
from ledger.responses import repeated
from ledger.snapshot import Snapshot, sent_of
from ledger.sql import Values
from ledger.types import (
    ChargedSpan,
    ChargesT,
    DueT,
    Marks,
    Named,
    Recorded,
    Said,
    TargetT,
    Totals,
    UsageOutcome,
)
from ledger.usage import Usage, parse_metadata, parse_tags
from ledger.writing import (
    insert_conversions,
    insert_deltas,
    insert_records,
    ready_deltas,
)
from lib.money import from_units, to_units


@transaction.atomic(savepoint=False)
def record(
    snapshot: Snapshot[ChargesT, TargetT],
    usage: Sequence[Usage],
    said: Mapping[str, Said] = MappingProxyType({}),
    *,
    reckon: Callable[[Mapping[ChargedSpan[TargetT], Totals]], DueT],
    look_first: bool,
) -> Recorded[DueT]:
    """Price *usage* of one organization and append it to the ledger.

    *said* has, by usage id, what records that settle a reservation say of it: they come
    with the dimensions it was made for. *reckon* says what the batch charges: it is
    called while the database inserts the rows, and what it returns is told as `due`.

    A usage id counts once, however often and in however many batches it comes: the
    first stands, a repeat changes nothing, and one with other content is a conflict.
    So does a response of a provider, under whichever id it comes again.
    Outcomes are in the order of *usage*; totals are what its budgets are to be charged.

    Raises:
        AlreadyThere: without *look_first*, an id is in the ledger; with it, another
            connection has just added one. Roll back and look again.
    """
    parted = _Parted.of(snapshot, usage, look_first=look_first)
    batch = Batch(snapshot, said)

    def finish() -> tuple[Sequence[Values], DueT, Sequence[UsageOutcome]]:
        due = reckon(batch.totals)
        deltas = ready_deltas(snapshot.organization_id, batch.totals)
        return deltas, due, parted.outcomes(batch)

    if not parted.fresh:
        _, due, outcomes = finish()
        return Recorded(outcomes, due, parted.spared)
    rows = batch.rows(parted.fresh, snapshot.entries_for(parted.fresh))
    deltas, due, outcomes = insert_records(rows, meanwhile=finish)
    insert_deltas(deltas)
    insert_conversions(snapshot.organization_id, batch.conversions)
    return Recorded(outcomes, due, batch.named + parted.spared, batch.runs)


@dataclass(slots=True)
class _Parted:
    """The records of a batch, by what is to become of them."""

    usage: Sequence[Usage]
    first: Mapping[str, Usage]  # of each id
    known: Mapping[str, Content]  # what is booked already, by usage id
    repeats: Mapping[str, str]  # of a response: the usage id it is booked under
    fresh: Sequence[Usage]  # to be booked, by usage id

    @classmethod
    def of(
        cls,
        snapshot: Snapshot[ChargesT, TargetT],
        usage: Sequence[Usage],
        *,
        look_first: bool,
    ) -> "_Parted":
        first = {one.id: one for one in reversed(usage)}
        known = _known(snapshot, first) if look_first else {}
        told = [one for one in usage if one.response_id]
        repeats = repeated(
            snapshot,
            (one for one in told if one.id not in known and one is first[one.id]),
        )
        known |= _known(snapshot, set(repeats.values()) - first.keys())
        # One order for every caller, or two overlapping batches could deadlock.
        fresh = [
            first[usage_id]
            for usage_id in sorted(first)
            if usage_id not in known and usage_id not in repeats
        ]
        return cls(usage, first, known, repeats, fresh)

    @property
    def spared(self) -> list[Named]:
        """What was set aside for calls that are charged already: it is not needed."""
        return [
            Named(usage_id, authorization_id, 0)
            for usage_id in self.repeats
            if (authorization_id := self.first[usage_id].authorization_id)
        ]

    def outcomes(self, batch: Batch[ChargesT, TargetT]) -> Sequence[UsageOutcome]:
        """Return what becomes of each record, when *batch* has priced the fresh."""
        costs = {
            one.id: None if units is None else from_units(units)
            for one, units in zip(self.fresh, batch.costs, strict=True)
        }
        if len(costs) == len(self.usage):  # nothing came twice
            outcomes = [UsageOutcome(costs[one.id]) for one in self.usage]
        else:
            outcomes = [self._outcome(one, costs) for one in self.usage]
        if batch.marks:
            outcomes = list(_marked(outcomes, self.usage, batch.marks))
        if batch.moved:
            outcomes = list(_placed(outcomes, self.usage, batch.moved))
        return outcomes

    def _outcome(self, one: Usage, costs: Mapping[str, Decimal | None]) -> UsageOutcome:
        if one.id in self.repeats:
            return _repeat(self.repeats[one.id], self.known, costs)
        if one.id in self.known:
            return _again(one, self.known[one.id])
        cost, first = costs[one.id], self.first[one.id]
        if one is first:
            return UsageOutcome(cost)
        return UsageOutcome(
            cost, duplicate=True, conflict=_content(one) != _content(first)
        )


def _known(
    snapshot: Snapshot[ChargesT, TargetT], ids: Collection[str]
) -> dict[str, Content]:
    return standing_of(snapshot.organization_id, ids) if ids else {}


def _marked(
    outcomes: Iterable[UsageOutcome], usage: Iterable[Usage], marks: dict[str, Marks]
) -> Iterator[UsageOutcome]:
    for outcome, one in zip(outcomes, usage, strict=True):
        mark = marks.get(one.id)
        yield outcome if mark is None else outcome._replace(marks=mark)


def _placed(
    outcomes: Iterable[UsageOutcome],
    usage: Iterable[Usage],
    moved: Mapping[str, datetime],
) -> Iterator[UsageOutcome]:
    """Yield *outcomes* with when that is booked which belongs to closed months.

    A repeat of a response is booked where the usage is that it repeats.
    """
    for outcome, one in zip(outcomes, usage, strict=True):
        booked_at = moved.get(outcome.duplicate_of or one.id)
        yield outcome if booked_at is None else outcome._replace(booked_at=booked_at)


def _again(one: Usage, there: Content) -> UsageOutcome:
    """Return what is told of a record whose id is booked already."""
    last = there.rows[-1]
    return UsageOutcome(
        _cost_of(there),
        duplicate=True,
        # What was sent before it was corrected is no news either.
        conflict=all(differs(one, row) for row in (there.content, *there.before)),
        marks=Marks(tuple(last.unpriced_kinds or ()), tuple(last.assumed_kinds or ())),
        booked_at=there.content.timestamp,
    )


def _cost_of(standing: Content) -> Decimal | None:
    total = standing.cost.total
    return None if total is None else from_units(total)


def _repeat(
    usage_id: str, known: Mapping[str, Content], costs: Mapping[str, Decimal | None]
) -> UsageOutcome:
    """Return what is told of a record whose response is booked for *usage_id*."""
    if usage_id not in known:
        cost = costs.get(usage_id)
        return UsageOutcome(cost, duplicate=True, duplicate_of=usage_id)
    booked = known[usage_id]
    return UsageOutcome(
        _cost_of(booked),
        duplicate=True,
        duplicate_of=usage_id,
        booked_at=booked.content.timestamp,
    )


def _content(usage: Usage) -> tuple[object, ...]:
    """Return what a sender said, in a form in which equal things are equal."""
    where = (
        usage.department_id,
        usage.team_id,
        usage.project_id,
        usage.environment,
        usage.user_id,
        usage.run_id,
    )
    return (
        usage.timestamp,
        tuple(name or "" for name in where),
        (usage.provider, usage.model, usage.service_tier or ""),
        parse_tags(bytes(usage.tags)),
        usage.input_tokens or 0,
        usage.cached_tokens or 0,
        usage.cache_write_tokens or 0,
        usage.output_tokens or 0,
        usage.reasoning_tokens or 0,
        None if usage.latency_ms is None else round(usage.latency_ms),
        None if usage.cost is None else to_units(usage.cost),
        usage.cost is not None and (usage.currency or ""),
        usage.requests or usage.fewest_requests,
        usage.quantities or {},
        parse_metadata(bytes(usage.metadata)),
    )


def differs(usage: Usage, row: CostRecord) -> bool:
    """Tell whether *usage* is not what *row* was booked from."""
    sent = sent_of(row.attribution)
    reported = None
    currency: object = False
    if row.reported and not (row.charge_id and row.requests):
        billed = row.total_cost if row.source_cost is None else row.source_cost
        reported = None if billed is None else to_units(billed)
        currency = row.source_currency
    booked = (
        row.own_time,
        (*sent[:5], row.run_id or ""),
        (*sent[5:], row.service_tier),
        row.attribution.tags,
        row.input_tokens,
        row.cached_tokens,
        row.cache_write_tokens,
        row.output_tokens,
        row.reasoning_tokens,
        row.latency_ms,
        reported,
        currency,
        row.requests,
        restored(row.quantities),
        row.metadata,
    )
    said = _content(usage)
    if currency == "" and said[11]:
        # Named, but the organization's own: then it is not kept beside the amount.
        own = said[11] == row.organization.currency
        said = (*said[:11], "" if own else said[11], *said[12:])
    if row.settles is not None:
        # It belongs to what its decision was made for, whatever its sender says.
        found = usage.is_provider_found
        return _but_where(booked, is_provider_found=found) != _but_where(
            said, is_provider_found=found
        )
    return booked != said


def _but_where(content: tuple[Any, ...], *, is_provider_found: bool) -> tuple[Any, ...]:
    """Leave out of `_content` what may be the decision's, and not its sender's."""
    when, _, (provider, model, tier), _, *rest = content
    provider = "" if is_provider_found else provider
    return when, provider, model_named(model).model, tier, *rest
