"""What is wrong with the rows of a file: each kind of fault told once, with a count."""

from collections.abc import Iterator
from dataclasses import dataclass

from lib.errors import FieldError

MOST_KINDS = 20  # told of one file
# What to do about a field that is wrong in every row of a file.
_REMEDIES = {
    "organization_id": "Say whose usage it is: --organization SLUG.",
    "provider": "Name it for all rows: --set provider=NAME.",
    "model_name": "Take it from another column: --map model=COLUMN.",
    "prompt_tokens": "Take them from other columns: --map input_tokens=COLUMN.",
    "timestamp": "Take it from another column: --map timestamp=COLUMN.",
}


@dataclass(slots=True)
class _Kind:
    first: str  # where it was found, "line 3"
    error: FieldError
    count: int = 0


class Faults:
    """The rows of one file that were not taken, and why."""

    def __init__(self) -> None:
        self.rows = 0
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def add(self, place: str, errors: tuple[FieldError, ...]) -> None:
        """Count a row that is wrong."""
        self.rows += 1
        for error in errors:
            key = error.attr, error.code
            kind = self._kinds.get(key)
            if kind is None:
                kind = self._kinds[key] = _Kind(place, error)
            kind.count += 1

    def told(self) -> Iterator[str]:
        """Yield a sentence on each kind of fault, in the order they were found."""
        for kind in list(self._kinds.values())[:MOST_KINDS]:
            yield f"{kind.first}: {_said(kind.error)}{_others(kind.count - 1)}"
        if len(self._kinds) > MOST_KINDS:
            yield f"{len(self._kinds) - MOST_KINDS:,} more kinds of faults."


def _said(error: FieldError) -> str:
    said = f"{error.attr}: {error.detail}" if error.attr else error.detail
    remedy = _REMEDIES.get(error.attr) if error.code == "required" else None
    return f"{said} {remedy}" if remedy else said


def _others(count: int) -> str:
    if not count:
        return ""
    return f" ({count:,} more {'row' if count == 1 else 'rows'} alike)"
