"""Booking the spans of an export: what each is worth, once, with a word on the rest."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from accounts.models import Organization
from accounts.types import Caller
from intake.otlp.billing import Trace
from intake.otlp.kinds import Kind
from intake.otlp.names import RESPONSE_ID
from intake.otlp.spans import Broken, Call, SpanCandidate, candidate_of, usage_of
from intake.otlp.wire import Export, Span
from intake.services import receive
from ledger.models import CostRecord
from ledger.usage import EARLIEST, LATEST, Usage

MOST_AT_ONCE = 10_000  # records booked in one transaction
MOST_TRACES = 100  # looked up in one query
MOST_BOOKED = 20_000  # records that are looked at for so many traces
# Calls around those that came in may have begun so much earlier.
LOOK_BACK = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

TraceKey = tuple[str, str]  # the organization, "" for the caller's own; the trace id


@dataclass(slots=True)
class Tally:
    """What became of the spans of one export."""

    booked: int = 0  # known ones included: they changed nothing
    repeats: int = 0  # of usage that another span of the trace stands for
    ignored: int = 0  # nothing in them was used
    problems: list[str] = field(default_factory=list)  # a sentence a rejected span


def receive_spans(export: Export, *, caller: Caller) -> Tally:
    """Book what the spans of *export* used; safe to repeat, bad ones harm no others."""
    tally = Tally(problems=export.unreadable)
    traces = _by_trace(export.spans, tally, own=caller.organization_slug or "")
    booked = _booked(traces, caller)
    parents = _parents_of(export.spans)
    records: list[Usage] = []
    for key, candidates in traces.items():
        trace = Trace(parents[key[1]], booked.get(key, ()))
        records += _judged(trace, candidates, tally)
    _book(records, tally, caller)
    return tally


def _by_trace(
    spans: Iterable[Span], tally: Tally, *, own: str
) -> dict[TraceKey, list[SpanCandidate]]:
    traces: defaultdict[TraceKey, list[SpanCandidate]] = defaultdict(list)
    for span in spans:
        try:
            candidate = candidate_of(span) if span.attributes else None
        except Broken as broken:
            tally.problems.append(_sentence(span, broken))
            continue
        if candidate is None:
            tally.ignored += 1
        else:
            name = candidate.organization
            key = "" if name == own else name, candidate.call.trace_id
            traces[key].append(candidate)
    return traces


def _parents_of(spans: Iterable[Span]) -> defaultdict[str, dict[str, str]]:
    """Return the parent of every span, by trace: those between two calls, too."""
    parents: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for span in spans:
        parents[span.trace_id][span.span_id] = span.parent_id.strip("0") and (
            span.parent_id
        )
    return parents


def _judged(
    trace: Trace, candidates: Sequence[SpanCandidate], tally: Tally
) -> Iterator[Usage]:
    """Yield the records of those that are billed."""
    for candidate in sorted(candidates, key=lambda each: trace.order_of(each.call)):
        call = candidate.call
        known = trace.is_counted(call)
        if not known and trace.is_repeat(call):
            tally.repeats += 1
            continue
        try:
            record = usage_of(candidate)
        except Broken as broken:
            tally.problems.append(_sentence(candidate.span, broken))
            continue
        if not known:
            trace.count(call)
        yield record


def _book(records: Sequence[Usage], tally: Tally, caller: Caller) -> None:
    for start in range(0, len(records), MOST_AT_ONCE):
        receipt = receive(records[start : start + MOST_AT_ONCE], [], caller=caller)
        tally.booked += len(receipt.outcomes)
        for _, usage_id, errors in receipt.rejected:
            detail = errors[0].detail if errors else "It was refused."
            tally.problems.append(f"Span {usage_id}: {detail}")


def _sentence(span: Span, broken: Broken) -> str:
    return f"Span {span.trace_id[:32]}-{span.span_id[:16]}: {broken}.".replace(
        "..", "."
    )


# -- What earlier exports brought


def _booked(
    traces: dict[TraceKey, list[SpanCandidate]], caller: Caller
) -> dict[TraceKey, list[Call]]:
    """Return the calls of *traces* that are booked, each once.

    One query for up to MOST_TRACES traces of one organization.
    """
    found: defaultdict[TraceKey, list[Call]] = defaultdict(list)
    wanted: defaultdict[str, list[str]] = defaultdict(list)
    for name, trace_id in traces:
        wanted[name].append(trace_id)
    owners = _owners_of(wanted, caller)
    for name, trace_ids in wanted.items():
        if name not in owners:
            continue  # receive() will say so
        for start in range(0, len(trace_ids), MOST_TRACES):
            some = trace_ids[start : start + MOST_TRACES]
            since = min(each.call.start for id_ in some for each in traces[name, id_])
            for call in _calls_of(owners[name], some, since):
                found[name, call.trace_id].append(call)
    return found


def _owners_of(names: Iterable[str], caller: Caller) -> dict[str, int]:
    """Return the ids of the organizations that *caller* reports for, by their names."""
    if caller.organization_id is not None:
        return {"": caller.organization_id}
    rows = Organization.objects.filter(slug__in=[name for name in names if name])
    return dict(rows.values_list("slug", "pk"))


def _calls_of(
    organization_id: int, trace_ids: Sequence[str], since: int
) -> Iterator[Call]:
    """Yield what is booked of the traces since about *since*, and all agents."""
    # All ids of a trace lie between these two in the order of any collation, so that
    # the index on them is used. A prefix would not do that.
    spans = (
        Q(usage_id__range=(f"{trace_id}-{'0' * 16}", f"{trace_id}-{'f' * 16}"))
        for trace_id in trace_ids
    )
    moment = _EPOCH + timedelta(microseconds=since // 1_000) - LOOK_BACK
    recent = Q(timestamp__gte=min(max(moment, EARLIEST), LATEST))
    rows = CostRecord.objects.filter(
        reduce(or_, spans),
        recent | Q(metadata__otlp__kind=Kind.AGENT.value),
        organization=organization_id,
        correction=0,
    ).values(
        "usage_id",
        "timestamp",
        "used_at",
        "latency_ms",
        "input_tokens",
        "output_tokens",
        "metadata",
    )
    for row in rows[:MOST_BOOKED]:
        if call := _call_of(row):
            yield call


def _call_of(row: Mapping[str, Any]) -> Call | None:
    """Return the call that a record stands for; None: it came in by another door."""
    metadata = row["metadata"]
    origin = metadata.get("otlp") if isinstance(metadata, dict) else None
    if not isinstance(origin, dict) or origin.get("kind") not in set(Kind):
        return None
    trace_id, _, span_id = row["usage_id"].partition("-")
    start = (
        ((row["used_at"] or row["timestamp"]) - _EPOCH)
        // timedelta(microseconds=1)
        * 1_000
    )
    return Call(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=str(origin.get("parent_span_id") or ""),
        kind=Kind(origin["kind"]),
        start=start,
        end=start + (row["latency_ms"] or 0) * 1_000_000,
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        response_id=str(metadata.get(RESPONSE_ID) or ""),
        named=bool(origin.get("named", True)),
    )
