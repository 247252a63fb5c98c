"""Real clients of OpenAI and Anthropic, a fake provider, a real server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from llm_cost_ops import AsyncCostTracker, CostTracker, TrackerConfig

from tests.journeys.server import Server
from tests.sdk.provider import CACHED, INPUT, OUTPUT, REASONING, WORDS, Provider
from tests.sdk.world import CALL, COST, MESSAGES, World

Track = Callable[..., CostTracker]
CLAUDE: dict[str, Any] = {
    "model": "claude-3-5-sonnet-20241022",
    "max_tokens": 100,
    "messages": MESSAGES,
}


@pytest.fixture
def claude(provider: Provider) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        api_key="none", base_url=provider.url, max_retries=0
    ) as made:
        yield made


def test_a_wrapped_client_is_of_the_same_type_and_leaves_the_original_alone(
    track: Track, chat: openai.OpenAI, world: World
) -> None:
    tracker = track()
    wrapped = tracker.wrap(chat)

    chat.chat.completions.create(**CALL)

    assert isinstance(wrapped, openai.OpenAI)
    assert tracker.wrap(wrapped) is wrapped
    assert world.costs(tracker) == []


def test_a_chat_is_booked_with_all_its_tokens(
    track: Track, chat: openai.OpenAI, world: World
) -> None:
    tracker = track(project_id="web", tags={"team": "backend"})

    answer = tracker.wrap(chat, user_id="ada").chat.completions.create(**CALL)

    assert answer.choices[0].message.content == "".join(WORDS)
    (cost,) = world.costs(tracker)
    assert (cost.provider, cost.model, cost.total_cost) == ("openai", "gpt-4o", COST)
    assert (cost.input_tokens, cost.cached_tokens) == (INPUT, CACHED)
    assert (cost.output_tokens, cost.reasoning_tokens) == (OUTPUT, REASONING)
    assert (cost.project_id, cost.user_id) == ("web", "ada")
    assert cost.tags == {"team": "backend"}


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.chat.completions.create(**CALL),
        lambda c: list(c.chat.completions.create(**CALL, stream=True)),
        lambda c: c.chat.completions.with_raw_response.create(**CALL),
        lambda c: list(
            c.chat.completions.with_raw_response.create(**CALL, stream=True).parse()
        ),
        lambda c: c.chat.completions.parse(**CALL),
        lambda c: c.with_options(timeout=5).chat.completions.create(**CALL),
        lambda c: c.responses.create(model="gpt-4o", input="Hello?"),
        lambda c: list(c.responses.create(model="gpt-4o", input="Hi?", stream=True)),
    ],
    ids=["plain", "stream", "raw", "raw stream", "parse", "options", "r", "r stream"],
)
def test_every_way_to_ask_openai_is_booked_once(
    ask: Callable[[Any], Any], track: Track, chat: openai.OpenAI, world: World
) -> None:
    tracker = track()

    ask(tracker.wrap(chat))

    (cost,) = world.costs(tracker)
    assert (cost.input_tokens, cost.cached_tokens) == (INPUT, CACHED)
    assert (cost.total_cost, cost.metadata) == (COST, None)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_the_model_that_answered_is_booked(
    track: Track, provider: Provider, chat: openai.OpenAI, world: World, *, stream: bool
) -> None:
    tracker = track()
    provider.model = "gpt-4o-2024-05-13"  # dearer than gpt-4o is

    answer = tracker.wrap(chat).chat.completions.create(**CALL, stream=stream)
    if stream:
        list(answer)

    (cost,) = world.costs(tracker)
    assert cost.total_cost == Decimal("0.00575")
    assert cost.metadata == {"asked_model": "gpt-4o"}


def test_helpers_that_stream_are_booked_too(
    track: Track, chat: openai.OpenAI, claude: anthropic.Anthropic, world: World
) -> None:
    tracker = track()
    one, other = tracker.wrap(chat), tracker.wrap(claude)

    with one.chat.completions.stream(**CALL) as completion:
        assert [event.type for event in completion][-1] == "content.done"
    with one.responses.stream(model="gpt-4o", input="Hello?") as response:
        response.until_done()
    with other.messages.stream(**CLAUDE) as message:
        assert "".join(message.text_stream) == "".join(WORDS)
    with one.chat.completions.with_streaming_response.create(**CALL) as unread:
        assert unread.parse().usage is not None

    costs = world.costs(tracker)
    assert [cost.input_tokens for cost in costs] == [INPUT] * 4
    assert [cost.output_tokens for cost in costs] == [OUTPUT] * 4


def test_nobody_sees_usage_in_a_stream_that_did_not_ask_for_it(
    track: Track, chat: openai.OpenAI
) -> None:
    wrapped = track().wrap(chat)

    chunks = list(wrapped.chat.completions.create(**CALL, stream=True))
    asked = list(
        wrapped.chat.completions.create(
            **CALL, stream=True, stream_options={"include_usage": True}
        )
    )

    assert all(chunk.choices for chunk in chunks)
    assert asked[-1].usage is not None
    assert asked[-1].usage.prompt_tokens == INPUT


def test_embeddings_have_input_only(
    track: Track, chat: openai.OpenAI, world: World
) -> None:
    tracker = track()

    tracker.wrap(chat).embeddings.create(model="text-embedding-3-small", input="Hello")

    (cost,) = world.costs(tracker)
    assert (cost.input_tokens, cost.output_tokens) == (INPUT, 0)


@pytest.mark.parametrize("stream", [False, True])
def test_what_anthropics_cache_had_and_took_is_part_of_the_input(
    stream: bool, track: Track, claude: anthropic.Anthropic, world: World
) -> None:
    tracker = track()

    answer = tracker.wrap(claude).messages.create(**CLAUDE, stream=stream)
    if stream:
        list(answer)

    (cost,) = world.costs(tracker)
    assert (cost.provider, cost.input_tokens) == ("anthropic", INPUT)
    assert (cost.cached_tokens, cost.cache_write_tokens) == (CACHED, 100)
    assert cost.output_tokens == OUTPUT


def test_a_method_of_a_client_is_tracked_without_wrapping_it(
    track: Track, chat: openai.OpenAI, world: World
) -> None:
    tracker = track()

    with tracker.attributed(environment="production"):
        tracker.track(
            chat.chat.completions.create, **CALL, costops={"user_id": "grace"}
        )

    (cost,) = world.costs(tracker)
    assert (cost.user_id, cost.environment) == ("grace", "production")


def test_any_function_that_calls_a_model_is_tracked(track: Track, world: World) -> None:
    tracker = track()

    def complete(**request: Any) -> dict[str, Any]:
        return {"usage": {"prompt_tokens": 10, "completion_tokens": 5}, **request}

    tracker.track(complete, **CALL, costops={"provider": "openai"})

    (cost,) = world.costs(tracker)
    assert (cost.model, cost.input_tokens, cost.output_tokens) == ("gpt-4o", 10, 5)
    with pytest.raises(TypeError, match="provider"):
        tracker.track(complete, **CALL)


def test_each_call_is_booked_to_its_own_user_though_others_were_odd(
    track: Track, world: World
) -> None:
    tracker = track()

    def complete(**request: Any) -> dict[str, Any]:
        return {"usage": {"prompt_tokens": 10, "completion_tokens": 5}, **request}

    for user in ("\ud800", "a\0b", "x" * 300, "²", "bob", "ada"):
        words = {"provider": "openai", "user_id": user, "tags": {user: user}}
        tracker.track(complete, **CALL, costops=words)

    assert {cost.user_id for cost in world.costs(tracker)} == {"²", "bob", "ada"}


# -- Streams that end early


def test_a_stream_closed_early_is_booked_by_what_has_come_and_never_as_zero(
    track: Track, chat: openai.OpenAI, world: World
) -> None:
    tracker = track()
    prompt: Any = [{"role": "user", "content": "word " * 400}]

    stream: Any = tracker.wrap(chat).chat.completions.create(
        model="gpt-4o", messages=prompt, stream=True, max_tokens=100
    )
    next(stream)
    next(stream)
    stream.close()

    (cost,) = world.costs(tracker)
    assert cost.output_tokens == 3  # of ten letters
    assert 400 <= cost.input_tokens <= 600
    assert cost.metadata == {"usage": "estimated"}
    assert cost.total_cost


def test_a_claude_stream_closed_early_keeps_the_input_it_was_told(
    track: Track, claude: anthropic.Anthropic, world: World
) -> None:
    tracker = track()

    with tracker.wrap(claude).messages.create(**CLAUDE, stream=True) as stream:
        for event in stream:
            if event.type == "content_block_delta":
                break

    (cost,) = world.costs(tracker)
    assert (cost.input_tokens, cost.cached_tokens) == (INPUT, CACHED)
    assert 0 < cost.output_tokens < OUTPUT


def test_a_stream_that_is_dropped_or_left_open_is_booked(
    track: Track, chat: openai.OpenAI, world: World
) -> None:
    tracker = track()
    completions = tracker.wrap(chat).chat.completions

    next(completions.create(**CALL, stream=True))  # dropped
    left_open = completions.create(**CALL, stream=True)
    next(left_open)
    tracker.close()

    assert [cost.output_tokens for cost in world.costs(tracker)] == [2, 2]  # of five
    left_open.response.close()


def test_a_call_that_the_provider_refuses_costs_nothing_and_frees_its_money(
    track: Track, chat: openai.OpenAI, provider: Provider, world: World
) -> None:
    budget, tracker = world.budget(), track()
    provider.status = 500

    with pytest.raises(openai.InternalServerError):
        tracker.wrap(chat).chat.completions.create(**CALL)

    assert world.costs(tracker) == []
    tracker.close()
    assert world.status(budget).reserved == 0


# -- asyncio


@asynccontextmanager
async def async_world(
    server: Server, key: str, provider: Provider, organization: str, tmp_path: Path
) -> AsyncIterator[tuple[AsyncCostTracker, openai.AsyncOpenAI]]:
    config = TrackerConfig(organization_id=organization, spool_dir=tmp_path)
    async with (
        AsyncCostTracker(key, server.url, config) as tracker,
        openai.AsyncOpenAI(
            api_key="none", base_url=f"{provider.url}/v1", max_retries=0
        ) as client,
    ):
        yield tracker, client


def test_asyncio_clients_are_tracked_alike(
    server: Server, key: str, provider: Provider, world: World, tmp_path: Path
) -> None:
    async def ask() -> list[Any]:
        async with async_world(server, key, provider, world.organization, tmp_path) as (
            tracker,
            client,
        ):
            budget = await tracker.create_budget(
                name="All", amount=5, organization_id=world.organization
            )
            wrapped = tracker.wrap(client)
            await wrapped.chat.completions.create(**CALL)
            stream = await wrapped.chat.completions.create(**CALL, stream=True)
            async for _ in stream:
                pass
            async with wrapped.chat.completions.stream(**CALL) as helper:
                await helper.until_done()
            await tracker.track(client.responses.create, model="gpt-4o", input="Hi?")
            await tracker.flush()
            status = await tracker.get_budget_status(budget.id)
            return [status.total_spend, tracker.stats.sent]

    assert asyncio.run(ask()) == [4 * COST, 4]


def test_a_cancelled_task_is_booked_by_what_has_come(
    server: Server, key: str, provider: Provider, world: World, tmp_path: Path
) -> None:
    provider.between_s = 0.1

    async def read(stream: Any, begun: asyncio.Event) -> None:
        async for _ in stream:
            begun.set()

    async def ask() -> int:
        async with async_world(server, key, provider, world.organization, tmp_path) as (
            tracker,
            client,
        ):
            begun = asyncio.Event()
            stream = await tracker.wrap(client).chat.completions.create(
                **CALL, stream=True
            )
            task = asyncio.create_task(read(stream, begun))
            await begun.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await stream.close()
            await tracker.flush()
            return tracker.stats.estimated

    assert asyncio.run(ask()) == 1
    (cost,) = world.client.get_costs(organization_id=world.organization)
    assert cost.output_tokens in {1, 2, 3}
    assert cost.input_tokens > 0


REAL_ID = "chatcmpl-{:024d}"


@pytest.mark.parametrize("kind", ["chat", "stream", "responses", "messages"])
def test_the_providers_id_of_a_response_is_told(
    track: Track,
    chat: openai.OpenAI,
    claude: anthropic.Anthropic,
    provider: Provider,
    world: World,
    kind: str,
) -> None:
    tracker = track()
    provider.response_id = f"{kind}-{REAL_ID.format(1)}"

    if kind == "chat":
        tracker.wrap(chat).chat.completions.create(**CALL)
    elif kind == "stream":
        list(tracker.wrap(chat).chat.completions.create(**CALL, stream=True))
    elif kind == "responses":
        tracker.wrap(chat).responses.create(model="gpt-4o", input="Hello?")
    else:
        tracker.wrap(claude).messages.create(**CLAUDE)

    (cost,) = world.costs(tracker)
    assert cost.response_id == provider.response_id


def test_ids_that_come_again_are_no_ids_of_responses(
    track: Track, chat: openai.OpenAI, provider: Provider, world: World
) -> None:
    tracker, short = track(), "chatcmpl-7"
    same = REAL_ID.format(2)
    for response_id in (same, same, short, short):
        provider.response_id = response_id
        tracker.wrap(chat).chat.completions.create(**CALL)

    told = [cost.response_id for cost in world.costs(tracker)]

    assert sorted(told, key=str) == [None, None, None, same]
