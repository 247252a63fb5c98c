"""Trackers: ask before a model is called, and report what the call used."""

from __future__ import annotations

import atexit
import inspect
import time
import weakref
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, Optional, TypeVar

from llm_cost_ops import forks
from llm_cost_ops.api.endpoints import TrackerApi
from llm_cost_ops.asking import Asks, AsksAsync
from llm_cost_ops.calls import FIELDS, Tokens
from llm_cost_ops.client import AsyncCostOpsClient, CostOpsClient
from llm_cost_ops.config import TrackerConfig
from llm_cost_ops.flights import Desk, Flight, changes
from llm_cost_ops.guard import Guard
from llm_cost_ops.providers.surfaces import ANY
from llm_cost_ops.providers.tracking import Tracking
from llm_cost_ops.providers.wrapping import (
    family_of,
    is_wrapped,
    provider_of,
    wrapped,
)
from llm_cost_ops.reporting.health import Health, Pulse
from llm_cost_ops.reporting.reporter import Reporter
from llm_cost_ops.reporting.spool import Spool, default_directory
from llm_cost_ops.reporting.stats import Counter, Stats
from llm_cost_ops.requests import Request

C = TypeVar("C")
R = TypeVar("R")


class _Tracker(TrackerApi):
    """What both trackers have in common: all but the waiting."""

    def __init__(
        self,
        api_key: Optional[str] = None,
        endpoint: Optional[str] = None,
        config: Optional[TrackerConfig] = None,
    ) -> None:
        """Connect to *endpoint* (or LCOPS_ENDPOINT) by a key (or LCOPS_API_KEY)."""
        self.config = config or TrackerConfig()
        self._link = CostOpsClient(endpoint, api_key)
        self._counter = Counter()
        self._pulse = Pulse()
        self._guard = Guard(self._link, self.config, self._counter, self._pulse)
        root = Path(self.config.spool_dir or default_directory())
        spool = Spool(root, self._link.base_url, self._link.key)
        self._reporter = Reporter(
            self._link, spool, self.config, self._counter, self._pulse
        )
        self._desk = Desk(self.config, self._guard, self._reporter, self._counter)
        self._clients: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        self._is_closed = False
        self._reporter.start()
        forks.watch(self)
        atexit.register(self._close)

    def after_fork(self) -> None:
        """Begin anew in a child: money and records are the parent's."""
        self._counter.begin_anew()
        self._pulse.begin_anew()
        self._guard.begin_anew()
        self._reporter.begin_anew()

    @property
    def stats(self) -> Stats:
        """What has become of calls and records so far."""
        return self._counter.snapshot()

    def health(self) -> Health:
        """Return whether calls are guarded and usage arrives, and what is wrong."""
        return self._pulse.health(self.stats.unguarded)

    def wrap(
        self, client: C, *, provider: Optional[str] = None, **attribution: Any
    ) -> C:
        """Return a client of openai's or anthropic's whose calls are tracked.

        It is of the same type and shares the original's connections. *attribution*
        (project_id, user_id, tags, ...) adds to the tracker's own; *provider* is the
        one to book by, where the client's address does not tell it.

        Raises:
            TypeError: *client* is another kind, or *attribution* has an unknown name.
        """
        if is_wrapped(client):
            return client
        who = self._desk.who.having(_known(attribution))
        tracking = Tracking(self._desk, provider or provider_of(client), who)
        return wrapped(client, tracking)

    @contextmanager
    def attributed(self, **attribution: Any) -> Iterator[None]:
        """Attribute the calls made inside: `with tracker.attributed(user_id="ada"):`.

        Raises:
            TypeError: *attribution* has an unknown name.
        """
        token = changes.set({**changes.get(), **_known(attribution)})
        try:
            yield
        finally:
            changes.reset(token)

    def record(
        self, *, provider: str, model: str, tokens: Tokens, **attribution: Any
    ) -> None:
        """Report a call that was made without asking.

        Raises:
            TypeError: *attribution* has an unknown name.
        """
        flight = self.plan(provider, {"model": model}, **attribution)
        flight.unasked().arrive(tokens)

    def plan(
        self, provider: str, request: Mapping[str, Any], **attribution: Any
    ) -> Flight:
        """Return a call to ask for and to report by yourself, as callbacks do.

        `depart` or `depart_async` get leave and `model` says which to use; then
        `arrive` with the tokens, or `cancel` if the provider did not take it.

        Raises:
            TypeError: *attribution* has an unknown name.
        """
        who = self._desk.who.having(_known(attribution))
        return self._desk.plan(ANY, provider, request, who)

    def _tracked(self, call: Callable[..., R]) -> Optional[Callable[..., R]]:
        """Return the same method of a wrapped client; None: it is of no client's."""
        resource = getattr(call, "__self__", None)
        client = getattr(resource, "_client", None)
        if client is None or not family_of(client):
            return None
        if is_wrapped(client):
            return call
        if client not in self._clients:
            # Not the client itself: it would keep its own key alive.
            self._clients[client] = self.wrap(client)
        kind: Any = type(resource)
        one = kind(self._clients[client])
        found: Callable[..., R] = getattr(one, call.__name__)
        return found

    def _tracking(self, options: Mapping[str, Any]) -> Tracking:
        given = dict(options)
        provider = given.pop("provider", "")
        if not provider:
            raise TypeError(
                "Only methods of openai's and anthropic's clients say whose model they "
                'call; of others say it: costops={"provider": "..."}.'
            )
        return Tracking(self._desk, provider, self._desk.who.having(_known(given)))

    def _flush(self, timeout: float) -> None:
        self._reporter.flush(time.monotonic() + timeout)

    def _close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        atexit.unregister(self._close)
        until = time.monotonic() + self.config.shutdown_timeout_s
        self._desk.close()
        # First what was used, so that leases give back no more than what was not.
        self._reporter.close(until - self.config.shutdown_timeout_s / 4)
        self._guard.close(until)
        self._link.close()


