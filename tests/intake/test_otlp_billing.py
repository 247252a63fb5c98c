"""What several spans tell of is billed once, however it is split into exports."""

from itertools import permutations
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization
from intake.otlp.billing import Trace
from intake.otlp.kinds import Kind
from intake.otlp.spans import Call
from ledger.models import CostRecord
from tests.factories import make_key, make_organization
from tests.intake.otlp_exports import (
    AGENT,
    CHAT,
    EMBEDDINGS,
    Exporter,
    make_span,
    span_id,
    usage_id,
)

pytestmark = pytest.mark.django_db

Spans = dict[str, dict[str, Any]]


@pytest.fixture
def exporter(acme: Organization) -> Exporter:
    return Exporter(make_key(organization=acme))


def with_tokens(attributes: dict[str, Any], tokens: int, **more: Any) -> dict[str, Any]:
    counts = dict.fromkeys(
        ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"), tokens
    )
    return {**attributes, **counts, **more}


def without_operation(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        key: attributes[key] for key in attributes if key != "gen_ai.operation.name"
    }


def responding(attributes: dict[str, Any], response_id: str) -> dict[str, Any]:
    return {**attributes, "gen_ai.response.id": response_id}


def other(number: int, parent: int, **where: Any) -> dict[str, Any]:
    return make_span(number, {"http.request.method": "POST"}, parent=parent, **where)


def booked() -> set[int]:
    """Return the numbers of the spans whose usage is booked."""
    ids = CostRecord.objects.values_list("usage_id", flat=True)
    return {int(each.partition("-")[2], 16) for each in ids}


