"""Money that is asked for, by the SDK, of a server that was really started."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep
from typing import Any

import pytest
from llm_cost_ops import (
    BudgetExceededError,
    CostOpsClient,
    CostTracker,
    ForbiddenError,
    TrackerConfig,
)
from llm_cost_ops.answers.controls import Reason

from tests.journeys.server import Server
from tests.sdk.world import World

Track = Callable[..., CostTracker]
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
