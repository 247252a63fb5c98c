"""What is decided in memory is what the server decides: names, circles, free models."""

from collections.abc import Callable
from typing import Any

import openai
import pytest
from llm_cost_ops import BudgetExceededError, CostTracker

from tests.sdk.provider import Provider
from tests.sdk.world import CALL, MESSAGES, World

Track = Callable[..., CostTracker]
MODES = pytest.mark.parametrize("mode", ["lease", "authorize"])


def ruled(action: str, **config: Any) -> dict[str, Any]:
    return {"trigger": "always", "action": action, "config": config}


def asked(model: str) -> dict[str, Any]:
    return {"model": model, "messages": MESSAGES, "max_tokens": 10}


@MODES
@pytest.mark.parametrize("model", ["gpt-4", "GPT-4", "openai/gpt-4", "gpt-4-0613"])
def test_a_blocked_model_is_blocked_under_all_its_names(
    mode: str, model: str, world: World, track: Track, chat: openai.OpenAI
) -> None:
    budget = world.budget()
    rule = ruled("model_blocklist", blocked_models=["gpt-4"], exempt_users=["A@x.com"])
    world.client.configure_cost_controls(budget_id=budget.id, rules=[rule])
    tracker = track(mode=mode)

    for _ in range(2):  # asking, and in memory
        with pytest.raises(BudgetExceededError, match="may not be used"):
            tracker.wrap(chat).chat.completions.create(**asked(model))
        exempt = tracker.wrap(chat, user_id="a@X.com").chat.completions
        assert exempt.create(**asked(model)).usage


@MODES
def test_downgrades_that_lead_back_are_not_followed(
    mode: str, world: World, track: Track, chat: openai.OpenAI, provider: Provider
) -> None:
    above = world.budget()
    below = world.budget(name="Below", parent=above.id, scope={"projects": ["web"]})
    for budget, pairs in (
        (below, {"gpt-4": "gpt-3.5-turbo"}),
        (above, {"GPT-3.5-turbo": "openai/gpt-4"}),
    ):
        rule = ruled("model_downgrade", downgrades=pairs)
        world.client.configure_cost_controls(budget_id=budget.id, rules=[rule])
    completions = track(mode=mode, project_id="web").wrap(chat).chat.completions

    for _ in range(3):
        completions.create(**asked("gpt-4-0613"))

    assert provider.models() == ["gpt-3.5-turbo"] * 3


@MODES
def test_a_free_model_is_used_when_nothing_is_left(
    mode: str, world: World, track: Track, chat: openai.OpenAI, provider: Provider
) -> None:
    world.client.create_price(
        provider="openai",
        model="house-mini",
        organization_id=world.organization,
        input_per_million="0",
        output_per_million="0",
    )
    world.budget("0")
    completions = track(mode=mode).wrap(chat).chat.completions

    for _ in range(3):
        completions.create(**asked("house-mini"))
        with pytest.raises(BudgetExceededError):
            completions.create(**CALL)

    assert provider.models() == ["house-mini"] * 3


@MODES
def test_a_limit_holds_whatever_a_model_is_called_in_asking_and_answering(
    mode: str, world: World, track: Track, chat: openai.OpenAI, provider: Provider
) -> None:
    provider.model = "gpt-4o-2024-08-06"
    budget = world.budget("0.003", scope={"models": ["gpt-4o"]})  # of one call
    tracker = track(mode=mode)
    made = 0

    for model in ("gpt-4o", "GPT-4o", "openai/gpt-4o", "gpt-4o-2024-08-06"):
        try:
            tracker.wrap(chat).chat.completions.create(**{**CALL, "model": model})
            made += 1
        except BudgetExceededError:
            pass
        tracker.flush()

    status = world.status(budget)
    assert made == 1
    assert 0 < status.total_spend <= status.limit
