"""Usage as the providers tell it that speak OpenAI's protocol, and Anthropic."""

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import anthropic
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_cost_ops import CostTracker
from llm_cost_ops.calls import Tokens
from llm_cost_ops.providers.hosts import provider_at
from llm_cost_ops.providers.meters import MessagesMeter, Meter
from llm_cost_ops.providers.usage import anthropic_tokens, any_tokens, openai_tokens

from intake.counts import Counts
from intake.counts import read as read_by_the_server
from tests.sdk.provider import Provider
from tests.sdk.world import MESSAGES, World

Track = Callable[..., CostTracker]
GROK: dict[str, Any] = {"model": "grok-3-mini", "messages": MESSAGES}
# xAI's reasoning is beside the completion: the total says so.
APART = {
    "prompt_tokens": 40,
    "completion_tokens": 3,
    "total_tokens": 263,
    "prompt_tokens_details": {"cached_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 220},
}
LESS_APART = {
    "prompt_tokens": 5000,
    "completion_tokens": 900,
    "total_tokens": 6300,
    "completion_tokens_details": {"reasoning_tokens": 400},
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("usage", "cost", "output"),
    [(APART, "0.0001235", 223), (LESS_APART, "0.002150", 1300)],
)
def test_xais_reasoning_is_paid_for(
    track: Track,
    chat: openai.OpenAI,
    provider: Provider,
    world: World,
    usage: dict[str, Any],
    cost: str,
    output: int,
    stream: bool,
) -> None:
    provider.usage = usage
    tracker = track()
    wrapped = tracker.wrap(chat, provider="x-ai")

    answer: Any = wrapped.chat.completions.create(**GROK, stream=stream)
    if stream:
        list(answer)

    (booked,) = world.costs(tracker)
    assert (booked.total_cost, booked.output_tokens) == (Decimal(cost), output)
    assert booked.metadata is None


def test_what_openrouter_charges_is_what_is_booked(
    track: Track, chat: openai.OpenAI, provider: Provider, world: World
) -> None:
    provider.usage = {
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "total_tokens": 110,
        "cost": 0.00010811999999999999,
    }
    tracker = track()
    wrapped = tracker.wrap(chat, provider="openrouter")

    wrapped.chat.completions.create(model="openai/gpt-4o", messages=MESSAGES)

    (booked,) = world.costs(tracker)
    assert booked.total_cost == Decimal("0.0001081200")
    assert booked.metadata == {"cost_sent": "0.00010811999999999999"}


def test_usage_that_contradicts_itself_is_booked_as_it_was_told_and_marked(
    track: Track, chat: openai.OpenAI, provider: Provider, world: World
) -> None:
    provider.usage = {
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "total_tokens": 500,
    }
    tracker = track()

    tracker.wrap(chat).chat.completions.create(model="gpt-4o", messages=MESSAGES)

    (booked,) = world.costs(tracker)
    assert (booked.input_tokens, booked.output_tokens) == (100, 10)
    assert booked.metadata == {
        "usage": "in doubt: 500 tokens in all, which no reading of 100 + 10 gives"
    }


HOUR = {
    "input_tokens": 100,
    "output_tokens": 100,
    "cache_read_input_tokens": 0,
    "cache_creation_input_tokens": 100_000,
    "cache_creation": {
        "ephemeral_5m_input_tokens": 0,
        "ephemeral_1h_input_tokens": 100_000,
    },
}
SEARCHES = {
    "input_tokens": 100,
    "output_tokens": 100,
    "server_tool_use": {"web_search_requests": 5},
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("usage", "cost", "quantities"),
    [
        (HOUR, "1.0030", {"cache_write_1h_tokens": 100_000}),
        (SEARCHES, "0.0530", {"searches": 5}),
    ],
    ids=["an hour", "searches"],
)
def test_what_anthropic_sells_at_prices_of_its_own_is_paid_for(
    track: Track,
    provider: Provider,
    world: World,
    usage: dict[str, Any],
    cost: str,
    quantities: dict[str, int],
    stream: bool,
) -> None:
    provider.usage = usage
    tracker = track()
    call: dict[str, Any] = {"model": "claude-opus-4-8", "max_tokens": 100}

    with anthropic.Anthropic(api_key="none", base_url=provider.url) as claude:
        answer: Any = tracker.wrap(claude).messages.create(
            messages=MESSAGES, stream=stream, **call
        )
        if stream:
            list(answer)

    (booked,) = world.costs(tracker)
    assert (booked.total_cost, booked.quantities) == (Decimal(cost), quantities)


SHAPES: dict[str, tuple[str, dict[str, Any], Tokens]] = {
    "OpenAI": (
        "openai",
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "prompt_tokens_details": {
                "cached_tokens": 60,
                "cache_write_tokens": 10,
                "audio_tokens": 20,
            },
            "completion_tokens_details": {"reasoning_tokens": 30, "audio_tokens": 5},
        },
        Tokens(
            100,
            50,
            cached=60,
            cache_write=10,
            reasoning=30,
            quantities={"audio_input_tokens": 20, "audio_output_tokens": 5},
        ),
    ),
    "OpenAI, sound that must have been cached": (
        "openai",
        {
            "prompt_tokens": 100,
            "completion_tokens": 5,
            "total_tokens": 105,
            "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 90},
        },
        Tokens(
            100,
            5,
            cached=60,
            quantities={"audio_cached_tokens": 50, "audio_input_tokens": 90},
        ),
    ),
    "OpenAI, responses": (
        "openai",
        {
            "input_tokens": 100,
            "output_tokens": 50,
            "total_tokens": 150,
            "input_tokens_details": {
                "cached_tokens": 60,
                "cache_write_tokens": 30,
                "cache_write_tokens_details": {
                    "ttl_30m_tokens": 10,
                    "ttl_12h_tokens": 20,
                },
            },
            "output_tokens_details": {"reasoning_tokens": 30},
        },
        Tokens(
            100,
            50,
            cached=60,
            cache_write=30,
            reasoning=30,
            quantities={"cache_write_30m_tokens": 10, "cache_write_12h_tokens": 20},
        ),
    ),
    "xAI": ("x-ai", APART, Tokens(40, 223, reasoning=220)),
    "xAI, where the reasoning is inside: the total decides": (
        "x-ai",
        {
            "prompt_tokens": 500,
            "completion_tokens": 500,
            "total_tokens": 1000,
            "completion_tokens_details": {"reasoning_tokens": 400},
        },
        Tokens(500, 500, reasoning=400),
    ),
    "xAI without a total": (
        "xai",
        {
            "prompt_tokens": 500,
            "completion_tokens": 500,
            "completion_tokens_details": {"reasoning_tokens": 400},
        },
        Tokens(500, 900, reasoning=400),
    ),
    "xAI, live search": (
        "x-ai",
        {
            "prompt_tokens": 5,
            "completion_tokens": 5,
            "total_tokens": 10,
            "num_sources_used": 3,
        },
        Tokens(5, 5, quantities={"sources": 3}),
    ),
    "DeepSeek": (
        "deepseek",
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "prompt_cache_hit_tokens": 60,
            "prompt_cache_miss_tokens": 40,
        },
        Tokens(100, 50, cached=60),
    ),
    "Mistral": (
        "mistral",
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "num_cached_tokens": 60,
        },
        Tokens(100, 50, cached=60),
    ),
    "Mistral, in the singular": (
        "mistral",
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "prompt_token_details": {"cached_tokens": 60},
        },
        Tokens(100, 50, cached=60),
    ),
    "Moonshot": (
        "moonshotai",
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "cached_tokens": 60,
        },
        Tokens(100, 50, cached=60),
    ),
    "Groq": (
        "groq",
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "queue_time": 0.03,
            "prompt_tokens_details": {"cached_tokens": 60},
            "completion_tokens_details": {"reasoning_tokens": 20},
        },
        Tokens(100, 50, cached=60, reasoning=20),
    ),
    "Perplexity": (
        "perplexity",
        {
            "prompt_tokens": 33,
            "completion_tokens": 7163,
            "total_tokens": 7196,
            "citation_tokens": 20016,
            "num_search_queries": 18,
            "reasoning_tokens": 95305,
        },
        Tokens(
            33,
            102_468,
            reasoning=95305,
            quantities={"citation_tokens": 20016, "searches": 18},
        ),
    ),
    "OpenRouter": (
        "openrouter",
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
            "completion_tokens_details": {"reasoning_tokens": 20},
            "server_tool_use": {"web_search_requests": 2},
            "cost": 0.00010811999999999999,
        },
        Tokens(
            100,
            50,
            cached=60,
            cache_write=10,
            reasoning=20,
            quantities={"searches": 2},
            cost=Decimal("0.00010811999999999999"),
        ),
    ),
    "OpenRouter with a key of one's own": (
        "openrouter",
        {
            "prompt_tokens": 1,
            "completion_tokens": 1,
            "total_tokens": 2,
            "cost": 0.01,
            "is_byok": True,
            "cost_details": {"upstream_inference_cost": 0.2},
        },
        Tokens(1, 1, cost=Decimal("0.21")),
    ),
    "Gemini at the address that speaks OpenAI's protocol": (
        "google",
        {"prompt_tokens": 21, "completion_tokens": 10, "total_tokens": 91},
        Tokens(21, 70, reasoning=60),
    ),
    "Gemini through a gateway": (
        "google",
        {
            "prompt_tokens": 21,
            "completion_tokens": 0,
            "total_tokens": 81,
            "completion_tokens_details": {"reasoning_tokens": 60},
        },
        Tokens(21, 60, reasoning=60),
    ),
    "Qwen": (
        "alibaba",
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "prompt_tokens_details": {
                "cached_tokens": 60,
                "cache_creation_input_tokens": 10,
                "cache_creation": {"ephemeral_5m_input_tokens": 10},
            },
        },
        Tokens(
            100,
            50,
            cached=60,
            cache_write=10,
            quantities={"cache_write_5m_tokens": 10},
        ),
    ),
    "Databricks": (
        "databricks",
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "cache_read_input_tokens": 60,
            "reasoning_tokens": 20,
        },
        Tokens(100, 50, cached=60, reasoning=20),
    ),
    "A gateway that counts Claude's cache apart": (
        "openrouter",
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 220,
            "prompt_tokens_details": {"cached_tokens": 60},
            "cache_creation_input_tokens": 10,
        },
        Tokens(170, 50, cached=60, cache_write=10),
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_usage_is_read_as_its_provider_means_it(shape: str) -> None:
    provider, usage, tokens = SHAPES[shape]

    assert any_tokens(usage, provider) == tokens
    assert openai_tokens(SimpleNamespace(**usage), provider) == tokens


