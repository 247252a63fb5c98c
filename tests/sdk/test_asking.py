"""Money that is asked for, by the SDK, of a server that was really started."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import openai
import pytest
from llm_cost_ops import (
    AsyncCostTracker,
    BudgetExceededError,
    CostOpsClient,
    CostTracker,
    ForbiddenError,
    NoAnswerError,
    ServerError,
    TrackerConfig,
)
from llm_cost_ops.answers.approvals import BudgetRequestDetail
from llm_cost_ops.answers.controls import Reason
from llm_cost_ops.asking import Asks
from llm_cost_ops.requests import Request

from tests.journeys.server import Server
from tests.sdk.provider import Provider
from tests.sdk.world import CALL, World

MANAGER, DIRECTOR = "engineering-manager@company.com", "finance-director@company.com"


def test_scene_6_ends_in_a_budget_and_an_agent_goes_on(
    server: Server, world: World
) -> None:
    def key_of(*options: str) -> str:
        return server.manage(
            "create_api_key", "k", "--organization", world.organization, *options
        )

    config = TrackerConfig(organization_id=world.organization)
    with (
        CostTracker(key_of(), server.url, config) as tracker,
        CostOpsClient(server.url, key_of("--user", MANAGER)) as manager,
        CostOpsClient(server.url, key_of("--user", DIRECTOR)) as director,
        ThreadPoolExecutor(1) as beside,
    ):
        camel: Any = tracker
        asked = camel.create_budget_request(
            requester="product-manager@company.com",
            amount=5000,
            duration="monthly",
            justification="New AI feature launch - customer demand tool",
            approvers=[MANAGER, DIRECTOR],
            metadata={
                "project": "customer-insights",
                "expectedROI": "3x",
                "businessCase": "link-to-doc",
            },
        )
        waiting = beside.submit(lambda: tracker.wait_for(asked))
        approval: Any = {
            "requestId": asked.id,
            "approver": MANAGER,
            "decision": "approved",
            "comments": "Approved - aligns with Q1 OKRs",
        }
        with pytest.raises(ForbiddenError):
            camel.approve_budget(**approval)
        manager.approve_budget(**approval)
        sleep(1.5)
        assert not waiting.done()
        director.approve_budget(asked.id)
        at = monotonic()
        done = waiting.result(30)

        assert monotonic() - at < 5  # 2 s of a machine that is not busy
        assert (done.state, done.approved_amount) == ("approved", 5000)
        (node,) = manager.get_budget_tree(organization_id=world.organization)
        assert node.id == done.budget
        (listed,) = tracker.list_budget_requests(state="approved").results
        assert listed.id == asked.id

        reason = Reason(message="Full", budget=node.id)
        full = BudgetExceededError("Full", reasons=[reason])
        why: Any = {"justification": "A launch", "requester": MANAGER}
        more = tracker.ask(full, amount="10", approvers=[DIRECTOR], **why)
        same = tracker.ask(node.id, amount=20, approvers=[DIRECTOR], **why)
        assert (more.kind, same.id, same.amount) == ("increase", more.id, 20)
        assert tracker.wait_for(more, timeout=1).state == "pending"
        assert tracker.withdraw(more.id).state == "withdrawn"


class Scripted(Asks):
    """Answers, or fails, as it is told."""

    def __init__(self, *said: Any) -> None:
        self.said = list(said)
        self.asked: list[str] = []

    def send(self, request: Request[Any]) -> Any:
        self.asked.append(request.target)
        said = self.said.pop(0)
        if isinstance(said, Exception):
            raise said
        return BudgetRequestDetail("r", "new", said, Decimal(5), "USD")


def test_who_waits_outlasts_a_server_that_is_restarted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("llm_cost_ops.asking.time.sleep", pauses.append)
    away = NoAnswerError("gone"), ServerError(503, "unavailable", "Starting.")
    restarted = Scripted("pending", *away, "approved")

    found = restarted.wait_for("r")

    assert found.state == "approved"
    assert restarted.asked == ["/api/v1/budget-requests/r?wait=20"] * 4
    assert pauses == [1.0] * 3  # it was answered at once, and asks no faster
    with pytest.raises(ForbiddenError):
        Scripted(ForbiddenError(403, "forbidden", "No.")).wait_for("r")
    with pytest.raises(NoAnswerError):
        Scripted(away[0]).wait_for("r", timeout=0)
    with pytest.raises(ValueError, match="names no budget"):
        restarted.ask(BudgetExceededError("Full"), amount=1, justification="")


def test_calls_that_are_refused_wait_together_and_block_nothing(
    server: Server, world: World, provider: Provider, tmp_path: Path
) -> None:
    def key_of(*options: str) -> str:
        return server.manage(
            "create_api_key", "k", "--organization", world.organization, *options
        )

    owner, lead = "owner@agents.example", "lead@agents.example"
    owner_key, lead_key = key_of("--user", owner), key_of("--user", lead)
    world.budget("0.0001", owner=owner)
    level = {"name": "Lead", "approvers": [lead]}
    config = TrackerConfig(
        organization_id=world.organization,
        spool_dir=tmp_path,
        on_blocked="ask",
        ask_amount=Decimal(5),
        ask_justification="The nightly evaluation",
    )

    async def talk(decides: CostOpsClient) -> tuple[float, list[str]]:
        tracker = AsyncCostTracker(key_of(), server.url, config)
        chat = openai.AsyncOpenAI(api_key="none", base_url=f"{provider.url}/v1")
        async with tracker, chat:
            create = tracker.wrap(chat).chat.completions.create
            calls = [asyncio.ensure_future(create(**CALL)) for _ in range(3)]
            found: tuple[Any, ...] = ()
            while not found:  # nothing blocks the loop meanwhile
                await asyncio.sleep(0.2)
                found = decides.list_budget_requests(waiting=True).results
            await asyncio.sleep(1)
            assert provider.asked == []
            decides.approve_budget(found[0].id)
            decided = monotonic()
            await asyncio.gather(*calls)
            return monotonic() - decided, [one.id for one in found]

    with (
        CostOpsClient(server.url, owner_key) as asks,
        CostOpsClient(server.url, lead_key) as decides,
    ):
        world.client.create_approval_policy(
            organization_id=world.organization, name="P", levels=[level]
        )
        waited, asked = asyncio.run(talk(decides))
        (request,) = asks.list_budget_requests(mine=True).results

    assert [request.id] == asked
    assert request.state == "approved"
    assert len(provider.asked) == 3
    assert waited < 6  # 2 s of a machine that is not busy
