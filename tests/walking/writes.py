"""What the database was told to write, and was not told to take back."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from django.db import connection

_WRITE = re.compile(
    r'(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE
)
_SAVEPOINT = re.compile(r'(ROLLBACK TO )?SAVEPOINT "?(\w+)')


class Writes:
    """Notes each table that is written while it is open, unless it is taken back."""

    def __init__(self) -> None:
        self._noted: list[str] = []
        self._marks: dict[str, int] = {}

    def __enter__(self) -> "Writes":
        self._open: AbstractContextManager[None] = connection.execute_wrapper(self._see)
        self._open.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    @property
    def tables(self) -> set[str]:
        return set(self._noted)

    def _see(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        result = execute(sql, *rest)
        if found := _SAVEPOINT.match(sql):
            is_back, name = found.groups()
            if is_back:
                del self._noted[self._marks.get(name, 0) :]
            else:
                self._marks[name] = len(self._noted)
        else:
            self._noted += _WRITE.findall(sql)
        return result
