"""Room for the interpreter's frames."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
_SLOTS = 70_000  # of 8 bytes: so many that CPython makes a chunk of 1 MiB for them


def with_room(call: Callable[P, R]) -> Callable[P, R]:
    """Return *call* so that it, and all it calls, have their frames in one chunk.

    CPython keeps a thread's frames in chunks of 16 KiB and gives one back to the
    system when the frame that needed it returns (`_PyThreadState_PopFrame`). A loop
    whose calls cross the end of a chunk maps, faults in and unmaps memory with every
    call. Which depth that is at is luck: the tree page took 1.7 times as long for it.
    A frame that asks for more than a chunk has gets a larger one, with room for some
    500 below it.
    """

    def roomy(*args: P.args, **kwargs: P.kwargs) -> R:
        return call(*args, **kwargs)

    roomy.__code__ = roomy.__code__.replace(co_stacksize=_SLOTS)
    return wraps(call)(roomy)
