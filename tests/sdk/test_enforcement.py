"""What budgets, rules and switches do to an app's calls: all parts real."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import openai
import pytest
from llm_cost_ops import BudgetExceededError, CostTracker, RateLimitedError
from llm_cost_ops.answers import Budget

from tests.controls.typical import RULES
from tests.sdk.provider import Provider
from tests.sdk.world import CALL, COST, MESSAGES, World

Track = Callable[..., CostTracker]
GPT_4: dict[str, Any] = {"model": "gpt-4", "messages": MESSAGES, "max_tokens": 10}
TURBO = {**GPT_4, "model": "gpt-3.5-turbo"}
MODES = pytest.mark.parametrize("mode", ["lease", "authorize"])


@pytest.fixture
def scene(world: World) -> Budget:
    """All four kinds of rules on a budget of $100 that is no hard limit."""
    budget = world.budget(enforcement="soft")
    world.client.configure_cost_controls(budget_id=budget.id, rules=RULES)
    return budget


def report_spend(world: World, cost: str) -> None:
    """Have so much spent, by a record that says what was billed."""
    world.client.report_usage(
        {
            "id": f"spent-{cost}",
            "timestamp": world.client.get_budget_tree(
                organization_id=world.organization
            )[0].period_start,
            "provider": "openai",
            "model": "gpt-4",
            "cost": cost,
            "currency": "USD",
            "organization_id": world.organization,
        }
    )


@MODES
def test_far_from_the_limit_rules_change_nothing(
    mode: str,
    scene: Budget,
    track: Track,
    chat: openai.OpenAI,
    provider: Provider,
) -> None:
    track(mode=mode).wrap(chat).chat.completions.create(**GPT_4)

    assert provider.models() == ["gpt-4"]


@MODES
def test_from_90_percent_on_a_cheaper_model_is_used(
    mode: str,
    scene: Budget,
    world: World,
    track: Track,
    chat: openai.OpenAI,
    provider: Provider,
) -> None:
    report_spend(world, "90")
    tracker = track(mode=mode)

    tracker.wrap(chat).chat.completions.create(**GPT_4)

    assert provider.models() == ["gpt-3.5-turbo"]
    assert tracker.stats.downgraded == 1
    assert world.costs(tracker)[-1].model == "gpt-3.5-turbo"


@MODES
def test_in_development_dear_models_are_blocked(
    mode: str, scene: Budget, track: Track, chat: openai.OpenAI, provider: Provider
) -> None:
    wrapped = track(mode=mode, environment="development").wrap(chat)

    with pytest.raises(BudgetExceededError, match="gpt-4 may not be used") as refusal:
        wrapped.chat.completions.create(**GPT_4)
    wrapped.chat.completions.create(**TURBO)

    assert refusal.value.reasons[0].budget == scene.id
    assert provider.models() == ["gpt-3.5-turbo"]


@MODES
def test_from_95_percent_on_ten_requests_a_minute_are_allowed(
    mode: str, scene: Budget, world: World, track: Track, chat: openai.OpenAI
) -> None:
    report_spend(world, "95")
    completions = track(mode=mode).wrap(chat).chat.completions

    for _ in range(10):
        completions.create(**TURBO)
    with pytest.raises(RateLimitedError) as refusal:
        completions.create(**TURBO)

    assert 0 < (refusal.value.retry_after_s or 0) <= 60


@MODES
def test_at_100_percent_all_but_exempt_users_are_blocked(
    mode: str,
    scene: Budget,
    world: World,
    track: Track,
    chat: openai.OpenAI,
    provider: Provider,
) -> None:
    report_spend(world, "100")
    tracker = track(mode=mode)

    with pytest.raises(BudgetExceededError, match="Contact finance team"):
        tracker.wrap(chat).chat.completions.create(**GPT_4)
    admin = tracker.wrap(chat, user_id="admin@company.com")
    admin.chat.completions.create(**GPT_4)

    assert provider.models() == ["gpt-4"]


def test_what_was_decided_here_counts_before_the_server_knows_of_it(
    world: World, track: Track, chat: openai.OpenAI, provider: Provider
) -> None:
    """A lease learns of spending every 15 s; its own it knows at once."""
    budget = world.budget("0.011", enforcement="soft")
    rule = {
        "trigger": "budget_percentage >= 0.9",
        "action": "model_downgrade",
        "config": {"downgrades": {"gpt-4o": "gpt-4o-mini"}},
    }
    world.client.configure_cost_controls(budget_id=budget.id, rules=[rule])
    completions = track(flush_interval_s=60).wrap(chat).chat.completions

    for _ in range(6):
        completions.create(**CALL)

    assert provider.models() == ["gpt-4o"] * 4 + ["gpt-4o-mini"] * 2


@MODES
def test_a_kill_switch_stops_every_call_until_it_is_released(
    mode: str, world: World, track: Track, chat: openai.OpenAI
) -> None:
    budget, tracker = world.budget(), track(mode=mode)
    completions = tracker.wrap(chat).chat.completions

    world.client.set_kill_switch(budget.id, active=True, message="Incident 7.")
    with pytest.raises(BudgetExceededError, match="Incident 7") as refusal:
        completions.create(**CALL)
    world.client.set_kill_switch(budget.id, active=False)
    completions.create(**CALL)

    assert refusal.value.reasons[0].rule == "kill_switch"


def test_a_kill_switch_reaches_a_lease_when_it_is_refreshed(
    world: World, track: Track, chat: openai.OpenAI
) -> None:
    budget, tracker = world.budget(), track()
    completions = tracker.wrap(chat).chat.completions
    completions.create(**CALL)

    world.client.set_kill_switch(budget.id, active=True)
    keeper = tracker._guard.keeper
    for slot in keeper._book.slots():
        slot.look_at = 0.0
    keeper.look_after()

    with pytest.raises(BudgetExceededError):
        completions.create(**CALL)


@MODES
def test_a_hard_limit_is_never_passed_and_never_blocks_while_there_is_room(
    mode: str, world: World, track: Track, chat: openai.OpenAI, provider: Provider
) -> None:
    """64 calls at once against room for 20, each of exactly its worst case."""
    worst = Decimal("0.0027500000")  # 100 tokens in, 250 out
    budget = world.budget(str(20 * worst))
    tracker = track(mode=mode, count_tokens=lambda model, text: 0, flush_interval_s=0.1)

    def complete(**request: Any) -> dict[str, Any]:
        return {"usage": {"prompt_tokens": 100, "completion_tokens": 250}}

    def call(_: int) -> str:
        try:
            tracker.track(
                complete,
                model="gpt-4o",
                messages=[],
                input=[1] * 96,  # with what is around it: 100
                max_tokens=250,
                costops={"provider": "openai"},
            )
        except BudgetExceededError as refusal:
            return str(refusal.reasons[0].rule)
        return "allowed"

    with ThreadPoolExecutor(16) as threads:
        found = Counter(threads.map(call, range(64)))

    assert found == {"allowed": 20, "hard_limit": 44}
    tracker.close()
    status = world.status(budget)
    assert (status.total_spend, status.reserved) == (20 * worst, 0)


def test_a_limit_that_is_reached_says_what_is_left(
    world: World, track: Track, chat: openai.OpenAI
) -> None:
    budget = world.budget("0.0001", name="Tiny")

    with pytest.raises(BudgetExceededError) as refusal:
        track().wrap(chat).chat.completions.create(**CALL)

    (reason,) = refusal.value.reasons
    assert (reason.budget, reason.budget_name) == (budget.id, "Tiny")
    assert reason.left is not None
    assert 0 < reason.left <= Decimal("0.0001")  # this process holds the rest


def test_money_that_is_not_used_goes_back(
    world: World, track: Track, chat: openai.OpenAI
) -> None:
    budget, tracker = world.budget(), track()
    tracker.wrap(chat).chat.completions.create(**CALL)
    held = world.status(budget).reserved

    tracker.close()

    assert held > 0
    status = world.status(budget)
    assert (status.reserved, status.total_spend) == (0, COST)


def test_one_lease_serves_all_users_where_no_scope_looks_at_them(
    world: World, track: Track, chat: openai.OpenAI
) -> None:
    world.budget()
    tracker = track()

    for number in range(20):
        tracker.wrap(chat, user_id=f"user-{number}").chat.completions.create(**CALL)

    leases = {slot.lease for slot in tracker._guard.keeper._book.slots()}
    assert len(leases) == 1


def test_users_have_leases_of_their_own_where_a_scope_looks_at_them(
    world: World, track: Track, chat: openai.OpenAI
) -> None:
    ada = world.budget("0.003", name="Ada", scope={"users": ["ada"]})
    tracker = track()
    of_ada, of_bob = (tracker.wrap(chat, user_id=name) for name in ("ada", "bob"))

    of_ada.chat.completions.create(**CALL)
    with pytest.raises(BudgetExceededError):
        of_ada.chat.completions.create(**CALL)
    of_bob.chat.completions.create(**CALL)

    tracker.flush()
    assert world.status(ada).total_spend == COST


def test_a_rate_limit_can_be_waited_for(world: World, track: Track) -> None:
    tracker = track(wait_for_rate_s=5)
    budget = world.budget()
    rule = {
        "trigger": "always",
        "action": "rate_limit",
        "config": {"maxRequestsPerMinute": 1},
    }
    world.client.configure_cost_controls(budget_id=budget.id, rules=[rule])
    asked: dict[str, Any] = {"model": "gpt-4o", "max_tokens": 1}

    tracker.plan("openai", asked).depart()
    with pytest.raises(RateLimitedError) as refusal:  # a minute is too long for it
        tracker.plan("openai", asked).depart()

    assert refusal.value.retry_after_s
    assert tracker.stats.blocked == 1
