"""Spans as instrumentation libraries and agent frameworks write them."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from accounts.models import Organization
from budgets.models import BudgetPeriod
from intake.otlp import names as names
from intake.otlp.kinds import Kind
from intake.otlp.spans import candidate_of
from intake.otlp.wire import JSON, Span, decode
from ledger.models import CostRecord
from ledger.usage import parse_metadata
from tests.factories import NOON, make_budget, make_key
from tests.intake.otlp_exports import (
    Exporter,
    make_export,
    make_span,
    record_of,
    to_json,
)
from tests.intake.otlp_senders import COUNT, SENDERS, USAGE, VERCEL, Told


def told_of(record: Any) -> Told:
    return Told(
        record.provider,
        record.model,
        record.input_tokens or 0,
        record.output_tokens or 0,
        record.cached_tokens or 0,
        record.cache_write_tokens or 0,
        record.reasoning_tokens or 0,
    )


@pytest.mark.parametrize("sender", SENDERS)
def test_a_span_is_read_as_its_sender_means_it(sender: str) -> None:
    attributes, told = SENDERS[sender]

    record = record_of(attributes)

    assert told_of(record) == told


AROUND: dict[str, dict[str, Any]] = {
    "Vercel": {"ai.operationId": "ai.streamText", f"{VERCEL}.inputTokens": 3100},
    "Vercel, 7": {"gen_ai.operation.name": "agent_step", f"{USAGE}.input_tokens": 1},
    "OpenInference": {"openinference.span.kind": "AGENT", f"{COUNT}.prompt": 3100},
    "OpenLLMetry": {"traceloop.span.kind": "workflow", f"{USAGE}.input_tokens": 9},
    "Langfuse": {
        "langfuse.observation.type": "span",
        "langfuse.observation.usage_details": '{"input": 9, "output": 9}',
    },
    "LangSmith": {"gen_ai.operation.name": "chain", f"{USAGE}.input_tokens": 9},
    "MLflow": {
        "mlflow.spanType": '"AGENT"',
        "mlflow.chat.tokenUsage": '{"input_tokens": 9}',
    },
}


@pytest.mark.parametrize("sender", AROUND)
def test_a_span_that_sums_up_the_calls_below_is_known_as_such(sender: str) -> None:
    candidate = candidate_of(_span(AROUND[sender]))

    assert candidate is not None
    assert candidate.call.kind is Kind.AGENT


def _span(attributes: dict[str, Any]) -> Span:
    (span,) = decode(to_json(make_export(make_span(1, attributes))), JSON).spans
    return span


@pytest.mark.django_db
def test_vercels_call_is_billed_once_to_its_provider(acme: Organization) -> None:
    budget = make_budget(
        acme,
        "OpenAI",
        "1",
        scope={"providers": ["openai"]},
        now=NOON,
    )
    call, _ = SENDERS["Vercel's SDK 5, OpenAI"]
    around = {
        "ai.operationId": "ai.streamText",
        "ai.model.provider": "openai.responses",
        f"{VERCEL}.inputTokens": 3100,
        f"{VERCEL}.outputTokens": 640,
        f"{VERCEL}.cachedInputTokens": 2900,
    }

    sent = Exporter(make_key(organization=acme)).send(
        make_span(1, around), make_span(2, call, parent=1)
    )

    assert sent.counts == "booked=1, repeats=1, ignored=0, rejected=0"
    (record,) = CostRecord.objects.select_related("attribution")
    assert record.total_cost == Decimal("0.0002805000")
    assert record.attribution.provider == "openai"
    period = BudgetPeriod.objects.get(budget=budget, spent__gt=0)
    assert period.spent == Decimal("0.0002805000")


@pytest.mark.parametrize(
    ("sent", "kinds"),
    [
        ({f"{USAGE}.cache_creation.ephemeral_1h_input_tokens": 9}, {"1h": 9}),
        ({f"{USAGE}.details.ephemeral_5m_input_tokens": 9}, {"5m": 9}),
        (
            {
                "ai.response.providerMetadata": '{"anthropic": {"usage": {'
                '"input_tokens": 91, "cache_creation_input_tokens": 9, '
                '"cache_creation": {"ephemeral_1h_input_tokens": 9}}}}'
            },
            {"1h": 9},
        ),
        (
            {f"{USAGE}.input_token_details": '{"ephemeral_1h_input_tokens": 9}'},
            {"1h": 9},
        ),
        (
            {
                "langfuse.observation.usage_details": '{"input": 91, "output": 1, '
                '"input_cache_creation_1h": 9}'
            },
            {"1h": 9},
        ),
    ],
)
def test_writes_to_the_cache_are_told_by_how_long_they_are_kept(
    sent: dict[str, Any], kinds: dict[str, int]
) -> None:
    span = {"gen_ai.system": "anthropic", "gen_ai.request.model": "claude-opus-4-8"}

    record = record_of({**span, f"{USAGE}.input_tokens": 100, **sent})

    named = {f"cache_write_{age}_tokens": n for age, n in kinds.items()}
    assert (record.cache_write_tokens, record.quantities) == (9, named)


def test_sound_and_what_else_is_named_have_prices_of_their_own() -> None:
    span = {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o-audio-preview"}
    counts = {
        f"{USAGE}.input_tokens": 100,
        f"{USAGE}.output_tokens": 50,
        f"{USAGE}.details.input_audio_tokens": 60,
        f"{USAGE}.audio.output_tokens": 20,
        "costops.quantities.images": 2,
    }

    record = record_of({**span, **counts})

    assert record.quantities == {
        "audio_input_tokens": 60,
        "audio_output_tokens": 20,
        "images": 2,
    }


def test_parts_that_do_not_fit_are_left_out_and_told() -> None:
    span = {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o-audio-preview"}
    counts = {f"{USAGE}.input_tokens": 10, f"{COUNT}.prompt_details.audio": 60}

    record = record_of({**span, **counts})

    kept = parse_metadata(bytes(record.metadata)) or {}
    told = kept["otlp"]["quantities"]
    assert record.quantities is None
    assert told == "more than there are tokens: 60 audio_input_tokens"


@pytest.mark.django_db
def test_an_hours_cache_writes_of_a_span_cost_what_they_do(acme: Organization) -> None:
    span = {
        "gen_ai.system": "anthropic",
        "gen_ai.request.model": "claude-opus-4-8",
        f"{USAGE}.input_tokens": 100_100,
        f"{USAGE}.output_tokens": 100,
        f"{USAGE}.cache_creation.input_tokens": 100_000,
        f"{USAGE}.cache_creation.ephemeral_1h_input_tokens": 100_000,
    }

    Exporter(make_key(organization=acme)).send(make_span(1, span))

    assert CostRecord.objects.get().total_cost == Decimal("1.003")


def test_a_total_that_no_reading_gives_is_told() -> None:
    attributes, _ = SENDERS["Sentry"]

    record = record_of({**attributes, f"{USAGE}.total_tokens": 999})

    kept = parse_metadata(bytes(record.metadata))
    assert kept is not None
    assert kept["otlp"]["total"] == "999 is the sum in no reading of the parts"
    assert (record.input_tokens, record.output_tokens) == (100, 50)


# -- Any name of each count, and any number

COUNTS = {
    "input": names.INPUT,
    "output": names.OUTPUT,
    "cached": names.CACHED,
    "cache_write": names.CACHE_WRITE,
    "reasoning": names.REASONING,
}


@given(st.data())
def test_counts_are_read_by_any_of_their_names(data: st.DataObject) -> None:
    plain, cached, written, said, thought = (
        data.draw(st.integers(0, 10**6)) for _ in range(5)
    )
    counts = {
        "input": plain + cached + written,
        "output": said + thought,
        "cached": cached,
        "cache_write": written,
        "reasoning": thought,
    }
    chosen = {kind: data.draw(st.sampled_from(COUNTS[kind])) for kind in counts}
    sent = dict(counts)
    if data.draw(st.booleans()):
        sent["input"] = plain  # as Anthropic counts
    if data.draw(st.booleans()) or chosen["reasoning"] == names.REASONING_APART:
        sent["output"] = said  # as Gemini does
    # As many parts as thoughts, one of them apart: then two readings give the total.
    one_apart = (sent["input"] == plain) != (sent["output"] == said)
    assume(not (cached + written == thought and one_apart))
    attributes = {chosen[kind]: sent[kind] for kind in counts}
    total = data.draw(st.sampled_from(names.TOTAL))
    attributes[total] = sum(counts[kind] for kind in ("input", "output"))

    record = record_of(
        {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o", **attributes}
    )

    expected = Told("openai", "gpt-4o", *counts.values())
    assert told_of(record) == expected


REALTIME = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-realtime",
}
# Texts at 4 and 0.40 dollars a million, images at 5 and 0.50, the answer at 16.
IMAGES = {
    f"{USAGE}.input_tokens": 1000,
    f"{USAGE}.output_tokens": 100,
    f"{USAGE}.image.input_tokens": 800,
}


@pytest.mark.parametrize(
    ("attributes", "cost"),
    [
        (IMAGES, "0.0064"),  # 200 x 4 + 800 x 5 + 100 x 16
        (
            # 150 x 4 + 50 x 0.40 + 600 x 5 + 200 x 0.50 + 100 x 16
            {
                **IMAGES,
                f"{USAGE}.cache_read.input_tokens": 250,
                f"{USAGE}.image.cache_read.input_tokens": 200,
            },
            "0.00532",
        ),
        (
            # What has to be both, is: 100 x 5 + 700 x 0.50 + 200 x 0.40 + 100 x 16
            {**IMAGES, f"{USAGE}.cache_read.input_tokens": 900},
            "0.00253",
        ),
        ({name: str(count) for name, count in IMAGES.items()}, "0.0064"),
    ],
    ids=["fresh", "some cached", "cached for certain", "counts as text"],
)
@pytest.mark.django_db
def test_images_in_spans_have_a_price_of_their_own(
    acme: Organization, attributes: dict[str, Any], cost: str
) -> None:
    exporter = Exporter(make_key(organization=acme))

    exporter.send(make_span(attributes={**REALTIME, **attributes}))

    record = CostRecord.objects.get()
    assert (record.total_cost, record.unpriced_kinds) == (Decimal(cost), None)


def test_searches_and_older_names_of_counts_are_read() -> None:
    searched = record_of(
        {
            **REALTIME,
            "gen_ai.response.prompt_tokens": 30,
            "gen_ai.response.completion_tokens": "5",
            f"{USAGE}.server_tool_use.web_search_requests": 3,
        }
    )

    assert (searched.input_tokens, searched.output_tokens) == (30, 5)
    assert searched.quantities == {"searches": 3}
