"""A call of a model from leave to record, whoever makes it."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any, Callable, Optional

from llm_cost_ops.calls import Attribution, Call, Tokens
from llm_cost_ops.config import TrackerConfig
from llm_cost_ops.errors import BudgetExceededError
from llm_cost_ops.guard import Guard
from llm_cost_ops.leases.lease import Ticket
from llm_cost_ops.numbering import Numbering
from llm_cost_ops.providers.estimates import likely_input, most_output, worst_input
from llm_cost_ops.providers.responses import responses
from llm_cost_ops.providers.surfaces import Surface
from llm_cost_ops.reporting.reporter import Reporter
from llm_cost_ops.reporting.stats import Counter

log = logging.getLogger("llm_cost_ops")

LONGEST_NAME = 200  # characters

NO_CHANGES: Mapping[str, Any] = MappingProxyType({})
changes: ContextVar[Mapping[str, Any]] = ContextVar(
    "llm_cost_ops_changes", default=NO_CHANGES
)
is_inside: ContextVar[bool] = ContextVar("llm_cost_ops_is_inside", default=False)


class Desk:
    """Where calls get leave, and where they are recorded."""

    def __init__(
        self,
        config: TrackerConfig,
        guard: Guard,
        reporter: Reporter,
        counter: Counter,
    ) -> None:
        self.config = config
        self.guard = guard
        self.reporter = reporter
        self.counter = counter
        self.who = Attribution(
            organization_id=config.organization_id,
            project_id=config.project_id,
            department_id=config.department_id,
            team_id=config.team_id,
            environment=config.environment,
            user_id=config.user_id,
            service_tier=config.service_tier,
            tags=config.tags,
        )
        self.numbering = Numbering()
        self.open: weakref.WeakSet[Any] = weakref.WeakSet()  # streams being read

    def plan(
        self, surface: Surface, provider: str, body: Mapping[str, Any], who: Attribution
    ) -> Flight:
        """Return the flight of a request that somebody wants to make."""
        if changed := changes.get():
            who = who.having(changed)
        if tier := body.get("service_tier"):
            who = who.having({"service_tier": str(tier)})
        model = str(body.get("model") or "")
        config = self.config
        call = Call(
            provider or surface.provider,
            model,
            who,
            worst_input(body, surface.inputs, model, config),
            most_output(body, surface.limits, config) if surface.has_output else 0,
        )
        return Flight(self, surface, body, call)

    def close(self) -> None:
        """Record the streams that nobody has read to their end."""
        for stream in list(self.open):
            stream.finish()


class Flight:
    """One call: its leave, when it began, and the record it leaves behind."""

    def __init__(
        self, desk: Desk, surface: Surface, body: Mapping[str, Any], call: Call
    ) -> None:
        self._desk = desk
        self.surface = surface
        self._body = body
        self.call = call
        self._ticket: Optional[Ticket] = None
        self._began_at = 0.0  # by the clock on the wall
        self._began = 0.0

    @property
    def model(self) -> str:
        """The model to use."""
        return self.call.model if self._ticket is None else self._ticket.model

    def depart(self) -> None:
        """Get leave.

        Raises:
            BudgetExceededError: the call may not be made.
        """
        self._started(self._desk.guard.admit(self.call))

    async def depart_async(self) -> None:
        """Get leave, without blocking other tasks.

        Raises:
            BudgetExceededError: the call may not be made.
        """
        self._started(await self._desk.guard.admit_async(self.call))

    def _started(self, ticket: Ticket) -> None:
        self._ticket = ticket
        self._began_at = time.time()
        self._began = time.perf_counter()

    def arrive(
        self,
        used: Optional[Tokens],
        *,
        model: Any = None,
        service_tier: Any = None,
        response_id: Any = None,
        is_early: bool = False,
    ) -> None:
        """Record what the call used; None: nobody knows, so it is estimated.

        The *model* that answered is the one that is billed: a version of the one that
        was asked for, or another that stood in for it.
        """
        is_estimated = used is None or is_early
        if used is None or not used.input:
            used = Tokens(self.likely_input(), used.output if used else 0)
            is_estimated = True
        ticket, arrived = self._ticket, None
        if ticket is not None and ticket.lease is not None:
            lease, cost = ticket.lease, ticket.lease.settle(ticket, used)
            arrived = _reporting(lease.reported, cost)
        if is_estimated:
            self._desk.counter.add("estimated")
        record = self._record(used)
        if _is_name(model):
            record["model"] = model
        if details := self._details(used, model, is_estimated=is_estimated):
            record["metadata"] = details
        if isinstance(service_tier, str):
            record["service_tier"] = service_tier
        if (told := responses.new(response_id)) is not None:
            record["response_id"] = told
        self._desk.reporter.add(record, arrived)

    def _details(
        self, used: Tokens, model: Any, *, is_estimated: bool
    ) -> dict[str, Any]:
        """Return the metadata of the record."""
        details = dict(self._desk.config.metadata)
        if _is_name(model) and model != self.model:
            details["asked_model"] = self.model
        if is_estimated:
            details["usage"] = "estimated"
        elif used.doubt is not None:
            log.warning("a provider's usage contradicts itself: %s", used.doubt)
            details["usage"] = f"in doubt: {used.doubt}"
        return details

    def unasked(self) -> Flight:
        """Return the same for a call that was made without leave."""
        self._started(Ticket(self.call.model))
        return self

    def likely_input(self) -> int:
        return likely_input(
            self._body, self.surface.inputs, self.model, self._desk.config
        )

    def lose(self) -> None:
        """Count that its usage could not be recorded."""
        self._desk.counter.add("lost")

    def cancel(self) -> None:
        """Give back what was set aside: the provider did not take the call."""
        ticket = self._ticket
        if ticket is None:
            return
        if ticket.lease is not None:
            ticket.lease.settle(ticket, None)
        elif ticket.authorization_id is not None:
            self._desk.guard.keeper.release(ticket.authorization_id)

    def _record(self, used: Tokens) -> dict[str, Any]:
        ticket = self._ticket
        elapsed = time.perf_counter() - self._began
        moment = datetime.fromtimestamp(self._began_at, timezone.utc)
        record: dict[str, Any] = {
            **self.call.who.wire,
            "id": self._desk.numbering.next(),
            "timestamp": moment.isoformat(),
            "provider": self.call.provider,
            "model": self.model,
            "input_tokens": used.input,
            "output_tokens": used.output,
            "latency_ms": round(elapsed * 1000, 3),
        }
        if used.cached:
            record["cached_tokens"] = used.cached
        if used.cache_write:
            record["cache_write_tokens"] = used.cache_write
        if used.reasoning:
            record["reasoning_tokens"] = used.reasoning
        if used.quantities:
            record["quantities"] = dict(used.quantities)
        if used.cost is not None:
            record["cost"], record["currency"] = f"{used.cost:f}", "USD"
        if ticket is not None and (ticket.lease or ticket.authorization_id):
            lease = ticket.lease
            record["authorization_id"] = lease.id if lease else ticket.authorization_id
        return record


def _is_name(model: Any) -> bool:
    """Tell whether the server takes it for a model's name."""
    return isinstance(model, str) and 0 < len(model.strip()) <= LONGEST_NAME