class CostTracker(_Tracker, Asks):
    """Tracks the calls of models that an app makes, within its budgets.

    One for the whole process; safe to use from any thread. Close it, or use it as a
    context manager, or leave it to the end of the process.
    """

    def send(self, request: Request[R]) -> R:
        return self._link.send(request)

    def track(
        self,
        call: Callable[..., R],
        *args: Any,
        costops: Optional[Mapping[str, Any]] = None,
        **kwargs: Any,
    ) -> R:
        """Make a call of a model if the budgets allow, and report what it used.

        `tracker.track(client.chat.completions.create, model=..., messages=...)`.
        *costops* attributes this call (project_id, user_id, tags, ...) and names the
        provider where *call* is no method of openai's or anthropic's clients.

        Raises:
            BudgetExceededError: it may not be made, and was not.
        """
        _check_method(call)
        options = dict(costops or {})
        same = self._tracked(call)
        if same is None:
            tracking = self._tracking(options)
            made: R = tracking.send(ANY, kwargs, lambda sent: call(*args, **sent))
            return made
        with self.attributed(**options):
            return same(*args, **kwargs)

    def flush(self, timeout: float = 30.0) -> None:
        """Send everything now; what has not arrived in time is on disk."""
        self._flush(timeout)

    def close(self) -> None:
        """Send what is left, give leases back, stop the threads."""
        self._close()

    def __enter__(self) -> CostTracker:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()


class AsyncCostTracker(_Tracker, AsksAsync):
    """The same tracker for asyncio: nothing of it blocks the loop."""

    def __init__(
        self,
        api_key: Optional[str] = None,
        endpoint: Optional[str] = None,
        config: Optional[TrackerConfig] = None,
    ) -> None:
        """Connect to *endpoint* (or LCOPS_ENDPOINT) by a key (or LCOPS_API_KEY)."""
        super().__init__(api_key, endpoint, config)
        self._async_link = AsyncCostOpsClient(endpoint, api_key)

    async def send(self, request: Request[R]) -> R:
        return await self._async_link.send(request)

    async def track(
        self,
        call: Callable[..., Awaitable[R]],
        *args: Any,
        costops: Optional[Mapping[str, Any]] = None,
        **kwargs: Any,
    ) -> R:
        """Make a call of a model if the budgets allow, and report what it used.

        `await tracker.track(client.chat.completions.create, model=..., ...)`.

        Raises:
            BudgetExceededError: it may not be made, and was not.
        """
        _check_method(call)
        options = dict(costops or {})
        same = self._tracked(call)
        if same is None:
            tracking = self._tracking(options)
            made: R = await tracking.send_async(
                ANY, kwargs, lambda sent: call(*args, **sent)
            )
            return made
        with self.attributed(**options):
            return await same(*args, **kwargs)

    async def flush(self, timeout: float = 30.0) -> None:
        """Send everything now; what has not arrived in time is on disk."""
        await self._async_link.threads.run(lambda: self._flush(timeout))

    async def close(self) -> None:
        """Send what is left, give leases back, stop the threads."""
        await self._async_link.threads.run(self._close)
        await self._async_link.close()

    async def __aenter__(self) -> AsyncCostTracker:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.close()


def _check_method(call: Any) -> None:
    if callable(call):
        return
    begun = inspect.iscoroutine(call)
    if begun:
        call.close()  # it has not been made, and never will be
    spent = "" if begun else " The call is made already: nobody was asked for it."
    raise TypeError(
        "Pass the method, not its result: track(client.chat.completions.create, "
        f"model=..., messages=...), not track(client...create(...)).{spent}"
    )


def _known(attribution: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in attribution:
        if name not in FIELDS:
            allowed = ", ".join(FIELDS)
            raise TypeError(f"Calls have no {name!r}; they have {allowed}.")
    return attribution
