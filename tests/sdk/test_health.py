"""What the app and its log are told of a tracker that can't do its work."""

import asyncio
import logging
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
from llm_cost_ops import AsyncCostTracker, CostTracker, NoAnswerError, TrackerConfig
from llm_cost_ops.answers.controls import Authorization
from llm_cost_ops.breaker import Breaker
from llm_cost_ops.calls import Attribution, Call
from llm_cost_ops.errors import NotAuthenticatedError
from llm_cost_ops.guard import Guard
from llm_cost_ops.reporting import health
from llm_cost_ops.reporting.health import Pulse
from llm_cost_ops.reporting.stats import Counter

from tests.sdk.desks import Desk

CALL = Call("openai", "gpt-4", Attribution(), 10, 10)
ALLOW = Authorization("allow", "gpt-4", id="a1")
REVOKED = NotAuthenticatedError(401, "not_authenticated", "This API key is revoked.")
NOWHERE = "http://127.0.0.1:9"


def guarded(*answers: Any) -> tuple[Guard, Pulse]:
    desk: Any = Desk(list(answers))
    pulse = Pulse()
    config = TrackerConfig(mode="authorize", fail_open=True)
    return Guard(desk, config, Counter(), pulse), pulse


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno == logging.ERROR
    ]


def test_a_revoked_key_is_told_once_a_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    guard, _ = guarded(REVOKED)

    for _ in range(100):
        guard.admit(CALL)
    first = errors(caplog)
    now += health.TELL_EVERY_S
    guard.admit(CALL)

    (line,) = first
    assert "CostOps refuses the API key" in line
    assert "revoked" in line
    assert len(errors(caplog)) == 2
    assert "100 since last told" in errors(caplog)[1]


def test_health_says_that_the_key_is_refused() -> None:
    guard, pulse = guarded(REVOKED)

    before = pulse.health(0)
    guard.admit(CALL)
    after = pulse.health(1)

    assert (before.ok, before.problem, before.key_refused) == (True, "", False)
    assert (after.ok, after.is_guarding, after.key_refused) == (False, False, True)
    assert "revoked" in after.problem
    assert after.unguarded == 1


def test_a_server_that_is_away_is_no_refused_key() -> None:
    guard, pulse = guarded(NoAnswerError("Nobody is there."), ALLOW)

    guard.admit(CALL)
    away = pulse.health(1)
    guard._breaker = Breaker()
    guard.admit(CALL)

    assert (away.ok, away.key_refused) == (False, False)
    assert pulse.health(1).ok


def test_usage_that_is_refused_for_the_key_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pulse = Pulse()

    pulse.reported(REVOKED)
    found = pulse.health(0)
    pulse.reported()

    assert (found.is_guarding, found.is_reporting) == (True, False)
    assert found.key_refused
    assert len(errors(caplog)) == 1
    assert pulse.health(0).ok


def test_a_result_is_not_tracked_as_a_call(tmp_path: Path) -> None:
    config = TrackerConfig(spool_dir=tmp_path)
    with CostTracker("key", NOWHERE, config) as tracker:
        result: Any = {"usage": {}}
        with pytest.raises(TypeError, match="Pass the method, not its result") as error:
            tracker.track(result)

    assert "made already" in str(error.value)


def test_a_coroutine_is_not_tracked_as_a_call_and_is_closed(tmp_path: Path) -> None:
    async def create() -> None:
        raise AssertionError

    async def track() -> None:
        config = TrackerConfig(spool_dir=tmp_path)
        async with AsyncCostTracker("key", NOWHERE, config) as tracker:
            begun: Any = create()
            await tracker.track(begun)

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "was never awaited"
        with pytest.raises(TypeError, match="Pass the method, not its") as error:
            asyncio.run(track())

    assert "made already" not in str(error.value)
