"""What becomes of a call that a budget refused: people are asked, and it waits."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple, Optional, Union

from llm_cost_ops.answers.approvals import BudgetRequestDetail
from llm_cost_ops.answers.controls import Authorization, Reason
from llm_cost_ops.api import approvals, controls
from llm_cost_ops.calls import Call
from llm_cost_ops.client import CostOpsClient
from llm_cost_ops.config import TrackerConfig
from llm_cost_ops.errors import ApiError, CostOpsError, NoAnswerError, ServerError
from llm_cost_ops.leases.lease import Ticket
from llm_cost_ops.requests import Request
from llm_cost_ops.retrying import is_passing
from llm_cost_ops.threads import Threads

log = logging.getLogger("llm_cost_ops")

ASK = "ask"
_POLL_S = 20  # for which the server holds an answer back
_PAUSE_S = 1.0  # where it did not, or was away
_ALLOWED = frozenset({"allow", "downgrade"})


class Refused(NamedTuple):
    """The call may not be made, or not now."""

    decision: str  # block, rate_limit or unavailable
    reasons: Sequence[Reason]
    retry_after_s: Optional[int] = None
    request: Optional[str] = None  # for money, that people were asked about


Found = Union[Ticket, Refused]


@dataclass(frozen=True)
class _Send:
    """A request to be sent."""

    request: Request[Any]


# A request whose answer comes back, or seconds to sleep.
_Step = Union[_Send, float]
_Way = Generator[_Step, Any, Found]


class OnBlocked:
    """Asks people for money when a call is refused, and goes on once they gave it.

    It is the call's own key that leads to the request: an app that was killed and makes
    the call again waits for the same one, and learns if it was decided meanwhile.
    """

    def __init__(self, client: CostOpsClient, config: TrackerConfig) -> None:
        self._client = client
        self._config = config
        self._threads = Threads()

    def asks(self, found: Refused) -> bool:
        return found.decision == "block" and self._config.on_blocked == ASK

    def wait(self, call: Call, found: Refused) -> Found:
        """Return the leave that people gave, or why there is none."""
        way = self._way(call, holds=True)
        step, answer, failure = next(way), None, None
        try:
            while True:
                answer, failure = None, None
                if isinstance(step, _Send):
                    try:
                        answer = self._client.send(step.request)
                    except CostOpsError as error:
                        failure = error
                else:
                    time.sleep(step)
                step = _next(way, answer, failure)
        except StopIteration as end:
            given: Found = end.value
            return given
        except CostOpsError as error:
            return _not_asked(found, error)

    async def wait_async(self, call: Call, found: Refused) -> Found:
        """Return the leave that people gave; nothing is blocked meanwhile."""
        # No answer is held back: it would keep a thread of the few there are.
        way = self._way(call, holds=False)
        step, answer, failure = next(way), None, None
        try:
            while True:
                answer, failure = None, None
                if isinstance(step, _Send):
                    try:
                        answer = await self._threads.run(_sending(self._client, step))
                    except CostOpsError as error:
                        failure = error
                else:
                    await asyncio.sleep(step)
                step = _next(way, answer, failure)
        except StopIteration as end:
            given: Found = end.value
            return given
        except CostOpsError as error:
            return _not_asked(found, error)

    def close(self) -> None:
        self._threads.close()

    # -- What is sent, one after another

    def _way(self, call: Call, *, holds: bool) -> _Way:
        """Ask, wait, and ask for the call again, which is how it gets its money.

        Where others have used up what was given, people are asked once more.
        """
        left, before = _Left(self._config.ask_timeout_s), ""
        while True:
            asked = yield from self._sent(self._asking(call, before), left)
            if asked.decision in _ALLOWED or asked.request in {None, before}:
                return _found(call, asked)
            before = asked.request
            log.info("a call of %s waits for request %s", call.model, before)
            request = yield from self._decided(before, left, holds=holds)
            if request.state != "approved":
                reasons = (*asked.reasons, _outcome(request))
                return Refused(asked.decision, reasons, request=before)
            again = yield from self._sent(_authorizing(call), left)
            if again.decision != "block":
                return _found(call, again)

    def _decided(
        self, request_id: str, left: _Left, *, holds: bool
    ) -> Generator[_Step, Any, BudgetRequestDetail]:
        while True:
            began = time.monotonic()
            wait = left.at_most(_POLL_S) if holds else None
            poll = approvals.get_budget_request(request_id, wait=wait)
            found: BudgetRequestDetail = yield from self._sent(poll, left)
            if found.state != "pending" or left.is_over:
                return found
            if time.monotonic() - began < _PAUSE_S:
                yield _PAUSE_S

    def _sent(self, request: Request[Any], left: _Left) -> Generator[_Step, Any, Any]:
        """Send until there is an answer: a call that was refused stays so while the
        server is away."""
        while True:
            try:
                return (yield _Send(request))
            except (NoAnswerError, ApiError) as error:
                passes = is_passing(error) or isinstance(error, ServerError)
                if left.is_over or not passes:
                    raise
            yield _PAUSE_S

    def _asking(self, call: Call, before: str) -> Request[Authorization]:
        config = self._config
        ask: dict[str, Any] = {
            "amount": f"{config.ask_amount:f}",
            "justification": config.ask_justification,
        }
        said = [call.provider, call.model, dict(call.who.wire), ask, before]
        text = json.dumps(said, sort_keys=True, default=str)
        ask["key"] = sha256(text.encode()).hexdigest()
        return _authorizing(call, ask=ask)


class _Left:
    """How much of the time is left for which a call waits for people."""

    def __init__(self, seconds: Optional[float]) -> None:
        self._until = None if seconds is None else time.monotonic() + seconds

    def at_most(self, seconds: int) -> int:
        if self._until is None:
            return seconds
        return max(1, min(seconds, int(self._until - time.monotonic())))

    @property
    def is_over(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until


def _next(way: _Way, answer: Any, failure: Optional[CostOpsError]) -> _Step:
    return way.send(answer) if failure is None else way.throw(failure)


def _sending(client: CostOpsClient, step: _Send) -> Any:
    return lambda: client.send(step.request)


def _authorizing(
    call: Call, *, ask: Optional[dict[str, Any]] = None
) -> Request[Authorization]:
    return controls.authorize(
        provider=call.provider,
        model=call.model,
        input_tokens=call.input_tokens,
        max_output_tokens=call.output_tokens,
        ask=ask,
        run_cap=call.who.run_cap,
        **call.who.wire,
    )


def _found(call: Call, answer: Authorization) -> Found:
    if answer.decision in _ALLOWED:
        return Ticket(
            answer.model or call.model,
            authorization_id=answer.id,
            reasons=answer.reasons,
        )
    return Refused(
        answer.decision, answer.reasons, answer.retry_after_s, answer.request
    )


def _outcome(request: BudgetRequestDetail) -> Reason:
    """Say what has become of a request that is not approved."""
    said = f" “{request.reason}”" if request.reason else ""
    state = "undecided" if request.state == "pending" else request.state
    words = f"More money was asked for: {state.replace('_', ' ')}.{said}"
    return Reason(words, rule="request")


def _not_asked(found: Refused, error: CostOpsError) -> Refused:
    log.warning("people could not be asked for money: %s", error)
    why = Reason(f"More money could not be asked for: {error}", rule="request")
    return Refused(found.decision, (*found.reasons, why))
