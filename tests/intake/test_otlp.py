"""What the attributes of a span mean, as a table."""

from decimal import Decimal
from typing import Any

import pytest

from intake.otlp.kinds import Kind
from intake.otlp.names import METADATA
from intake.otlp.spans import candidate_of, usage_of
from intake.otlp.wire import JSON, PROTOBUF, decode
from ledger.catalogue import span_at
from ledger.usage import parse_metadata, parse_tags
from tests.factories import NOON
from tests.intake.otlp_exports import (
    CHAT,
    ENCODERS,
    make_export,
    make_span,
    record_of,
    to_json,
    usage_id,
)

USED = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}
_usage = "gen_ai.usage"


@pytest.mark.parametrize("content_type", [PROTOBUF, JSON])
def test_a_chat_span_is_a_usage_record(content_type: str) -> None:
    export = make_export(make_span(seconds=1.25), resource={"service.name": "shop"})

    (span,) = decode(ENCODERS[content_type](export), content_type).spans

    candidate = candidate_of(span)
    assert candidate is not None
    record = usage_of(candidate)
    assert (record.id, record.timestamp) == (usage_id(), NOON)
    assert (record.provider, record.model) == ("openai", "gpt-4o")
    assert (record.input_tokens, record.output_tokens) == (1000, 1000)
    assert (record.latency_ms, record.project_id) == (1250, "shop")


TOKENS: list[tuple[dict[str, float], dict[str, int]]] = [
    ({"input_tokens": 7, "output_tokens": 5}, {"input": 7, "output": 5}),
    ({"prompt_tokens": 7, "completion_tokens": 5}, {"input": 7, "output": 5}),
    ({"input_tokens": 7, "prompt_tokens": 9}, {"input": 7}),
    ({"input_tokens": 7.0}, {"input": 7}),
    (
        {"input_tokens": 7, "cache_read.input_tokens": 4},
        {"input": 7, "cached": 4},
    ),
    (
        {"input_tokens": 7, "input_tokens.cached": 4},
        {"input": 7, "cached": 4},
    ),
    (
        {"input_tokens": 7, "cache_read_input_tokens": 4},
        {"input": 7, "cached": 4},
    ),
    (
        {"input_tokens": 7, "details.cache_read_tokens": 4},
        {"input": 7, "cached": 4},
    ),
    (
        {"input_tokens": 7, "cache_write.input_tokens": 4},
        {"input": 7, "cache_write": 4},
    ),
    (
        {"input_tokens": 7, "cache_creation.input_tokens": 4},
        {"input": 7, "cache_write": 4},
    ),
    (
        {"input_tokens": 7, "cache_creation_input_tokens": 4},
        {"input": 7, "cache_write": 4},
    ),
    (
        {"input_tokens": 7, "input_tokens.cache_write": 4},
        {"input": 7, "cache_write": 4},
    ),
    (
        {"output_tokens": 7, "reasoning.output_tokens": 4},
        {"output": 7, "reasoning": 4},
    ),
    (
        {"output_tokens": 7, "output_tokens.reasoning": 4},
        {"output": 7, "reasoning": 4},
    ),
    ({"output_tokens": 7, "reasoning_tokens": 4}, {"output": 7, "reasoning": 4}),
    # Parts that are larger than their whole were counted apart from it.
    (
        {"input_tokens": 7, "cache_read.input_tokens": 90},
        {"input": 97, "cached": 90},
    ),
    (
        {
            "input_tokens": 7,
            "cache_read.input_tokens": 5,
            "cache_creation.input_tokens": 4,
        },
        {"input": 16, "cached": 5, "cache_write": 4},
    ),
    ({"cache_read.input_tokens": 9}, {"input": 9, "cached": 9}),
    (
        {"output_tokens": 7, "reasoning.output_tokens": 8},
        {"output": 15, "reasoning": 8},
    ),
    # A total tells it also where the parts are small.
    (
        {
            "input_tokens": 900,
            "output_tokens": 120,
            "input_tokens.cached": 40,
            "total_tokens": 1060,
        },
        {"input": 940, "output": 120, "cached": 40},
    ),
    (
        {
            "input_tokens": 900,
            "output_tokens": 120,
            "input_tokens.cached": 40,
            "total_tokens": 1020,
        },
        {"input": 900, "output": 120, "cached": 40},
    ),
    (
        {
            "input_tokens": 10,
            "output_tokens": 20,
            "cache_read.input_tokens": 3,
            "reasoning.output_tokens": 5,
            "total_tokens": 38,
        },
        {"input": 13, "output": 25, "cached": 3, "reasoning": 5},
    ),
    # One that fits nothing says nothing.
    (
        {"input_tokens": 9, "cache_read.input_tokens": 4, "total_tokens": 5},
        {"input": 9, "cached": 4},
    ),
]


