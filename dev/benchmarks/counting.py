"""Counting what the processes of a server ask of the database.

Each process keeps its count in a file of its own in the directory that BENCH_COUNTS
names, where the measuring process adds them up.
"""

import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

from django.db.backends.signals import connection_created

_lock = Lock()
_count = 0


def start() -> None:
    """Count the statements of every connection this process opens, when asked to."""
    directory = os.environ.get("BENCH_COUNTS")
    if directory is None:
        return
    file = os.open(Path(directory) / f"{os.getpid()}", os.O_WRONLY | os.O_CREAT)

    def count(execute: Callable[..., Any], *given: Any) -> Any:
        global _count
        with _lock:
            _count += 1
            os.pwrite(file, f"{_count:020}".encode(), 0)
        return execute(*given)

    def wrap(connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(count)

    # Kept for good: a weak reference to a local function is gone at once.
    connection_created.connect(wrap, weak=False, dispatch_uid="bench")


def counted(directory: Path) -> int:
    """Return how many statements all processes have sent."""
    return sum(int(file.read_text() or 0) for file in directory.iterdir())
