"""Arrays of JSON parted into their items, which are counted before they are read."""

from collections.abc import Sequence
from itertools import takewhile

import msgspec

MOST_PIECES = 10_000  # of one array
MOST_LOOSE = 200_000  # values that are read without knowing what they are
_SHORT = 2 * MOST_PIECES  # bytes; an item and its comma take two
_parted = msgspec.json.Decoder(list[msgspec.Raw]).decode
# Stops at the first item too many: a list grows as long as what is sent, and only then
# is its length looked at; a struct written as an array has the places that it has.
_bounded = msgspec.json.Decoder(
    msgspec.defstruct(
        "_Bounded",
        [(f"_{n}", msgspec.Raw, msgspec.Raw()) for n in range(MOST_PIECES)],
        array_like=True,
        forbid_unknown_fields=True,
    )
).decode


class TooManyError(ValueError):
    """An array has more than MOST_PIECES items; what is beyond was not read."""


def pieces_of(array: bytes | msgspec.Raw) -> Sequence[msgspec.Raw]:
    """Return the items of a JSON array as they stand there.

    Raises:
        TooManyError: they are more than MOST_PIECES.
        msgspec.DecodeError: it is no array, or no JSON.
    """
    if len(memoryview(array)) <= _SHORT:
        return _parted(array)
    try:
        found = _bounded(array)
    except msgspec.ValidationError as error:
        if "at most length" not in str(error):
            raise
        raise TooManyError from error
    return tuple(takewhile(bool, msgspec.structs.astuple(found)))


def most_values_in(text: bytes) -> int:
    """Return how many values a JSON text can have at most, without reading it."""
    return 1 + sum(map(text.count, (b",", b"[", b"{")))