ANTHROPIC: dict[str, tuple[dict[str, Any], Tokens]] = {
    "an hour": (
        HOUR,
        Tokens(
            100_100,
            100,
            cache_write=100_000,
            quantities={"cache_write_1h_tokens": 100_000},
        ),
    ),
    "both": (
        {
            "input_tokens": 1,
            "output_tokens": 1,
            "cache_creation_input_tokens": 30,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 10,
                "ephemeral_1h_input_tokens": 20,
            },
        },
        Tokens(
            31,
            1,
            cache_write=30,
            quantities={"cache_write_1h_tokens": 20, "cache_write_5m_tokens": 10},
        ),
    ),
    "searches": (
        {
            "input_tokens": 100,
            "output_tokens": 100,
            "server_tool_use": {"web_search_requests": 5, "web_fetch_requests": 1},
        },
        Tokens(100, 100, quantities={"searches": 5}),
    ),
    "thinking": (
        {
            "input_tokens": 10,
            "output_tokens": 50,
            "output_tokens_details": {"thinking_tokens": 30},
        },
        Tokens(10, 50, reasoning=30),
    ),
    "compaction": (
        {
            "input_tokens": 10,
            "output_tokens": 5,
            "iterations": [
                {"type": "compaction", "input_tokens": 1000, "output_tokens": 50},
                {"type": "message", "input_tokens": 10, "output_tokens": 5},
                {"type": "advisor_message", "input_tokens": 9, "output_tokens": 9},
            ],
        },
        Tokens(1010, 55),
    ),
}


