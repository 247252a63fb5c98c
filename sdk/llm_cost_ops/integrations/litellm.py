"""A LiteLLM callback: `litellm.callbacks = [costops_callback(tracker)]`.

Asynchronous calls, and all of LiteLLM's proxy, are asked for before they are made and
may be refused or given another model. LiteLLM has no such hook in its synchronous
calls: those are reported only. To guard them too, make them by
`tracker.track(litellm.completion, costops={"provider": "openai"}, model=...)`.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Optional, Union

from llm_cost_ops.calls import Tokens
from llm_cost_ops.errors import BudgetExceededError
from llm_cost_ops.flights import Flight, landed
from llm_cost_ops.providers.estimates import likely_output, size
from llm_cost_ops.providers.usage import any_tokens, part
from llm_cost_ops.tracker import AsyncCostTracker, CostTracker

MOST_OPEN = 10_000  # calls that were asked for and have not ended
TOO_MANY_REQUESTS = 429  # by which LiteLLM's proxy answers a refusal
log = logging.getLogger("llm_cost_ops")


def costops_callback(tracker: Union[CostTracker, AsyncCostTracker]) -> Any:
    """Return a callback for `litellm.callbacks`, a CustomLogger of its own.

    Raises:
        ImportError: litellm is not installed.
    """
    from litellm.integrations.custom_logger import CustomLogger

    kind = type("CostOpsLogger", (_Events, CustomLogger), {"book": Calls(tracker)})
    return kind()


class _Events:
    """Asks before LiteLLM calls a model, and reports what the call used."""

    book: Calls

    async def async_pre_call_deployment_hook(
        self, kwargs: dict[str, Any], call_type: Any
    ) -> Optional[dict[str, Any]]:
        return await self.book.ask(kwargs)

    def log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.book.succeeded(kwargs, response_obj)

    async def async_log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.book.succeeded(kwargs, response_obj)

    def log_failure_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.book.failed(kwargs)

    async def async_log_failure_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.book.failed(kwargs)


class Calls:
    """LiteLLM's calls by its own id, from asking to reporting."""

    def __init__(self, tracker: Union[CostTracker, AsyncCostTracker]) -> None:
        self._tracker = tracker
        self._lock = threading.Lock()
        self._open: OrderedDict[str, Flight] = OrderedDict()
        self._done: OrderedDict[str, None] = OrderedDict()  # it may tell an end twice

    async def ask(self, kwargs: dict[str, Any]) -> Optional[dict[str, Any]]:
        """Get leave for a call; return it with another model, if it got that.

        Raises:
            BudgetExceededError: it may not be made.
        """
        try:
            flight = self._planned(kwargs)
            await flight.depart_async()
        except BudgetExceededError as error:
            error.status_code = TOO_MANY_REQUESTS
            raise
        except Exception:
            log.exception("a call is made untracked")
            return None
        with self._lock:
            self._open[str(kwargs.get("litellm_call_id"))] = flight
            forgotten = _beyond(self._open)
        for each in forgotten:
            each.cancel()
        if flight.model == flight.call.model:
            return None
        return {**kwargs, "model": _named_like(str(kwargs["model"]), flight.model)}

    def _planned(self, kwargs: Mapping[str, Any]) -> Flight:
        provider, model = _provider_and_model(kwargs)
        metadata = kwargs.get("metadata") or {}
        given = metadata.get("costops") if isinstance(metadata, Mapping) else None
        request = {**kwargs, "model": model}
        return self._tracker.plan(provider, request, **(given or {}))

    def succeeded(self, kwargs: Mapping[str, Any], answer: Any) -> None:
        """Report a call that has ended."""
        flight = self._ended(kwargs)
        if flight is None:
            return
        used = any_tokens(part(answer, "usage"), flight.call.provider)
        if used is not None and not used.input:  # of a stream that told no usage
            used = Tokens(0, max(used.output, likely_output(_size_of(answer), 0)))
        landed(
            flight, used, model=part(answer, "model"), response_id=part(answer, "id")
        )

    def failed(self, kwargs: Mapping[str, Any]) -> None:
        """Give back what was set aside for a call that has failed."""
        with self._lock:
            flight = self._open.pop(str(kwargs.get("litellm_call_id")), None)
        if flight is not None:
            flight.cancel()

    def _ended(self, kwargs: Mapping[str, Any]) -> Optional[Flight]:
        call_id = str(kwargs.get("litellm_call_id"))
        with self._lock:
            if call_id in self._done:
                return None
            self._done[call_id] = None
            _beyond(self._done)
            flight = self._open.pop(call_id, None)
        try:
            return flight or self._planned(kwargs).unasked()
        except Exception:
            log.exception("the usage of a call could not be recorded")
            return None


def _beyond(kept: OrderedDict[str, Any]) -> list[Any]:
    """Take out the oldest that are too many."""
    return [kept.popitem(last=False)[1] for _ in range(len(kept) - MOST_OPEN)]


def _provider_and_model(kwargs: Mapping[str, Any]) -> tuple[str, str]:
    model = str(kwargs.get("model") or "")
    provider = kwargs.get("custom_llm_provider")
    if provider:
        return str(provider), model.removeprefix(f"{provider}/")
    import litellm

    plain, provider, _, _ = litellm.get_llm_provider(model)
    return str(provider), str(plain)


def _named_like(original: str, model: str) -> str:
    """Name *model* with the provider that the original was named with."""
    provider, slash, _ = original.rpartition("/")
    return f"{provider}{slash}{model}"


def _size_of(answer: Any) -> int:
    """Return the bytes of what was answered."""
    messages = [part(each, "message") for each in part(answer, "choices") or ()]
    said = [part(each, "content") for each in messages]
    return sum(size(text) for text in said if isinstance(text, str))
