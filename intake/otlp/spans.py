"""What a span with GenAI attributes says was used, as a usage record: no rows."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from intake.counts import Counts, Reading, fitted, read
from intake.otlp.kinds import Kind, kind_of
from intake.otlp.names import (
    CACHE_WRITE,
    CACHED,
    COST,
    COST_CURRENCY,
    COST_SOURCE,
    DIMENSIONS,
    INPUT,
    METADATA,
    MODEL,
    NO_PROVIDERS,
    OUTPUT,
    PROVIDER,
    QUANTITIES,
    QUANTITY,
    REASONING,
    REASONING_APART,
    RESPONSE_ID,
    RESPONSE_IDS,
    SERVICE,
    SERVICE_TIER,
    TAGS,
    TOTAL,
)
from intake.otlp.packed import counts_cached_apart, unpacked
from intake.otlp.wire import Span
from ledger.identity import provider_named
from ledger.quantities import WRITES
from ledger.usage import (
    MOST_TOKENS,
    Usage,
    check,
    decode_error,
    decode_one,
    odd_characters,
)

_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}", re.ASCII)
_SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}", re.ASCII)
_DIGITS = re.compile(r"\d{1,20}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_MS = 2**31 - 1
_LONGEST_ID = 255  # of a response
_LONGEST_DETAIL = 200  # characters of a text in the metadata; the rest is cut off
_MOST_DETAILS = 10  # of a list


class Broken(ValueError):
    """A span says that something was used, but not so that it can be booked."""


@dataclass(frozen=True, slots=True)
class SpanTokens:
    """Token counts; None where a span has none. Cached ones are part of the input."""

    input: int | None
    output: int | None
    cached: int | None
    cache_write: int | None
    reasoning: int | None
    quantities: Mapping[str, int | float] = field(default_factory=dict)
    told: tuple[tuple[str, str], ...] = ()  # what was read otherwise than it was sent


@dataclass(frozen=True, slots=True)
class Call:
    """A span that says what was used, and what tells it from one that repeats it."""

    trace_id: str
    span_id: str
    parent_id: str  # "": none
    kind: Kind
    start: int  # ns since 1970
    end: int
    input_tokens: int
    output_tokens: int
    response_id: str = ""
    named: bool = True  # False: the span does not say which operation it is

    @property
    def usage_id(self) -> str:
        return f"{self.trace_id}-{self.span_id}"


@dataclass(frozen=True, slots=True)
class SpanCandidate:
    """A call that came in, with all that its usage record is made from."""

    call: Call
    span: Span
    tokens: SpanTokens
    organization: str  # as the span names it, or ""


def candidate_of(span: Span) -> SpanCandidate | None:
    """Return what *span* may be billed for, None when it says of no usage.

    Raises:
        Broken: its ids, times, tokens or cost can't be right.
    """
    kind, named = kind_of(span.attributes, span.name)
    if kind is None:
        return None
    tokens = _tokens_of(span.attributes)
    if tokens is None and _reported_cost(span.attributes) is None:
        return None
    tokens = tokens or SpanTokens(None, None, None, None, None)
    if not _TRACE_ID.fullmatch(span.trace_id) or not _SPAN_ID.fullmatch(span.span_id):
        raise Broken("the trace id must be 16 bytes and the span id 8, not all zero")
    if not span.start and not span.end:
        raise Broken("neither a start nor an end time")
    call = Call(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_id=span.parent_id if _SPAN_ID.fullmatch(span.parent_id) else "",
        kind=kind,
        start=span.start or span.end,
        end=max(span.start, span.end),
        input_tokens=tokens.input or 0,
        output_tokens=tokens.output or 0,
        response_id=_first_text(span.attributes, RESPONSE_IDS),
        named=named,
    )
    organization = _looked_up(span, DIMENSIONS["organization_id"])
    return SpanCandidate(call, span, tokens, organization)


def usage_of(candidate: SpanCandidate) -> Usage:
    """Return the usage record of a call.

    Raises:
        Broken: no model or provider, or a field that no usage record may have.
    """
    fields = _fields_of(candidate)
    try:
        record = decode_one(msgspec.json.encode(fields))
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        found = decode_error(error)
        raise Broken(f"{found.attr}: {found.detail}".removeprefix(": ")) from error
    if errors := odd_characters(record) or check(record):
        raise Broken(f"{errors[0].attr}: {errors[0].detail}")
    return record


def _fields_of(candidate: SpanCandidate) -> dict[str, Any]:
    span, call, tokens = candidate.span, candidate.call, candidate.tokens
    cost = _reported_cost(span.attributes)
    currency = _text(span.attributes.get(COST_CURRENCY))
    latency = (span.end - span.start) / 1_000_000 if span.start else -1
    fields = {
        "id": call.usage_id,
        "timestamp": _EPOCH + timedelta(microseconds=call.start // 1_000),
        "provider": _provider_of(span.attributes),
        "model": _model_of(span.attributes),
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "cached_tokens": tokens.cached,
        "cache_write_tokens": tokens.cache_write,
        "reasoning_tokens": tokens.reasoning,
        "quantities": dict(tokens.quantities) or None,
        # Clocks that were set in between are no reason to lose what it cost.
        "latency_ms": latency if 0 <= latency <= _LONGEST_MS else None,
        "service_tier": _first_text(span.attributes, SERVICE_TIER) or None,
        "tags": _tags_of(span),
        "metadata": _metadata_of(candidate),
        "response_id": call.response_id[:_LONGEST_ID] or None,
        "cost": cost,
        "currency": currency if cost and currency else None,
    }
    dimensions = {name: _looked_up(span, names) for name, names in DIMENSIONS.items()}
    fields |= {name: value for name, value in dimensions.items() if value}
    return {name: value for name, value in fields.items() if value is not None}


# -- Tokens


def _tokens_of(sent: dict[str, Any]) -> SpanTokens | None:
    attributes = unpacked(sent)
    counts = Counts(
        *(
            _count(attributes, names)
            for names in (INPUT, OUTPUT, CACHED, CACHE_WRITE, REASONING, TOTAL)
        )
    )
    named = _quantities_named(attributes)
    if all(count is None for count in counts[:5]) and not named:
        return None
    quantities = {
        kind: amount
        for kind, names in QUANTITIES.items()
        if (amount := _count(attributes, names))
    }
    written = sum(quantities.get(kind, 0) for kind in WRITES)
    if written > (counts.cache_write or 0):
        counts = counts._replace(cache_write=written)
    reading = read(
        counts,
        cached_apart=counts_cached_apart(attributes, _provider_of(attributes)),
        reasoning_apart=_first_there(attributes, REASONING) == REASONING_APART,
    )
    quantities, doubt = fitted(quantities, counts, reading)
    told = dict(_told(sent, counts, reading))
    if doubt is not None:
        told["quantities"] = doubt
    return SpanTokens(
        reading.input,
        reading.output,
        counts.cached,
        counts.cache_write,
        counts.reasoning,
        {**quantities, **named},
        tuple(told.items()),
    )


def _quantities_named(attributes: Mapping[str, Any]) -> dict[str, int | float]:
    """Return what is said to CostOps by name, of whatever kind; checked later on."""
    return {
        name.removeprefix(QUANTITY): value
        for name, value in attributes.items()
        if name.startswith(QUANTITY) and type(value) in {int, float}
    }


def _told(
    sent: dict[str, Any], counts: Counts, reading: Reading
) -> Iterator[tuple[str, str]]:
    """Say what was read otherwise than it was sent, for the metadata."""
    if counts.input not in {None, reading.input}:
        yield "corrected", f"input_tokens were {counts.input}, without the cached ones"
    if counts.output not in {None, reading.output}:
        said = f"output_tokens were {counts.output}, without the reasoning"
        yield "corrected_output", said
    if not reading.adds_up:
        yield "total", f"{counts.total} is the sum in no reading of the parts"


def _count(attributes: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    for name in names:
        value = attributes.get(name)
        if value is None:
            continue
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # some senders have no other numbers
        elif isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
            value = int(value)  # and Java's observations nothing but texts
        if type(value) is not int or not 0 <= value <= MOST_TOKENS:
            detail = f"{name} must be a whole number from 0 to {MOST_TOKENS:,}"
            raise Broken(detail)
        return value
    return None


# -- The other fields


def _provider_of(attributes: Mapping[str, Any]) -> str | None:
    """Return the provider; None: the span names none, but its model may tell it."""
    for name in PROVIDER:
        said = _text(attributes.get(name)).strip('"')
        if said and said.lower() not in NO_PROVIDERS:
            return provider_named(said)
    return None


def _model_of(attributes: dict[str, Any]) -> str:
    if model := _first_text(attributes, MODEL).strip('"'):
        return model
    raise Broken(f"no model: neither {MODEL[0]} nor {MODEL[1]}")


def _reported_cost(attributes: dict[str, Any]) -> str | None:
    """Return what the provider billed; what the sender reckoned itself is no such."""
    amount = attributes.get(COST)
    if amount is None or _text(attributes.get(COST_SOURCE)).lower() != "provider":
        return None
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        raise Broken(f"{COST} must be a number")
    if not math.isfinite(amount) or amount < 0:
        raise Broken(f"{COST} must be an amount of at least 0")
    return f"{Decimal(str(amount)):f}"


def _looked_up(span: Span, names: tuple[str, ...]) -> str:
    for name in names:
        for where in (span.attributes, span.resource):
            value = where.get(name)
            text = str(value) if type(value) is int else _text(value)
            # An SDK that was told no name of its service makes up such a one.
            if text and not (name == SERVICE and text.startswith("unknown_service")):
                return text
    return ""


def _tags_of(span: Span) -> Any:
    """Return tags as they came; of a text, what stands between its commas."""
    tags = span.attributes.get(TAGS, span.resource.get(TAGS))
    if isinstance(tags, str):
        return [part.strip() for part in tags.split(",") if part.strip()]
    return tags


def _metadata_of(candidate: SpanCandidate) -> dict[str, Any]:
    """Return the details worth keeping, and what finds the call again in its trace."""
    attributes = candidate.span.attributes
    kept = {name: _cut(attributes[name]) for name in METADATA if name in attributes}
    if (response_id := candidate.call.response_id) and RESPONSE_ID not in kept:
        kept[RESPONSE_ID] = _cut(response_id)
    return {**kept, "otlp": dict(_origin_of(candidate))}


def _origin_of(candidate: SpanCandidate) -> Iterator[tuple[str, str | bool]]:
    yield "kind", candidate.call.kind.value
    yield "named", candidate.call.named
    yield "span_name", candidate.span.name[:_LONGEST_DETAIL]
    if candidate.call.parent_id:
        yield "parent_span_id", candidate.call.parent_id
    yield from candidate.tokens.told


def _cut(value: Any) -> Any:
    if isinstance(value, list):
        return [_cut(each) for each in value[:_MOST_DETAILS]]
    if isinstance(value, str):
        return value[:_LONGEST_DETAIL]
    return value if isinstance(value, bool | int | float) else None


def _first_there(attributes: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((name for name in names if attributes.get(name) is not None), "")


def _first_text(attributes: Mapping[str, Any], names: tuple[str, ...]) -> str:
    found = (_text(attributes.get(name)) for name in names)
    return next((text for text in found if text), "")


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