@pytest.mark.parametrize("shape", ANTHROPIC)
def test_anthropics_usage_is_read_whole_or_in_the_events_of_a_stream(
    shape: str,
) -> None:
    usage, tokens = ANTHROPIC[shape]
    meter = MessagesMeter()
    begun = {**usage, "output_tokens": 1, "server_tool_use": None}
    begun.pop("output_tokens_details", None)
    last = ("output_tokens", "output_tokens_details", "server_tool_use")

    meter.see({"type": "message_start", "message": {"usage": begun}})
    ended = {name: usage[name] for name in last if name in usage}
    meter.see({"type": "message_delta", "usage": ended})

    assert anthropic_tokens(usage) == tokens
    assert meter.used(0) == tokens


def test_groqs_usage_is_found_in_its_own_place() -> None:
    meter = Meter("groq")

    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    meter.see({"choices": [], "x_groq": {"id": "req_1", "usage": usage}})

    assert (meter.used(0), meter.is_whole) == (Tokens(10, 5), True)


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("https://api.x.ai/v1", "x-ai"),
        ("https://api.deepseek.com", "deepseek"),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "google"),
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "alibaba"),
        ("https://my-name.openai.azure.com/openai/v1/", "azure"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.openai.com/v1", "openai"),
        ("http://127.0.0.1:8000/v1", None),
        ("https://notopenrouter.ai/v1", None),
    ],
)
def test_the_provider_is_known_by_the_address(host: str, provider: str | None) -> None:
    with openai.OpenAI(api_key="none", base_url=host) as client:
        assert provider_at(client) == provider


