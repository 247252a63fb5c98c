"""Rate limits that are waited for, and a server that is away for a while."""

import asyncio
import time
from typing import Any

import pytest
from llm_cost_ops import (
    BudgetExceededError,
    NoAnswerError,
    RateLimitedError,
    TrackerConfig,
)
from llm_cost_ops.answers.controls import Authorization, Reason
from llm_cost_ops.breaker import FIRST_S, Breaker
from llm_cost_ops.calls import Attribution, Call
from llm_cost_ops.errors import BadRequestError
from llm_cost_ops.guard import Guard
from llm_cost_ops.reporting.stats import Counter

from tests.sdk.desks import Desk

CALL = Call("openai", "gpt-4", Attribution(), 10, 10)
ALLOW = Authorization("allow", "gpt-4", id="a1")
LATER = Authorization("rate_limit", "gpt-4", retry_after_s=0)
MUCH_LATER = Authorization("rate_limit", "gpt-4", retry_after_s=30)
NEVER = Authorization("rate_limit", "gpt-4", reasons=(Reason("Too dear."),))


def guard_of(*answers: Any, **choices: Any) -> tuple[Guard, Desk, Counter]:
    desk: Any = Desk(list(answers))
    counter = Counter()
    config = TrackerConfig(**{"mode": "authorize", **choices})
    return Guard(desk, config, counter), desk, counter


def test_a_rate_limit_is_waited_for_as_long_as_the_app_has_said() -> None:
    guard, desk, _ = guard_of(LATER, LATER, ALLOW, wait_for_rate_s=5)

    assert guard.admit(CALL).authorization_id == "a1"
    assert len(desk.asked) == 3

    guard, desk, _ = guard_of(LATER, ALLOW, wait_for_rate_s=5)
    assert asyncio.run(guard.admit_async(CALL)).authorization_id == "a1"


@pytest.mark.parametrize("answer", [MUCH_LATER, NEVER])
def test_nobody_waits_longer_or_for_what_never_comes(answer: Authorization) -> None:
    guard, desk, counter = guard_of(answer, wait_for_rate_s=5)

    with pytest.raises(RateLimitedError) as refusal:
        guard.admit(CALL)

    assert refusal.value.retry_after_s == answer.retry_after_s
    assert (len(desk.asked), counter.snapshot().blocked) == (1, 1)


def test_a_refusal_says_why() -> None:
    reason = Reason("Engineering has nothing left.", budget="b", rule="hard_limit")
    guard, _, _ = guard_of(Authorization("block", "gpt-4", reasons=(reason,)))

    with pytest.raises(BudgetExceededError, match="nothing left") as refusal:
        guard.admit(CALL)

    assert refusal.value.reasons == (reason,)


def test_an_unknown_decision_is_no_decision() -> None:
    guard, _, counter = guard_of(Authorization("perhaps", "gpt-4"))

    assert guard.admit(CALL).authorization_id is None
    assert counter.snapshot().unguarded == 1


def test_a_request_that_the_server_refuses_does_not_make_it_away() -> None:
    guard, desk, _ = guard_of(BadRequestError(400, "invalid", "No such model."))

    for _ in range(3):
        guard.admit(CALL)

    assert len(desk.asked) == 3


def test_a_server_that_is_away_is_asked_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    breaker = Breaker()
    breaker.failed()
    breaker.failed()  # many fail together

    assert not breaker.may_ask()
    now += FIRST_S
    assert breaker.may_ask()  # one, on trial
    assert not breaker.may_ask()
    breaker.failed()
    now += 2 * FIRST_S - 0.1
    assert not breaker.may_ask()  # the pause is longer now
    now += 0.1
    assert breaker.may_ask()
    breaker.succeeded()
    assert breaker.may_ask()
    assert breaker.may_ask()


def test_a_server_that_is_back_decides_again(monkeypatch: pytest.MonkeyPatch) -> None:
    guard, desk, counter = guard_of(NoAnswerError("away"), ALLOW)
    guard.admit(CALL)
    guard.admit(CALL)
    assert (len(desk.asked), counter.snapshot().unguarded) == (1, 2)

    guard._breaker._until = 0.0  # the pause is over

    assert guard.admit(CALL).authorization_id == "a1"