# Exports, each with its spans, and the numbers of those that are billed.
AGENT_SPAN = make_span(1, with_tokens(AGENT, 2000), seconds=10)
CHATS = [
    make_span(2, CHAT, parent=1, at=1),
    make_span(3, CHAT, parent=1, at=3),
]
CASES: dict[str, tuple[list[list[dict[str, Any]]], set[int]]] = {
    "an agent and its calls together": ([[AGENT_SPAN, *CHATS]], {2, 3}),
    "an agent after its calls": ([CHATS, [AGENT_SPAN]], {2, 3}),
    "an agent after each of its calls": (
        [[CHATS[0]], [CHATS[1]], [AGENT_SPAN]],
        {2, 3},
    ),
    "an agent before its calls": ([[AGENT_SPAN], CHATS], {1}),
    "an agent without calls": ([[AGENT_SPAN]], {1}),
    "an agent whose calls failed": (
        [[make_span(2, {"gen_ai.operation.name": "chat"}, parent=1), AGENT_SPAN]],
        {1},
    ),
    "an agent whose only call is broken": (
        [[make_span(2, {**CHAT, "gen_ai.request.model": ""}, parent=1), AGENT_SPAN]],
        {1},
    ),
    "an agent around embeddings only": (
        [[make_span(2, EMBEDDINGS, parent=1, at=1)], [AGENT_SPAN]],
        {1, 2},
    ),
    "spans between agent and call": (
        [[make_span(4, CHAT, parent=3, at=2), other(3, 2)], [other(2, 1), AGENT_SPAN]],
        {4},
    ),
    "an agent in another service": (
        [
            [make_span(1, AGENT, parent=9, seconds=10)],
            [make_span(4, CHAT, parent=3, at=2)],
            [other(3, 2), other(2, 1)],
        ],
        {1},
    ),
    "agents side by side, without calls": (
        [
            [make_span(2, AGENT, parent=1, seconds=5)],
            [make_span(3, AGENT, parent=1, at=1, seconds=5)],
        ],
        {2, 3},
    ),
    "agents one after the other, with spans between": (
        [
            [make_span(4, AGENT, parent=2, seconds=5), other(2, 1)],
            [make_span(5, AGENT, parent=3, at=20, seconds=5), other(3, 1)],
        ],
        {4, 5},
    ),
    "a call long after the agent, with spans between": (
        [[make_span(4, CHAT, parent=2, at=30)], [make_span(5, AGENT, parent=3)]],
        {4, 5},
    ),
    "a long agent before its calls": (
        [
            [make_span(1, AGENT, parent=9, seconds=600)],
            [make_span(2, CHAT, parent=1, at=500)],
        ],
        {1},
    ),
    "an agent in an agent, without calls": (
        [[make_span(2, AGENT, parent=1, at=1), AGENT_SPAN]],
        {2},
    ),
    "an agent in an agent, later": (
        [[make_span(2, AGENT, parent=1, at=1)], [AGENT_SPAN]],
        {2},
    ),
    "an agent in an agent, earlier": (
        [[AGENT_SPAN], [make_span(2, AGENT, parent=1, at=1)]],
        {1},
    ),
    "a call beside the agent": (
        [[make_span(2, CHAT, parent=9)], [make_span(3, AGENT, parent=9, seconds=9)]],
        {2, 3},
    ),
    "a call of another trace": (
        [[make_span(2, CHAT, parent=1, trace=2, at=1), AGENT_SPAN]],
        {1, 2},
    ),
    "a framework and the provider's client": (
        [[make_span(2, CHAT, parent=1, at=0.1), make_span(1, CHAT)]],
        {2},
    ),
    "a framework and the client, later": (
        [[make_span(2, CHAT, parent=1, at=0.1)], [make_span(1, CHAT)]],
        {2},
    ),
    "a framework and the client, earlier": (
        [[make_span(1, CHAT)], [make_span(2, CHAT, parent=1, at=0.1)]],
        {1},
    ),
    "a framework long before the client": (
        [[make_span(1, CHAT, seconds=60)], [make_span(2, CHAT, parent=1, at=30)]],
        {1},
    ),
    "a call that made others of its own": (
        [[make_span(2, with_tokens(CHAT, 7), parent=1), make_span(1, CHAT)]],
        {1, 2},
    ),
    "the same response twice": (
        [
            [make_span(2, responding(CHAT, "r1"), parent=8)],
            [make_span(3, responding(with_tokens(CHAT, 999), "r1"), parent=9)],
        ],
        {2},
    ),
    "alike but of two responses": (
        [
            [
                make_span(2, responding(CHAT, "r1"), parent=1),
                make_span(1, responding(CHAT, "r2")),
            ]
        ],
        {1, 2},
    ),
    "a span without an operation around calls": (
        [[*CHATS, make_span(1, with_tokens(without_operation(CHAT), 1999))]],
        {2, 3},
    ),
    "a response that is only fetched": (
        [
            [
                make_span(2, CHAT),
                make_span(3, {**CHAT, "gen_ai.operation.name": "fetch_response"}),
            ]
        ],
        {2},
    ),
    "nested embeddings": (
        [[make_span(2, EMBEDDINGS, parent=1), make_span(1, EMBEDDINGS)]],
        {2},
    ),
    "ancestors in a circle": (
        [[make_span(1, CHAT, parent=2), make_span(2, CHAT, parent=1)]],
        {1},
    ),
}


@pytest.mark.parametrize(("exports", "billed"), CASES.values(), ids=list(CASES))
def test_what_several_spans_tell_of_is_billed_once(
    exporter: Exporter, exports: list[list[dict[str, Any]]], billed: set[int]
) -> None:
    for spans in exports:
        exporter.send(*spans)

    assert booked() == billed


@pytest.mark.parametrize(("exports", "billed"), CASES.values(), ids=list(CASES))
def test_to_send_it_all_again_changes_nothing(
    exporter: Exporter, exports: list[list[dict[str, Any]]], billed: set[int]
) -> None:
    for spans in [*exports, *exports, *reversed(exports)]:
        exporter.send(*spans)

    assert booked() == billed


@pytest.mark.parametrize("order", [*permutations(range(3))], ids=str)
def test_the_order_within_an_export_does_not_matter(
    exporter: Exporter, order: tuple[int, ...]
) -> None:
    spans = [AGENT_SPAN, *CHATS]

    sent = exporter.send(*(spans[place] for place in order))

    assert booked() == {2, 3}
    assert sent.counts == "booked=2, repeats=1, ignored=0, rejected=0"


def test_an_agent_that_is_not_billed_needs_no_model(exporter: Exporter) -> None:
    nameless = {key: AGENT[key] for key in AGENT if key != "gen_ai.request.model"}

    sent = exporter.send(make_span(1, nameless), make_span(2, CHAT, parent=1))
    alone = exporter.send(make_span(1, nameless, trace=2))

    assert (sent.rejected, alone.rejected) == (0, 1)
    assert "no model" in alone.message


