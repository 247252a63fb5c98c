"""Values as the database at hand takes them, where they go past Django's fields."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from ledger.sql import Values
from lib.sql import stored_moment
from lib.sql.postgresql import array_of

__all__ = ["Forms", "Values", "array_of", "forms"]


class Forms(NamedTuple):
    moment: Callable[[datetime], object]


def forms() -> Forms:
    return Forms(stored_moment)
