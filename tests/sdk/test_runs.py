"""Calls of a run: asked for one by one, and stopped at its cap."""

from collections.abc import Callable

import openai
import pytest
from llm_cost_ops import BudgetExceededError, CostTracker

from tests.sdk.provider import Provider
from tests.sdk.world import CALL, COST, World


def test_a_run_goes_on_to_its_cap(
    world: World,
    track: Callable[..., CostTracker],
    chat: openai.OpenAI,
    provider: Provider,
) -> None:
    tracker = track(mode="lease")
    model = tracker.wrap(chat)
    model.chat.completions.create(**CALL)  # of no run

    with tracker.attributed(run_id="agent 7/1", run_cap="0.003"):
        model.chat.completions.create(**CALL)
        world.costs(tracker)  # has arrived, and what was set aside is free
        with pytest.raises(BudgetExceededError, match="cap of"):
            model.chat.completions.create(**CALL)

    run = world.client.get_run("agent 7/1", organization_id=world.organization)
    assert (run.spent, run.requests, str(run.cap)) == (COST, 1, "0.0030000000")
    assert len(provider.models()) == 2
    listed = world.client.list_runs(organization_id=world.organization)
    assert [one.run_id for one in listed.results] == ["agent 7/1"]
    found = world.client.get_costs(
        organization_id=world.organization, run_id="agent 7/1"
    )
    assert [record.run_id for record in found] == ["agent 7/1"]
