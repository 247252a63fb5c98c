"""The callbacks by the interfaces of LiteLLM and LangChain.

Both packages are large, so what the callbacks need of them is stood in for where they
are not installed.
"""

import asyncio
import importlib.util
import sys
from collections.abc import Callable
from decimal import Decimal
from types import ModuleType, SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from llm_cost_ops import BudgetExceededError, CostTracker

from tests.sdk.world import MESSAGES, SDK, World

Track = Callable[..., CostTracker]


def stand_in(
    monkeypatch: pytest.MonkeyPatch, package: str, **modules: dict[str, Any]
) -> None:
    if importlib.util.find_spec(package) is not None:
        return
    for name, content in {"": {}, **modules}.items():
        path = f"{package}.{name.replace('__', '.')}".rstrip(".")
        module = ModuleType(path)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, path, module)


# -- LiteLLM


@pytest.fixture
def callback(monkeypatch: pytest.MonkeyPatch) -> Callable[[CostTracker], Any]:
    stand_in(
        monkeypatch,
        "litellm",
        integrations={},
        integrations__custom_logger={"CustomLogger": object},
    )
    from llm_cost_ops.integrations.litellm import costops_callback

    return costops_callback


def litellm_call(**fields: Any) -> dict[str, Any]:
    return {
        "model": "openai/gpt-4",
        "custom_llm_provider": "openai",
        "messages": MESSAGES,
        "max_tokens": 10,
        "litellm_call_id": "c1",
        **fields,
    }


def answer(model: str = "gpt-4") -> SimpleNamespace:
    usage = SimpleNamespace(
        prompt_tokens=100,
        completion_tokens=5,
        cache_creation_input_tokens=30,
        prompt_tokens_details=SimpleNamespace(cached_tokens=20),
        completion_tokens_details=None,
    )
    return SimpleNamespace(model=model, usage=usage)


def test_litellms_calls_are_asked_for_and_booked_once(
    callback: Any, track: Track, world: World
) -> None:
    tracker = track()
    hooks = callback(tracker)
    call = litellm_call(metadata={"costops": {"user_id": "ada"}})

    asked = asyncio.run(hooks.async_pre_call_deployment_hook(call, None))
    hooks.log_success_event(call, answer(), None, None)
    asyncio.run(hooks.async_log_success_event(call, answer(), None, None))

    assert asked is None  # nothing is changed
    (cost,) = world.costs(tracker)
    assert (cost.provider, cost.model, cost.user_id) == ("openai", "gpt-4", "ada")
    assert (cost.input_tokens, cost.cached_tokens) == (100, 20)
    assert cost.cache_write_tokens == 30


def test_litellm_is_given_another_model_or_refused(
    callback: Any, track: Track, world: World
) -> None:
    budget = world.budget()
    lesser = {
        "trigger": "always",
        "action": "model_downgrade",
        "config": {"downgrades": {"gpt-4": "gpt-3.5-turbo"}},
    }
    world.client.configure_cost_controls(budget_id=budget.id, rules=[lesser])
    hooks = callback(track())

    changed = asyncio.run(hooks.async_pre_call_deployment_hook(litellm_call(), None))
    assert changed["model"] == "openai/gpt-3.5-turbo"

    world.client.set_kill_switch(budget.id, active=True)
    with pytest.raises(BudgetExceededError) as refusal:
        asyncio.run(
            hooks.async_pre_call_deployment_hook(litellm_call(model="gpt-4o"), None)
        )
    assert refusal.value.status_code == 429


def test_a_litellm_call_that_fails_frees_its_money(
    callback: Any, track: Track, world: World
) -> None:
    tracker = track()
    hooks = callback(tracker)

    asyncio.run(hooks.async_pre_call_deployment_hook(litellm_call(), None))
    hooks.log_failure_event(litellm_call(), None, None, None)
    hooks.log_failure_event(litellm_call(), None, None, None)

    (slot,) = tracker._guard.keeper._book.slots()
    assert slot.lease is not None
    assert slot.lease.outstanding == 0
    assert world.costs(tracker) == []


def test_a_synchronous_litellm_call_is_booked_without_being_asked_for(
    callback: Any, track: Track, world: World
) -> None:
    tracker = track()

    callback(tracker).log_success_event(litellm_call(), answer(), None, None)

    assert len(world.costs(tracker)) == 1


def test_a_litellm_stream_without_usage_is_booked_by_its_text(
    callback: Any, track: Track, world: World
) -> None:
    tracker = track()
    told = SimpleNamespace(prompt_tokens=0, completion_tokens=0)
    choice = SimpleNamespace(message=SimpleNamespace(content="x" * 40))
    streamed = SimpleNamespace(model="gpt-4", usage=told, choices=[choice])

    callback(tracker).log_success_event(litellm_call(), streamed, None, None)

    (cost,) = world.costs(tracker)
    assert (cost.output_tokens, cost.metadata) == (10, {"usage": "estimated"})
    assert cost.input_tokens > 0


def test_litellms_usage_of_xai_is_read_by_its_total(
    callback: Any, track: Track, world: World
) -> None:
    tracker = track()
    usage = {
        "prompt_tokens": 40,
        "completion_tokens": 3,
        "total_tokens": 263,
        "completion_tokens_details": {"reasoning_tokens": 220},
    }
    call = litellm_call(model="xai/grok-3-mini", custom_llm_provider="xai")
    told = SimpleNamespace(model="grok-3-mini", usage=usage)

    callback(tracker).log_success_event(call, told, None, None)

    (cost,) = world.costs(tracker)
    assert (cost.output_tokens, cost.total_cost) == (223, Decimal("0.0001235"))


# -- LangChain


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Any:
    class ChatGeneration:
        def __init__(self, message: Any) -> None:
            self.message = message

    stand_in(
        monkeypatch,
        "langchain_core",
        callbacks={"BaseCallbackHandler": object},
        messages={"BaseMessage": object},
        outputs={"ChatGeneration": ChatGeneration, "LLMResult": object},
    )
    path = SDK / "examples" / "langchain_app.py"
    spec = importlib.util.spec_from_file_location("langchain_app", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_langchain_example_asks_and_books(
    handler: Any, track: Track, world: World
) -> None:
    tracker, run_id = track(), uuid4()
    hooks = handler.CostOpsHandler(tracker, "openai")
    message = SimpleNamespace(content="Hello?")
    usage = {
        "input_tokens": 10,
        "output_tokens": 5,
        "input_token_details": {"cache_read": 4},
    }
    told = SimpleNamespace(usage_metadata=usage)
    generation = handler.ChatGeneration(message=told)

    hooks.on_chat_model_start(
        {}, [[message]], run_id=run_id, invocation_params={"model": "gpt-4o"}
    )
    hooks.on_llm_end(SimpleNamespace(generations=[[generation]]), run_id=run_id)

    (cost,) = world.costs(tracker)
    assert (cost.model, cost.input_tokens, cost.cached_tokens) == ("gpt-4o", 10, 4)


def test_the_langchain_example_stops_a_call_that_may_not_be_made(
    handler: Any, track: Track, world: World
) -> None:
    world.client.set_kill_switch(world.budget().id, active=True)
    hooks = handler.CostOpsHandler(track(), "openai")

    with pytest.raises(BudgetExceededError):
        hooks.on_chat_model_start({}, [[]], run_id=uuid4(), metadata={})
