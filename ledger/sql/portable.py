"""What both kinds of database take in the same words."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import BigIntegerField, Func, Value

Values = tuple[Any, ...]  # of one row
Slice = tuple[datetime, datetime, int]  # [start, end), and the bucket it counts to
DELTA = (
    "starts_at, currency, requests, unpriced, input_tokens, cached_tokens,"
    " output_tokens, cost"
)


class Piece(NamedTuple):
    """Some rows, and the columns of which table they are for."""

    target: str
    rows: list[Values]


def insert_of(target: str) -> str:
    """Return the statement that inserts one row into the columns of *target*."""
    marks = ", ".join(["%s"] * (target.count(",") + 1))
    return " ".join(("INSERT INTO", target, "VALUES", f"({marks})"))


def chosen_by(elements: str, numbers: Sequence[int] | str) -> Func:
    """Return the numbers that *elements* makes rows of, for an `__in` filter."""
    template = "(" + elements.replace("%s", "%(expressions)s") + ")"
    return Func(Value(numbers), template=template, output_field=BigIntegerField())
