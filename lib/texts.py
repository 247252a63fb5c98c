"""Texts that no database can hold: with NUL, or with halves of surrogate pairs."""

import json
import re
from typing import Any

ODD = re.compile("[\x00\ud800-\udfff]")
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

    Only an escape can bring one in: as bytes they are no JSON, or no UTF-8.
    """
    if b"\\u" not in body:
        return None
    try:
        return odd_place(json.loads(body))
    except (ValueError, RecursionError):
        return None


def _below(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)
