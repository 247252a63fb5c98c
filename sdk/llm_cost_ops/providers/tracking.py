"""Sends a provider's request under leave, and reads the usage from the answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from typing import Any, Callable, Optional

from llm_cost_ops.calls import Attribution
from llm_cost_ops.flights import (
    Desk,
    Flight,
    departed,
    departed_async,
    is_inside,
    landed,
    planned,
)
from llm_cost_ops.providers.raw import TrackedRaw
from llm_cost_ops.providers.streams import AsyncTrackedStream, TrackedStream
from llm_cost_ops.providers.surfaces import Surface
from llm_cost_ops.providers.usage import part

log = logging.getLogger("llm_cost_ops")

Body = Mapping[str, Any]
UNREAD = "stream"  # an answer that is to be read later
RAW = "true"


class Tracking:
    """How the calls of one client are tracked."""

    def __init__(self, desk: Desk, provider: str, who: Attribution) -> None:
        self._desk = desk
        self._provider = provider
        self._who = who

    def send(
        self,
        surface: Surface,
        body: Body,
        post: Callable[[Body], Any],
        *,
        raw: str = "",
    ) -> Any:
        """Make a request that waits for its answer; *raw*: the answer is unread.

        Raises:
            BudgetExceededError: it may not be made.
        """
        if is_inside.get():
            return post(body)
        flight = planned(self._desk, surface, self._provider, body, self._who)
        if flight is None or not departed(flight):
            return post(body)
        sent, hides_usage = self._prepared(flight, body)
        token = is_inside.set(True)
        try:
            answer = post(sent)
        except BaseException as error:
            self._gone_wrong(flight, error)
            raise
        finally:
            is_inside.reset(token)
        return self._tracked(flight, answer, raw, sent, hides_usage=hides_usage)

    async def send_async(
        self,
        surface: Surface,
        body: Body,
        post: Callable[[Body], Awaitable[Any]],
        *,
        raw: str = "",
    ) -> Any:
        """Make a request of asyncio's.

        Raises:
            BudgetExceededError: it may not be made.
        """
        if is_inside.get():
            return await post(body)
        flight = planned(self._desk, surface, self._provider, body, self._who)
        if flight is None or not await departed_async(flight):
            return await post(body)
        sent, hides_usage = self._prepared(flight, body)
        token = is_inside.set(True)
        try:
            answer = await post(sent)
        except BaseException as error:
            self._gone_wrong(flight, error)
            raise
        finally:
            is_inside.reset(token)
        return self._tracked(flight, answer, raw, sent, hides_usage=hides_usage)

    def _prepared(self, flight: Flight, body: Body) -> tuple[Body, bool]:
        """Return what to send, and whether it asks for usage that nobody expects."""
        sent = body
        if flight.model != flight.call.model:
            sent = {**sent, "model": flight.model}
        options = body.get("stream_options") or {}
        asks = (
            flight.surface.tells_usage_if_asked
            and bool(body.get("stream"))
            and self._desk.config.stream_usage
            and "include_usage" not in options
        )
        if asks:
            sent = {**sent, "stream_options": {**options, "include_usage": True}}
        return sent, asks

    def _gone_wrong(self, flight: Flight, error: BaseException) -> None:
        """Give the money back, unless the provider may be at work all the same."""
        if isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)):
            landed(flight, None)
        else:
            flight.cancel()

    def _tracked(
        self, flight: Flight, answer: Any, raw: str, sent: Body, *, hides_usage: bool
    ) -> Any:
        is_stream = bool(sent.get("stream"))
        if raw == UNREAD or (raw and is_stream):
            unread = TrackedRaw(
                answer,
                lambda found: self._read(flight, found, hides_usage=hides_usage),
                lambda: landed(flight, None),
            )
            self._desk.open.add(unread)
            return unread
        if raw:
            self._land(flight, _parsed(answer))
            return answer
        return self._read(flight, answer, hides_usage=hides_usage)

    def _read(self, flight: Flight, answer: Any, *, hides_usage: bool) -> Any:
        kind = _stream_kind(answer)
        if kind is None:
            self._land(flight, answer)
            return answer
        meter = flight.surface.meter(flight.call.provider)

        def ended() -> None:
            used = meter.used(flight.likely_input())
            landed(
                flight,
                used,
                model=meter.model,
                service_tier=meter.service_tier,
                response_id=meter.response_id,
                is_early=not meter.is_whole,
            )

        stream = kind(answer, meter, ended, hides_usage=hides_usage)
        self._desk.open.add(stream)
        return stream

    def _land(self, flight: Flight, answer: Any) -> None:
        usage = part(answer, "usage")
        tier = part(answer, "service_tier") or part(usage, "service_tier")
        landed(
            flight,
            None
            if usage is None
            else flight.surface.tokens(usage, flight.call.provider),
            model=part(answer, "model"),
            service_tier=tier,
            response_id=part(answer, "id"),
        )


def _stream_kind(answer: Any) -> Optional[Any]:
    if hasattr(answer, "__anext__"):
        return AsyncTrackedStream
    return TrackedStream if hasattr(answer, "__next__") else None


def _parsed(answer: Any) -> Any:
    """Return what a raw answer says; its package remembers that it was parsed."""
    try:
        return answer.parse()
    except Exception:
        log.exception("an answer could not be parsed for its usage")
        return None
