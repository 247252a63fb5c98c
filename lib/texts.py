"""Texts that no database can hold: with NUL, or with halves of surrogate pairs."""

import json
import re
from typing import Any

from lib.pieces import MOST_LOOSE, most_values_in

ODD = re.compile("[\x00\ud800-\udfff]")
MOST_REPLACED = 10_000  # of what is wrong in one body
NO_ODD = "Must not contain NUL characters or lone surrogates."


def odd_place(parsed: Any) -> str | None:
    """Return where in *parsed* JSON the first odd text is, however deep; None: nowhere.

    A place is a path such as scope.teams.0; an odd key is written as JSON has it.
    """
    left: list[tuple[str, Any]] = [("", parsed)]
    while left:
        path, value = left.pop()
        if isinstance(value, str):
            if ODD.search(value):
                return path
        elif isinstance(value, dict):
            for key in value:
                if ODD.search(key):
                    return _below(
                        path, key.encode("ascii", "backslashreplace").decode()
                    )
            left += reversed([(_below(path, key), one) for key, one in value.items()])
        elif isinstance(value, list):
            left += reversed([(_below(path, n), one) for n, one in enumerate(value)])
    return None


def odd_place_in(body: bytes) -> str | None:
    """Return where in JSON the first odd text is; None: nowhere, or it is no JSON.

    Only an escape can bring one in: as bytes they are no JSON, or no UTF-8. What may
    have more than MOST_LOOSE values is not looked at.
    """
    if b"\\u" not in body or most_values_in(body) > MOST_LOOSE:
        return None
    try:
        return odd_place(json.loads(body))
    except (ValueError, RecursionError):
        return None


def without_halves(body: bytes, instead: bytes) -> bytes:
    """Return JSON with *instead* for every half of a surrogate pair that is escaped.

    Who cuts a text may cut an emoji in two. JSON does not forbid it; decoders do.
    """
    return replaced(_HALF, body, instead) if b"\\u" in body else body


def replaced(after: re.Pattern[bytes], body: bytes, instead: bytes) -> bytes:
    """Return *body* with *instead* for what follows the group of *after*, a match.

    Beyond MOST_REPLACED the rest is left as it is. What is between is passed over at
    once: a match for each of a million texts would take a second.
    """
    parts: list[bytes] = []
    at = 0
    while (found := after.match(body, at)) and len(parts) < 2 * MOST_REPLACED:
        parts += [found[1], instead]
        at = found.end()
    return b"".join([*parts, body[at:]]) if parts else body


# The group: all that is before half a pair, escaped backslashes and whole pairs too.
_HALF = re.compile(
    rb"((?:[^\\]++|\\[^u]|\\u[^dD]|\\u[dD][0-7]"
    rb"|\\u[dD][89abAB]..\\u[dD][c-fC-F]..)*+)\\u[dD][89a-fA-F][0-9a-fA-F]{2}",
    re.DOTALL,
)


def _below(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)
