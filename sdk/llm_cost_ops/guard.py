"""Whether a call may be made: asked in memory, of the server, or of nobody."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import NoReturn, Optional

from llm_cost_ops.answers.controls import Reason
from llm_cost_ops.api import controls
from llm_cost_ops.breaker import Breaker
from llm_cost_ops.calls import Call
from llm_cost_ops.client import CostOpsClient
from llm_cost_ops.config import TrackerConfig
from llm_cost_ops.errors import (
    ApiError,
    BadAnswerError,
    BudgetExceededError,
    CostOpsError,
    GuardUnavailableError,
    RateLimitedError,
)
from llm_cost_ops.leases.book import Book
from llm_cost_ops.leases.keeper import Keeper
from llm_cost_ops.leases.lease import Ticket
from llm_cost_ops.leases.slot import Ask, Blocked
from llm_cost_ops.money import to_units
from llm_cost_ops.on_blocked import Found, OnBlocked, Refused
from llm_cost_ops.reporting.health import Pulse
from llm_cost_ops.reporting.stats import Counter
from llm_cost_ops.rules import DOWNGRADE, Verdict, leads_back
from llm_cost_ops.threads import Threads
from llm_cost_ops.triggers import Name

log = logging.getLogger("llm_cost_ops")

NOT_ITS_FAULT = frozenset({400, 409, 413})  # the server is well; the request was not
MOST_MODELS = 10  # that downgrades may lead through


class Guard:
    """Decides calls by the tracker's mode, and by what is to be if nobody answers."""

    def __init__(
        self,
        client: CostOpsClient,
        config: TrackerConfig,
        counter: Counter,
        pulse: Optional[Pulse] = None,
    ) -> None:
        self._client = client
        self._config = config
        self._counter = counter
        self._pulse = pulse or Pulse()
        self._book = Book(
            client, to_units(config.first_lease), config.decision_timeout_s
        )
        self.keeper = Keeper(client, self._book, config.decision_timeout_s)
        self._breaker = Breaker()
        self._threads = Threads()
        self._on_blocked = OnBlocked(client, config)

    def begin_anew(self) -> None:
        self._book.begin_anew()
        self.keeper.begin_anew()
        self._breaker.begin_anew()

    # -- Asking

    def admit(self, call: Call) -> Ticket:
        """Return the leave to make *call*, perhaps of another model.

        Raises:
            BudgetExceededError: it may not be made.
        """
        began = 0.0
        while True:
            found = self.at_once(call)
            if found is None:
                found = self.by_asking(call)
            if isinstance(found, Ticket):
                return self._admitted(call, found)
            began = began or time.monotonic()
            wait = self._wait(found, began)
            if wait is None:
                if self._on_blocked.asks(found):
                    found = self._on_blocked.wait(call, found)
                return self._concluded(call, found)
            time.sleep(wait)

    async def admit_async(self, call: Call) -> Ticket:
        """Return the leave to make *call*; nothing is blocked while that is asked.

        Raises:
            BudgetExceededError: it may not be made.
        """
        began = 0.0
        while True:
            found = self.at_once(call)
            if found is None:
                found = await self._threads.run(lambda: self.by_asking(call))
            if isinstance(found, Ticket):
                return self._admitted(call, found)
            began = began or time.monotonic()
            wait = self._wait(found, began)
            if wait is None:
                if self._on_blocked.asks(found):
                    found = await self._on_blocked.wait_async(call, found)
                return self._concluded(call, found)
            await asyncio.sleep(wait)

    def at_once(self, call: Call) -> Optional[Found]:
        """Decide in memory; None: the server has to be asked."""
        mode = self._config.mode
        if mode == "observe":
            return Ticket(call.model)
        if mode == "authorize" or call.who.run_id:
            return None  # no lease is for one run
        found = self._book.decide(call)
        if isinstance(found, Ticket):
            lease = found.lease
            if lease is not None and lease.left < lease.low:
                lease.low = 0  # until the keeper has looked at it
                self.keeper.wake()
            return found
        if isinstance(found, Verdict):
            if found.action != DOWNGRADE:
                return Refused("block", found.reasons)
            return self._downgraded(call, found, asks=False)
        return None

    def by_asking(self, call: Call) -> Found:
        """Decide with the server's help; without it as the app has chosen."""
        if not self._breaker.may_ask():
            return self._unaided("CostOps is away.")
        try:
            found = self._asked(call)
        except CostOpsError as error:
            return self._failed(error)
        except Exception as error:  # never the app's problem
            log.exception("a call could not be authorized")
            return self._failed(BadAnswerError(repr(error)))
        self._breaker.succeeded()
        self._pulse.asked()
        if isinstance(found, Ticket) and found.lease is not None:
            self.keeper.wake()
        return found

    def _asked(self, call: Call) -> Found:
        if self._config.mode == "authorize" or call.who.run_id:
            return self._authorized(call)
        return self._leased(call)

    def _leased(
        self,
        call: Call,
        *,
        may_downgrade: bool = True,
        seen: tuple[Name, ...] = (),
    ) -> Found:
        found = self._book.decide_by_asking(call, may_downgrade=may_downgrade)
        if isinstance(found, Ticket):
            return found
        if isinstance(found, Ask):
            return self._authorized(call)
        if isinstance(found, Blocked):
            return Refused("block", found.reasons)
        if not isinstance(found, Verdict):
            raise BadAnswerError("Leases were granted that are over at once.")
        if found.action != DOWNGRADE:
            return Refused("block", found.reasons)
        lesser = self._downgraded(call, found, asks=True, seen=seen)
        return lesser or Refused("block", found.reasons)

    def _downgraded(
        self,
        call: Call,
        verdict: Verdict,
        *,
        asks: bool,
        seen: tuple[Name, ...] = (),
    ) -> Optional[Found]:
        """Go on with the cheaper model: by its own lease, price and rules.

        One that leads back to a model that was *seen* is not followed.
        """
        lesser, reasons = call, list(verdict.reasons)
        while True:
            seen = (*seen, verdict.judged)
            is_new = not leads_back(verdict.name, seen) and len(seen) < MOST_MODELS
            if is_new:
                lesser = call.of(verdict.model)
            found = self._book.decide(lesser, may_downgrade=is_new)
            if isinstance(found, Verdict) and found.action == DOWNGRADE:
                verdict = found
                reasons += found.reasons
                continue
            if isinstance(found, Ticket):
                found.reasons = tuple(reasons)
                return found
            if isinstance(found, Verdict):
                return Refused("block", found.reasons)
            if not asks:
                return None
            return self._leased(lesser, may_downgrade=is_new, seen=seen)

    def _authorized(self, call: Call) -> Found:
        request = controls.authorize(
            provider=call.provider,
            model=call.model,
            input_tokens=call.input_tokens,
            max_output_tokens=call.output_tokens,
            run_cap=call.who.run_cap,
            **call.who.wire,
        )
        answer = self._client.send_once(
            request, timeout=self._config.decision_timeout_s
        )
        if answer.decision in {"allow", "downgrade"}:
            return Ticket(
                answer.model or call.model,
                authorization_id=answer.id,
                reasons=answer.reasons,
            )
        if answer.decision not in {"block", "rate_limit"}:
            raise BadAnswerError(f"The decision {answer.decision!r} is unknown.")
        return Refused(answer.decision, answer.reasons, answer.retry_after_s)

    # -- Concluding

    def _failed(self, error: CostOpsError) -> Found:
        is_its_own = isinstance(error, ApiError) and error.status in NOT_ITS_FAULT
        if is_its_own:
            self._breaker.succeeded()
        else:
            self._breaker.failed()
            self._pulse.asked(error)
        log.warning("a call could not be authorized: %s", error)
        return self._unaided(str(error))

    def _unaided(self, why: str) -> Found:
        if self._config.fail_open:
            self._counter.add("unguarded")
            self._pulse.let_through()
            return Ticket("")
        return Refused("unavailable", (Reason(f"CostOps can't be asked: {why}"),))

    def _concluded(self, call: Call, found: Found) -> Ticket:
        if isinstance(found, Refused):
            self._refuse(found)
        return self._admitted(call, found)

    def _admitted(self, call: Call, ticket: Ticket) -> Ticket:
        ticket.model = ticket.model or call.model
        self._counter.add("calls")
        if ticket.model != call.model:
            self._counter.add("downgraded")
            log.info("%s instead of %s: %s", ticket.model, call.model, ticket.reasons)
        return ticket

    def _wait(self, found: Refused, began: float) -> Optional[float]:
        """Return how long to wait before asking again; None: not at all."""
        if found.decision != "rate_limit" or found.retry_after_s is None:
            return None
        wait = float(found.retry_after_s)
        until = began + self._config.wait_for_rate_s
        return wait if time.monotonic() + wait <= until else None

    def _refuse(self, found: Refused) -> NoReturn:
        self._counter.add("blocked")
        message = " ".join(reason.message for reason in found.reasons)
        kinds = {"rate_limit": RateLimitedError, "unavailable": GuardUnavailableError}
        raise kinds.get(found.decision, BudgetExceededError)(
            message or "The budget does not allow this call.",
            reasons=found.reasons,
            retry_after_s=found.retry_after_s,
            request=found.request,
        )

    def close(self, until: float) -> None:
        self.keeper.close(until)
        self._threads.close()
        self._on_blocked.close()
