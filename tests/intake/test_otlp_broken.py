"""Spans that can't be booked, and whatever else a span may hold."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.otlp.spans import Broken, candidate_of, usage_of
from intake.otlp.wire import JSON, decode
from tests.intake.otlp_exports import (
    CHAT,
    make_export,
    make_span,
    record_of,
    to_json,
)

USED = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}
_usage = "gen_ai.usage"


BROKEN: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"gen_ai.usage.input_tokens": -1}, {}, "gen_ai.usage.input_tokens must be"),
    ({"gen_ai.usage.input_tokens": 10**15}, {}, "gen_ai.usage.input_tokens must be"),
    ({"gen_ai.usage.output_tokens": 1.5}, {}, "gen_ai.usage.output_tokens must be"),
    (
        {"gen_ai.usage.output_tokens": "12 tokens"},
        {},
        "gen_ai.usage.output_tokens must be",
    ),
    ({"gen_ai.usage.output_tokens": True}, {}, "gen_ai.usage.output_tokens must be"),
    ({"gen_ai.usage.output_tokens": [1]}, {}, "gen_ai.usage.output_tokens must be"),
    ({"gen_ai.request.model": ""}, {}, "no model"),
    ({"gen_ai.request.model": 4}, {}, "no model"),
    ({"gen_ai.provider.name": "", "gen_ai.request.model": "x"}, {}, "provider"),
    ({"gen_ai.request.model": "m" * 201}, {}, "model: "),
    ({"gen_ai.request.model": "m\x00"}, {}, "model: "),
    ({"user.id": "u\x00"}, {}, "user_id: "),
    ({"gen_ai.conversation.id": "u\x00"}, {}, "metadata: "),
    ({"costops.tags": 7}, {}, "tags: "),
    ({"costops.tags": [["a"]]}, {}, "tags: "),
    ({}, {"traceId": "00" * 16}, "the trace id"),
    ({}, {"traceId": "ab"}, "the trace id"),
    ({}, {"traceId": "W47/95gDgQPSabYzgT/GDA=="}, "the trace id"),
    ({}, {"spanId": "00" * 8}, "the trace id"),
    ({}, {"spanId": "zz" * 8}, "the trace id"),
    ({}, {"startTimeUnixNano": "0", "endTimeUnixNano": "0"}, "neither"),
    ({}, {"startTimeUnixNano": "5"}, "timestamp: "),
    ({}, {"startTimeUnixNano": str(2**64 - 1)}, "timestamp: "),
]


@pytest.mark.parametrize(("attributes", "overrides", "words"), BROKEN, ids=str)
def test_a_broken_span_is_told_of(
    attributes: dict[str, Any], overrides: dict[str, Any], words: str
) -> None:
    with pytest.raises(Broken, match=words):
        record_of({**CHAT, **attributes}, **overrides)


@pytest.mark.parametrize("amount", [-1.0, 1e300, float("nan"), float("inf"), True, "3"])
def test_a_cost_that_is_no_amount_is_broken(amount: Any) -> None:
    cost = {f"{_usage}.cost.source": "provider", f"{_usage}.cost.amount": amount}

    with pytest.raises(Broken, match=r"cost"):
        record_of({**CHAT, **cost})


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(
    [
        *CHAT,
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.total_tokens",
        "gen_ai.usage.cost.amount",
        "gen_ai.usage.cost.source",
        "gen_ai.response.id",
        "costops.tags",
        "user.id",
    ]
)


@given(
    attributes=st.dictionaries(names, values),
    times=st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)),
)
def test_whatever_a_span_holds_it_is_booked_or_broken_never_a_crash(
    attributes: dict[str, Any], times: tuple[int, int]
) -> None:
    span = make_span(
        attributes={**CHAT, **{k: v for k, v in attributes.items() if v is not None}},
        startTimeUnixNano=str(times[0]),
        endTimeUnixNano=times[1],
    )

    (read,) = decode(to_json(make_export(span)), JSON).spans
    try:
        candidate = candidate_of(read)
        record = usage_of(candidate) if candidate else None
    except Broken:
        return

    assert record is None or (record.input_tokens or 0) >= (record.cached_tokens or 0)


counts = st.integers(0, 10**6)


@given(counts, counts, counts, counts, counts, st.none() | counts)
def test_parts_never_exceed_their_whole(
    read: int, write: int, reasoning: int, inside: int, out: int, total: int | None
) -> None:
    tokens = {
        "input_tokens": inside,
        "output_tokens": out,
        "cache_read.input_tokens": read,
        "cache_write.input_tokens": write,
        "reasoning.output_tokens": reasoning,
    }
    if total is not None:
        tokens["total_tokens"] = total

    record = record_of({**USED, **{f"{_usage}.{n}": c for n, c in tokens.items()}})

    assert record.input_tokens in {inside, inside + read + write}
    assert record.output_tokens in {out, out + reasoning}
