"""Clients of the whole API: one that waits, and one for asyncio."""

from __future__ import annotations

import asyncio
import os
import random
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Optional, TypeVar

from llm_cost_ops import forks
from llm_cost_ops.api.endpoints import Api
from llm_cost_ops.asking import Asks, AsksAsync
from llm_cost_ops.errors import ApiError, BadAnswerError, NoAnswerError
from llm_cost_ops.http import Connections, Message
from llm_cost_ops.requests import Page, Request, refuse
from llm_cost_ops.retrying import RetryPolicy
from llm_cost_ops.threads import Threads
from llm_cost_ops.version import __version__

_CHANCE = random.SystemRandom()  # spreads out who tries again
R = TypeVar("R")
T = TypeVar("T")

DEFAULT_ENDPOINT = "http://localhost:8080"
TIMEOUT_S = 30.0
DEFAULT_RETRY = RetryPolicy()


class Sender:
    """Sends requests one try at a time; what both clients have in common."""

    def __init__(self, base_url: Optional[str], api_key: Optional[str]) -> None:
        self.base_url = base_url or os.environ.get("LCOPS_ENDPOINT", DEFAULT_ENDPOINT)
        self.key = api_key or os.environ.get("LCOPS_API_KEY", "")
        self._connections = Connections(self.base_url)
        forks.watch(self)

    def prepare(self, request: Request[R], *, keyed: bool = True) -> Message:
        """Turn a request into a message; what creates gets a key for repeats."""
        headers = {
            "Accept": "application/json",
            "User-Agent": f"llm-cost-ops-python/{__version__}",
        }
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        body = request.content
        if body is not None:
            headers["Content-Type"] = "application/json"
        if request.creates and keyed:
            headers["Idempotency-Key"] = str(uuid.uuid4())
        return Message(request.method, request.target, headers, body)

    def once(self, request: Request[R], message: Message, timeout: float) -> R:
        """Send *message* and read the answer.

        Raises:
            ApiError: the server refused.
            NoAnswerError: it did not answer.
            BadAnswerError: it answered something else than its contract has.
        """
        answer = self._connections.exchange(message, timeout)
        refuse(answer)
        return request.read(answer)

    def close(self) -> None:
        self._connections.close()

    def after_fork(self) -> None:
        self._connections.after_fork()


class CostOpsClient(Api, Asks):
    """A client of the CostOps API.

    Retries what may pass (no connection, 429, 502, 503, 504) and raises typed
    exceptions for the rest. Safe to share between threads.
    """

    def __init__(
        self,
        base_url: Optional[str] = None,
        api_key: Optional[str] = None,
        *,
        timeout: float = TIMEOUT_S,
        retry: RetryPolicy = DEFAULT_RETRY,
    ) -> None:
        """Connect to *base_url* (or LCOPS_ENDPOINT) with a key (or LCOPS_API_KEY)."""
        self._sender = Sender(base_url, api_key)
        self._timeout = timeout
        self._retry = retry

    @property
    def base_url(self) -> str:
        return self._sender.base_url

    @property
    def key(self) -> str:
        return self._sender.key

    def send(self, request: Request[R]) -> R:
        message = self._sender.prepare(request)
        timeout = self._timeout + request.patience
        attempt, began = 0, time.monotonic()
        while True:
            attempt += 1
            try:
                return self._sender.once(request, message, timeout)
            except (ApiError, NoAnswerError, BadAnswerError) as failure:
                wait = self._retry.wait_after(
                    failure, attempt, _CHANCE.random(), time.monotonic() - began
                )
                if wait is None:
                    raise
            time.sleep(wait)

    def send_once(self, request: Request[R], *, timeout: float) -> R:
        """Send *request* without trying again."""
        message = self._sender.prepare(request, keyed=False)
        return self._sender.once(request, message, timeout)

    def iterate(self, page: Page[T]) -> Iterator[T]:
        """Walk over a list from *page* on, fetching the pages that follow."""
        while True:
            yield from page.results
            if page.following is None:
                return
            page = self.send(page.following)

    def close(self) -> None:
        self._sender.close()

    def __enter__(self) -> CostOpsClient:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()


class AsyncCostOpsClient(Api, AsksAsync):
    """The same client for asyncio: it waits for answers in a few threads."""

    def __init__(
        self,
        base_url: Optional[str] = None,
        api_key: Optional[str] = None,
        *,
        timeout: float = TIMEOUT_S,
        retry: RetryPolicy = DEFAULT_RETRY,
    ) -> None:
        """Connect to *base_url* (or LCOPS_ENDPOINT) with a key (or LCOPS_API_KEY)."""
        self._sender = Sender(base_url, api_key)
        self._timeout = timeout
        self._retry = retry
        self.threads = Threads()

    async def send(self, request: Request[R]) -> R:
        message = self._sender.prepare(request)
        timeout = self._timeout + request.patience
        attempt, began = 0, time.monotonic()
        while True:
            attempt += 1
            try:
                return await self.threads.run(
                    lambda: self._sender.once(request, message, timeout)
                )
            except (ApiError, NoAnswerError, BadAnswerError) as failure:
                wait = self._retry.wait_after(
                    failure, attempt, _CHANCE.random(), time.monotonic() - began
                )
                if wait is None:
                    raise
            await asyncio.sleep(wait)

    async def iterate(self, page: Page[T]) -> AsyncIterator[T]:
        """Walk over a list from *page* on, fetching the pages that follow."""
        while True:
            for result in page.results:
                yield result
            if page.following is None:
                return
            page = await self.send(page.following)

    async def close(self) -> None:
        self._sender.close()
        self.threads.close()

    async def __aenter__(self) -> AsyncCostOpsClient:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.close()