def _reporting(report: Callable[[int], None], cost: int) -> Callable[[], None]:
    return lambda: report(cost)


def planned(
    desk: Desk,
    surface: Surface,
    provider: str,
    body: Mapping[str, Any],
    who: Attribution,
) -> Optional[Flight]:
    """Return the flight of a request; None: it can't be tracked, and is only made."""
    try:
        return desk.plan(surface, provider, body, who)
    except Exception:
        log.exception("a call is made untracked")
        return None


def departed(flight: Flight) -> bool:
    """Get leave for *flight*; False: it could not be tracked, and is only made.

    Raises:
        BudgetExceededError: the call may not be made.
    """
    try:
        flight.depart()
    except BudgetExceededError:
        raise
    except Exception:
        log.exception("a call is made untracked")
        return False
    return True


async def departed_async(flight: Flight) -> bool:
    """Get leave for *flight*; False: it could not be tracked, and is only made.

    Raises:
        BudgetExceededError: the call may not be made.
    """
    try:
        await flight.depart_async()
    except BudgetExceededError:
        raise
    except Exception:
        log.exception("a call is made untracked")
        return False
    return True


def landed(flight: Flight, used: Optional[Tokens], **details: Any) -> None:
    """Record *flight*, whatever happens here."""
    try:
        flight.arrive(used, **details)
    except Exception:
        log.exception("the usage of a call could not be recorded")
        flight.lose()
