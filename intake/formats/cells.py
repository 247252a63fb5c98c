"""What stands in the cells of files: texts where they are CSV, JSON's own elsewhere."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from ledger.usage import MOST_TOKENS

_decode = msgspec.json.Decoder().decode
_ZONE = re.compile(r"([+-]\d{2})$")  # as PostgreSQL writes it
_SECONDS_UP_TO = 10**11  # above it they are milliseconds


def text(value: Any) -> str | None:
    """Return a text that says something; None: it does not."""
    if value is None or isinstance(value, dict | list):
        return None
    found = str(value).strip()
    return None if found.lower() in {"", "null", "none", "nan"} else found


def parsed(value: Any) -> Any:
    """Return what a cell of JSON holds; None: nothing, or what is no JSON."""
    if not isinstance(value, str):
        return value
    for attempt in (value, value.replace('""', '"')):  # Helicone doubles them twice
        try:
            return _decode(attempt)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            continue
    return None


def mapping(value: Any) -> Mapping[str, Any]:
    found = parsed(value)
    return found if isinstance(found, dict) else {}


def objects(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of an array."""
    found = parsed(value)
    return (
        [each for each in found if isinstance(each, dict)]
        if (isinstance(found, list))
        else []
    )


def whole(value: Any) -> int | None:
    """Return a count; None where there is none, or what is no count."""
    said = text(value)
    try:
        number = None if said is None else Decimal(said)
        if number is not None and not number.is_finite():
            return None
    except InvalidOperation:
        return None
    if number is None or not 0 <= number <= MOST_TOKENS or number != int(number):
        return None
    return int(number)


def amount(value: Any) -> str | None:
    """Return an amount as it was written; what is none is for the check to refuse."""
    said = text(value)
    return None if said is None else said.removeprefix("$").replace(",", "")


def moment(value: Any) -> str | None:
    """Return a time as RFC 3339 has it; without a zone it is UTC."""
    said = text(value)
    if said is None:
        return None
    if re.fullmatch(r"\d{9,13}(\.\d+)?", said):
        seconds = float(said)
        seconds = seconds / 1000 if seconds > _SECONDS_UP_TO else seconds
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    if len(said) > len("2025-01-01") and said[10] == " ":
        said = f"{said[:10]}T{said[11:]}"
    return _ZONE.sub(r"\1:00", said) if "T" in said else said


def filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, "")}
