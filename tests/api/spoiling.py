"""Bodies of requests with something odd in each place."""

from collections.abc import Iterator
from typing import Any

from tests.api.contract import Described, document


def spoilt(body: Any, odd: str, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield *body* with *odd* in the place of each value, and as a further key."""
    if path:
        yield path, odd
    if isinstance(body, dict):
        yield path, {**body, odd: "x"}
        for key, value in body.items():
            below = f"{path}.{key}" if path else key
            for place, other in spoilt(value, odd, below):
                yield place, {**body, key: other}
    elif isinstance(body, list):
        for number, value in enumerate(body[:2]):
            for place, other in spoilt(value, odd, f"{path}.{number}"):
                yield place, [*body[:number], other, *body[number + 1 :]]


def spoilt_at(operation: Described, body: Any, odd: str) -> Iterator[tuple[str, Any]]:
    """Yield *body* with *odd* everywhere, and in each field that could be sent too."""
    content = operation.what["requestBody"]["content"]["application/json"]["schema"]
    name = content.get("$ref", "").rpartition("/")[2]
    known = document()["components"]["schemas"].get(name, {}).get("properties", {})
    yield from spoilt(body, odd)
    for field in known.keys() - (body.keys() if isinstance(body, dict) else ()):
        yield field, {**body, field: odd}
