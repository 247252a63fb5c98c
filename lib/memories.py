"""What this process remembers beside the database, all of it known in one place."""

from collections.abc import Hashable
from typing import Any, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Memory(dict[Key, Value]):
    """Up to *most* things a process remembers, all dropped when there would be more.

    Made once, by a module. Safe to share between threads: what `remember` puts in is
    complete, and whoever does not find it asks the database.
    """

    def __init__(self, *, most: int) -> None:
        super().__init__()
        self._most = most
        _memories.append(self)

    def remember(self, key: Key, value: Value) -> None:
        if len(self) >= self._most and key not in self:
            self.clear()
        self[key] = value


_memories: list[Memory[Any, Any]] = []  # every one there is


def forget_everything() -> None:
    """Drop all that this process remembers, as if it had just begun."""
    for memory in _memories:
        memory.clear()
