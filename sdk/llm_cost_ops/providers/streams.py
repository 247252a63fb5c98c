"""Streams that look like the provider's own and count what passes through."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Callable

from llm_cost_ops.providers.meters import Meter

Ended = Callable[[], None]  # to be called once, however the stream ends


class _Stream:
    """What streams have in common: to their users they are the provider's."""

    def __init__(
        self, inner: Any, meter: Meter, ended: Ended, *, hides_usage: bool
    ) -> None:
        self._inner = inner
        self._meter = meter
        self._ended = ended
        self._hides_usage = hides_usage
        self._is_over = False

    # So that isinstance() sees the provider's type.
    __class__: Any = property(lambda self: type(self._inner))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def finish(self) -> None:
        """Count what has been used; only the first time, whoever calls."""
        if not self._is_over:
            self._is_over = True
            self._ended()

    def _is_shown(self, event: Any) -> bool:
        self._meter.see(event)
        return not (self._hides_usage and self._meter.is_only_usage(event))

    def __del__(self) -> None:
        if "_is_over" in self.__dict__:  # it was made to the end
            self.finish()


class TrackedStream(_Stream):
    """A stream of a client that waits."""

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            event = next(self._inner)
            while not self._is_shown(event):
                event = next(self._inner)
        except BaseException:  # its end too
            self.finish()
            raise
        return event

    def __enter__(self) -> TrackedStream:
        self._inner.__enter__()
        return self

    def __exit__(self, *details: Any) -> Any:
        try:
            return self._inner.__exit__(*details)
        finally:
            self.finish()

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            self.finish()


class AsyncTrackedStream(_Stream):
    """A stream of an asyncio client."""

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            event = await self._inner.__anext__()
            while not self._is_shown(event):
                event = await self._inner.__anext__()
        except BaseException:  # its end too, or a cancelled task
            self.finish()
            raise
        return event

    async def __aenter__(self) -> AsyncTrackedStream:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *details: Any) -> Any:
        try:
            return await self._inner.__aexit__(*details)
        finally:
            self.finish()

    async def close(self) -> None:
        try:
            await self._inner.close()
        finally:
            self.finish()

    async def aclose(self) -> None:
        await self.close()