# -- Any usage, against what was really used

counts = st.integers(0, 10**6)


@given(
    plain=counts,
    cached=counts,
    written=counts,
    said=counts,
    thoughts=counts,
    cached_apart=st.booleans(),
    thoughts_apart=st.booleans(),
    provider=st.sampled_from(["openai", "x-ai", "google", "groq", "openrouter", ""]),
    details=st.booleans(),
)
def test_with_a_total_usage_is_read_right_whatever_is_counted_apart(
    plain: int,
    cached: int,
    written: int,
    said: int,
    thoughts: int,
    provider: str,
    *,
    cached_apart: bool,
    thoughts_apart: bool,
    details: bool,
) -> None:
    whole_in, whole_out = plain + cached + written, said + thoughts
    inside = plain if cached_apart else whole_in
    out = said if thoughts_apart else whole_out
    of_input = {"cached_tokens": cached, "cache_write_tokens": written}
    usage = {
        "prompt_tokens": inside,
        "completion_tokens": out,
        "total_tokens": whole_in + whole_out,
        **({"prompt_tokens_details": of_input} if details else of_input),
        "completion_tokens_details": {"reasoning_tokens": thoughts},
    }

    read = openai_tokens(usage, provider)

    # Where several readings give the total, any of them is as right.
    assert read is not None
    assert read.input + read.output == (whole_in + whole_out or inside + out)
    if cached + written != thoughts or cached_apart == thoughts_apart:
        expected = Tokens(
            whole_in, whole_out, cached=cached, cache_write=written, reasoning=thoughts
        )
        assert read == expected


@given(counts, counts, counts, counts, st.none() | counts, st.booleans())
def test_the_server_reads_counts_as_the_sdk_does(
    inside: int,
    out: int,
    cached: int,
    thoughts: int,
    total: int | None,
    apart: bool,
) -> None:
    from llm_cost_ops.providers.reading import read

    told = Counts(inside, out, cached, 0, thoughts, total)

    here = read(
        inside,
        out,
        cached=cached,
        thoughts=thoughts,
        total=total,
        thoughts_apart=apart,
    )

    assert here == read_by_the_server(told, reasoning_apart=apart)


@pytest.mark.parametrize(
    ("told", "quantities"),
    [
        ({"prompt_audio_seconds": 30}, {"seconds": 30}),
        (
            {
                "num_server_side_tools_used": 5,
                "server_side_tool_usage_details": {
                    "web_search_calls": 2,
                    "x_search_calls": 3,
                },
            },
            {"searches": 2, "tool_calls": 3},
        ),
        ({"num_server_side_tools_used": 0}, {}),
    ],
    ids=["Mistral's sound", "xAI's tools", "no tools"],
)
def test_what_is_sold_beside_tokens_is_told(
    told: dict[str, Any], quantities: dict[str, int]
) -> None:
    usage = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100}

    tokens = openai_tokens({**usage, **told}, "x-ai")

    assert tokens is not None
    assert tokens.quantities == quantities
