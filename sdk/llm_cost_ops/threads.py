"""A few threads in which asyncio's tasks wait for what blocks."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Optional, TypeVar

from llm_cost_ops import forks

R = TypeVar("R")

MOST = 8


class Threads:
    """Threads of our own, lest an app's default ones be taken up; made when needed."""

    def __init__(self) -> None:
        self._pool: Optional[ThreadPoolExecutor] = None
        forks.watch(self)

    async def run(self, work: Callable[[], R]) -> R:
        """Do *work* in a thread."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(MOST, thread_name_prefix="llm-cost-ops")
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False)

    def after_fork(self) -> None:
        self._pool = None