@pytest.mark.parametrize(("given_tokens", "expected"), TOKENS, ids=str)
def test_tokens_are_known_by_many_names(
    given_tokens: dict[str, float], expected: dict[str, int]
) -> None:
    usage = {f"{_usage}.{name}": count for name, count in given_tokens.items()}

    record = record_of({**USED, **usage})

    found = {
        "input": record.input_tokens,
        "output": record.output_tokens,
        "cached": record.cached_tokens,
        "cache_write": record.cache_write_tokens,
        "reasoning": record.reasoning_tokens,
    }
    assert {name: count for name, count in found.items() if count} == expected


def test_a_correction_of_tokens_is_told_in_the_metadata() -> None:
    record = record_of({**CHAT, "gen_ai.usage.cache_read.input_tokens": 5000})

    kept = parse_metadata(bytes(record.metadata))
    assert record.input_tokens == 6000
    assert kept is not None
    assert kept["otlp"]["corrected"].startswith("input_tokens were 1000")


DIMENSIONS: list[tuple[dict[str, Any], dict[str, Any], str, str | None]] = [
    ({}, {"service.name": "shop"}, "project_id", "shop"),
    ({}, {"service.name": "unknown_service:python"}, "project_id", None),
    ({"project.id": "p"}, {"service.name": "shop"}, "project_id", "p"),
    ({"project.id": "p"}, {"costops.project_id": "c"}, "project_id", "c"),
    ({"costops.project_id": "s"}, {"costops.project_id": "r"}, "project_id", "s"),
    ({}, {"deployment.environment": "old"}, "environment", "old"),
    (
        {},
        {"deployment.environment": "old", "deployment.environment.name": "new"},
        "environment",
        "new",
    ),
    ({"costops.environment": "prod"}, {}, "environment", "prod"),
    ({"enduser.id": "ann", "user.id": "bob"}, {}, "user_id", "ann"),
    ({"user.id": 42}, {}, "user_id", "42"),
    ({"user.id": ["a"]}, {}, "user_id", None),
    ({"costops.user_id": "eve", "enduser.id": "ann"}, {}, "user_id", "eve"),
    ({}, {"costops.team_id": "search"}, "team_id", "search"),
    ({}, {"costops.department_id": "rnd"}, "department_id", "rnd"),
    ({}, {"costops.organization_id": "acme"}, "organization_id", "acme"),
    ({"costops.authorization_id": "a-1"}, {}, "authorization_id", "a-1"),
    ({"openai.response.service_tier": "flex"}, {}, "service_tier", "flex"),
    ({"gen_ai.openai.response.service_tier": "flex"}, {}, "service_tier", "flex"),
    (
        {
            "openai.request.service_tier": "auto",
            "openai.response.service_tier": "default",
        },
        {},
        "service_tier",
        "default",
    ),
    ({"gen_ai.response.model": "gpt-4o-mini"}, {}, "model", "gpt-4o-mini"),
]


@pytest.mark.parametrize(("own", "resource", "field", "expected"), DIMENSIONS, ids=str)
def test_dimensions_are_found_in_span_and_resource(
    own: dict[str, Any], resource: dict[str, Any], field: str, expected: str | None
) -> None:
    record = record_of({**CHAT, **own}, resource)

    assert getattr(record, field) == expected


@pytest.mark.parametrize("content_type", [PROTOBUF, JSON])
@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("a, b,,a", ["a", "b"]),
        (["b", "a"], ["a", "b"]),
        ({"team": "x", "n": 1}, {"n": "1", "team": "x"}),
    ],
)
def test_tags_come_as_a_text_a_list_or_an_object(
    tags: Any, expected: Any, content_type: str
) -> None:
    record = record_of({**CHAT, "costops.tags": tags}, content_type=content_type)

    assert parse_tags(bytes(record.tags)) == expected


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("aws.bedrock", "anthropic.claude-3-haiku-20240307-v1:0"),
        ("azure.ai.openai", "gpt-4o"),
        ("azure.ai.inference", "gpt-4o"),
        ("az.ai.openai", "gpt-4o"),
        ("gcp.gemini", "gemini-2.5-flash"),
        ("gcp.gen_ai", "gemini-2.5-flash"),
        ("gcp.vertex_ai", "gemini-2.5-flash"),
        ("x_ai", "grok-4"),
        ("xai", "grok-4"),
        ("mistral_ai", "mistral-large-latest"),
        ("moonshot_ai", "kimi-k2-0711-preview"),
        ("anthropic", "claude-sonnet-4-5"),
        ("deepseek", "deepseek-chat"),
        ("groq", "llama-3.3-70b-versatile"),
        ("cohere", "command-r-plus"),
        ("perplexity", "sonar"),
        ("OpenAI", "gpt-4o"),
    ],
)
def test_every_provider_is_one_the_catalogue_prices(provider: str, model: str) -> None:
    record = record_of(
        {**CHAT, "gen_ai.provider.name": provider, "gen_ai.request.model": model}
    )

    span = span_at(record.provider or "", model, NOON)
    assert span.tariff is not None
    assert f"catalogue:{record.provider}/" in span.tariff.source