def test_a_record_of_another_door_with_such_an_id_does_not_matter(
    exporter: Exporter, api: Any
) -> None:
    record = {"timestamp": "2025-01-15T12:00:00Z", "provider": "openai", "model": "m"}
    for number, metadata in enumerate([None, {"otlp": 3}, {"otlp": {"kind": "x"}}]):
        used = {"input_tokens": 1, "metadata": metadata}
        api.post("usage", {"id": usage_id(number + 5), **record, **used})

    exporter.send(AGENT_SPAN)

    assert 1 in booked()


def test_other_organizations_are_not_looked_at(exporter: Exporter) -> None:
    theirs = Exporter(make_key(organization=make_organization("theirs")))
    theirs.send(*CHATS)

    exporter.send(AGENT_SPAN)

    assert CostRecord.objects.filter(organization__slug="acme").count() == 1


def test_a_platform_key_bills_each_organization_s_trace_by_itself(db: None) -> None:
    for slug in ("acme", "theirs"):
        make_organization(slug)
    platform = Exporter(make_key())
    platform.send(*CHATS, resource={"costops.organization_id": "theirs"})

    mine = platform.send(AGENT_SPAN, resource={"costops.organization_id": "acme"})
    again = platform.send(AGENT_SPAN, resource={"costops.organization_id": "theirs"})

    assert mine.counts.startswith("booked=1, repeats=0")
    assert again.counts.startswith("booked=0, repeats=1")


def test_what_is_booked_is_looked_up_once_for_many_traces(exporter: Exporter) -> None:
    spans = [
        make_span(number, CHAT, parent=900, trace=number) for number in range(1, 90)
    ]
    exporter.send(*spans)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        exporter.send(*(span | {"spanId": span_id(700)} for span in spans))

    looked = [query for query in queries if "correction" in query["sql"]]
    assert len([each for each in looked if each["sql"].startswith("SELECT")]) == 1


@st.composite
def runs(draw: st.DrawFn) -> tuple[list[tuple[Call | None, str, str]], list[int]]:
    """Draw spans as (call, id, parent) in the order they end, and how they are split.

    Agents are trees of agents, plain spans and calls; each agent has a call below it.
    """
    ended: list[tuple[Call | None, str, str]] = []
    clock = 0

    def add(parent: str, depth: int, kind: str) -> int:
        nonlocal clock
        clock += 1
        start, own = clock, f"{clock:016x}"
        total = 0
        if kind == "chat":
            total = draw(st.integers(1, 3))
        else:
            kinds = st.sampled_from(
                ["chat", "agent", "plain"] if depth < 4 else ["chat"]
            )
            for inner in [*draw(st.lists(kinds, max_size=3)), "chat"]:
                total += add(own, depth + 1, inner)
        clock += 1
        ended.append((_call(own, parent, kind, start, clock, total), own, parent))
        return total

    add("", 0, draw(st.sampled_from(["agent", "plain"])))
    cuts = draw(st.lists(st.integers(0, len(ended)), max_size=4))
    return ended, sorted(cuts)


def _call(
    own: str, parent: str, kind: str, start: int, end: int, total: int
) -> Call | None:
    if kind == "plain":
        return None
    what = Kind.INFERENCE if kind == "chat" else Kind.AGENT
    moments = start * 10**8, end * 10**8
    return Call("1" * 32, own, parent, what, *moments, total, total)


@given(runs())
def test_every_call_of_a_run_is_billed_and_no_agent(
    run: tuple[list[tuple[Call | None, str, str]], list[int]],
) -> None:
    ended, cuts = run
    billed: list[Call] = []

    for start, end in zip([0, *cuts], [*cuts, len(ended)], strict=True):
        export = ended[start:end]
        trace = Trace({own: parent for _, own, parent in export}, billed)
        calls = [call for call, _, _ in export if call is not None]
        for call in sorted(calls, key=trace.order_of):
            if not trace.is_repeat(call):
                trace.count(call)
                billed.append(call)

    expected = {each for each, _, _ in ended if each and each.kind is Kind.INFERENCE}
    assert set(billed) == expected
