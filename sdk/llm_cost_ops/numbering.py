"""Ids of usage records: unique in the world, and quick to make."""

from __future__ import annotations

import uuid
from itertools import count

from llm_cost_ops import forks


class Numbering:
    """A random name of the process, and a number in it."""

    def __init__(self) -> None:
        self.after_fork()
        forks.watch(self)

    def next(self) -> str:
        return f"{self._process}-{next(self._numbers)}"

    def after_fork(self) -> None:
        self._process = uuid.uuid4().hex
        self._numbers = count(1)