def test_a_provider_has_its_old_name_too() -> None:
    used = {name: CHAT[name] for name in CHAT if name != "gen_ai.provider.name"}

    record = record_of({**used, "gen_ai.system": "vertex_ai"})

    assert record.provider == "google"


@pytest.mark.parametrize(
    ("attributes", "cost", "currency"),
    [
        ({"source": "provider", "currency": "EUR"}, Decimal("0.3"), "EUR"),
        ({"source": "PROVIDER", "currency": "usd"}, Decimal("0.3"), "USD"),
        ({"source": "provider"}, Decimal("0.3"), None),
        ({"source": "local", "currency": "EUR"}, None, None),
        ({"currency": "EUR"}, None, None),
    ],
)
def test_only_what_the_provider_billed_is_a_reported_cost(
    attributes: dict[str, str], cost: Decimal | None, currency: str | None
) -> None:
    told = {f"{_usage}.cost.{name}": value for name, value in attributes.items()}

    record = record_of({**CHAT, f"{_usage}.cost.amount": 0.1 + 0.2, **told})

    kept = parse_metadata(bytes(record.metadata))
    assert (record.cost, record.currency) == (cost, currency)
    assert kept is not None
    assert kept[f"{_usage}.cost.amount"] == 0.1 + 0.2


def test_a_cost_without_tokens_is_usage() -> None:
    cost = {f"{_usage}.cost.amount": 2, f"{_usage}.cost.source": "provider"}

    record = record_of({**USED, **cost})

    assert (record.cost, record.input_tokens) == (2, None)


def test_metadata_keep_what_tells_calls_apart_and_are_cut() -> None:
    record = record_of(
        {
            **CHAT,
            "gen_ai.conversation.id": "c" * 5000,
            "gen_ai.response.id": "resp-1",
            "gen_ai.response.finish_reasons": ["stop"] * 1000,
            "gen_ai.prompt": "secret " * 100,
        },
        parent=9,
    )

    kept = parse_metadata(bytes(record.metadata))
    assert kept is not None
    assert len(kept["gen_ai.conversation.id"]) == 200
    assert len(kept["gen_ai.response.finish_reasons"]) == 10
    assert kept["gen_ai.response.id"] == "resp-1"
    assert kept["otlp"]["parent_span_id"] == f"{9:016x}"
    assert set(kept) <= {*METADATA, "otlp"}


KINDS: list[tuple[dict[str, Any], str, Kind | None]] = [
    ({"gen_ai.operation.name": "chat"}, "", Kind.INFERENCE),
    ({"gen_ai.operation.name": "generate_content"}, "", Kind.INFERENCE),
    ({"gen_ai.operation.name": "text_completion"}, "", Kind.INFERENCE),
    ({"gen_ai.operation.name": "embeddings"}, "", Kind.EMBEDDINGS),
    ({"gen_ai.operation.name": "rerank"}, "", Kind.INFERENCE),
    ({"gen_ai.operation.name": "invoke_agent"}, "", Kind.AGENT),
    ({"gen_ai.operation.name": "invoke_workflow"}, "", Kind.AGENT),
    ({"gen_ai.operation.name": "create_agent"}, "", Kind.AGENT),
    ({"gen_ai.operation.name": "plan"}, "", Kind.AGENT),
    ({"gen_ai.operation.name": "execute_tool"}, "", Kind.AGENT),
    ({"gen_ai.operation.name": "fetch_response"}, "", None),
    ({}, "chat gpt-4o", Kind.INFERENCE),
    ({}, "invoke_agent planner", Kind.AGENT),
    ({}, "agent run", Kind.INFERENCE),
    ({"agent_name": "planner"}, "agent run", Kind.AGENT),
    ({}, "whatever", Kind.INFERENCE),
]


@pytest.mark.parametrize(("attributes", "name", "expected"), KINDS, ids=str)
def test_operations_are_of_a_kind(
    attributes: dict[str, Any], name: str, expected: Kind | None
) -> None:
    used = {key: CHAT[key] for key in CHAT if key != "gen_ai.operation.name"}
    span = make_span(attributes={**used, **attributes}, name=name)
    (read,) = decode(to_json(make_export(span)), JSON).spans

    candidate = candidate_of(read)

    assert (candidate.call.kind if candidate else None) == expected


def test_the_end_stands_in_for_a_start_that_is_missing() -> None:
    record = record_of(CHAT, startTimeUnixNano=None)

    assert (record.timestamp - NOON).total_seconds() == 1
    assert record.latency_ms is None


def test_a_clock_that_was_set_back_costs_the_latency_only() -> None:
    record = record_of(CHAT, seconds=-5)

    assert (record.timestamp, record.latency_ms) == (NOON, None)
