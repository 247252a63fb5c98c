"""Values as FOCUS and CSV write them. Pure.

Nothing is escaped against spreadsheets: a sign before an account's name would make it
another account. What has to be quoted is.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from ledger.quantities import Quantity
from ledger.usage import KEY_TAG

_encode = msgspec.json.Encoder(order="deterministic").encode
_QUOTED = frozenset(',"\r\n')
_SECOND = timedelta(seconds=1)


def text_cell(text: str | None) -> str:
    """Return one cell of text; nothing at all where there is none."""
    if not text:
        return ""
    if _QUOTED.isdisjoint(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def row_of(cells: Iterable[str | None]) -> str:
    return ",".join(map(text_cell, cells))


def json_text(values: Mapping[str, Any]) -> str | None:
    """Return an object of JSON, its keys in order; None where it has none."""
    return _encode(values).decode() if values else None


def quantity_text(amount: Quantity) -> str:
    """Write an amount with a decimal point: who reads only whole numbers would take
    the column for one of integers."""
    if isinstance(amount, int):
        return f"{amount}.0"
    text = f"{Decimal(amount).normalize():f}"
    return text if "." in text else f"{text}.0"


def millions_text(amount: int) -> str:
    """Write how many millions *amount* is."""
    sign, size = ("-", -amount) if amount < 0 else ("", amount)
    return f"{sign}{size // 1_000_000}.{size % 1_000_000:06d}"


def time_cells(used: datetime, billed: datetime, lasts: timedelta = _SECOND) -> str:
    """Return the cells of OF_TIME: the month in which something was *billed*, and the
    second in which it was *used*, or how long it *lasts*. Both are in UTC."""
    month = month_cells(billed.year, billed.month)
    second = used.replace(microsecond=0)
    start, end = second.isoformat(), (second + lasts).isoformat()
    return f"{month},{start[:19]}Z,{end[:19]}Z"


@lru_cache(maxsize=4_096)
def month_cells(year: int, month: int) -> str:
    start = datetime(year, month, 1, tzinfo=UTC)
    return f"{start.isoformat()[:19]}Z,{end_of_month(start).isoformat()[:19]}Z"


def end_of_month(moment: datetime) -> datetime:
    """Return when the month of *moment*, in UTC, is over."""
    start = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (start + timedelta(days=32)).replace(day=1)


def flat_tags(tags: Iterable[str] | Mapping[str, Any]) -> dict[str, Any]:
    """Return tags as an object without objects in it; the key's own is left out.

    One of a list is its name with true, or name and value where it is “name=value”.
    """
    if isinstance(tags, Mapping):
        return {
            name: value if isinstance(value, str) else _encode(value).decode()
            for name, value in tags.items()
            if name != KEY_TAG
        }
    found: dict[str, Any] = {}
    for tag in tags:
        name, equals, value = tag.partition("=")
        if tag.startswith((f"{KEY_TAG}:", f"{KEY_TAG}=")):
            continue
        if equals and name and name not in found:
            found[name] = value
        else:
            found[tag] = True
    return found
