"""Answers that are not read yet: `with_raw_response`, `with_streaming_response`."""

from __future__ import annotations

import inspect
from typing import Any, Callable

Take = Callable[[Any], Any]  # of a parsed answer: returns it, tracked
Ended = Callable[[], None]


class TrackedRaw:
    """An unread answer; what it is parsed to is tracked."""

    def __init__(self, inner: Any, take: Take, ended: Ended) -> None:
        self._inner = inner
        self._take = take
        self._ended = ended
        self._is_taken = False

    # So that isinstance() sees the provider's type.
    __class__: Any = property(lambda self: type(self._inner))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        found = self._inner.parse(*args, **kwargs)
        return self._later(found) if inspect.isawaitable(found) else self._took(found)

    async def _later(self, found: Any) -> Any:
        return self._took(await found)

    def _took(self, found: Any) -> Any:
        if self._is_taken:
            return found
        self._is_taken = True
        return self._take(found)

    def close(self) -> Any:
        self.finish()
        return self._inner.close()

    def finish(self) -> None:
        """Count it by estimate, if nobody has parsed it."""
        if not self._is_taken:
            self._is_taken = True
            self._ended()

    def __del__(self) -> None:
        if "_is_taken" in self.__dict__:
            self.finish()
