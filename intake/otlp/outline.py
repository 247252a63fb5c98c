"""Where what we read stands in a protobuf export, found without unpacking the rest.

https://protobuf.dev/programming-guides/encoding/ says how fields are written. An empty
message of two bytes takes fifty when it is unpacked, and far more as an object of
Python's: so spans are counted first, and of large ones only what is read is kept.
"""

from collections.abc import Iterator
from typing import NamedTuple

from lib.pieces import MOST_PIECES, TooManyError

MOST_FIELDS = 3 * MOST_PIECES  # of an export, around its spans
LARGE = 2**14  # bytes of a span that is looked into
MOST_LISTED = 2**16  # bytes of a large span's arrays and maps; tags have less
_RESOURCE_SPANS, _RESOURCE, _SCOPE_SPANS, _SPANS = 1, 1, 2, 2  # in their messages
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # how a field is written
_NEEDED = {1, 2, 4, 5, 7, 8, 9}  # of a span: ids, name, times, attributes
_ATTRIBUTES, _VALUE, _LISTS = 9, 2, {5, 6}


class MalformedError(ValueError):
    """It is no protobuf."""


class Field(NamedTuple):
    """A field of a message, and where it is written; `body` only of bytes."""

    number: int
    whole: memoryview
    body: memoryview | None


def parted(export: bytes) -> Iterator[tuple[bytes, list[memoryview]]]:
    """Yield each resource of an export, with its spans.

    Raises:
        TooManyError: more than MOST_PIECES resources or spans, or MOST_FIELDS around
            them.
        MalformedError: it is no protobuf.
    """
    left, counted = Allowance(MOST_FIELDS), Allowance(MOST_PIECES)
    resources = _all(memoryview(export), _RESOURCE_SPANS, Allowance(MOST_PIECES))
    for of_resource in resources:
        resource: list[memoryview] = []
        spans: list[memoryview] = []
        for field in fields_of(of_resource, left):
            if field.body is not None and field.number == _RESOURCE:
                resource.append(field.body)
            elif field.body is not None and field.number == _SCOPE_SPANS:
                spans += _all(field.body, _SPANS, counted)
        yield _needed_of(b"".join(resource), {1}, 1) if resource else b"", spans


def span_in(written: memoryview) -> bytes:
    """Return a span; of a large one, what is read of it.

    Raises:
        TooManyError: it has more than MOST_PIECES fields.
    """
    if len(written) <= LARGE:
        return bytes(written)
    return _needed_of(written, _NEEDED, _ATTRIBUTES)


def _needed_of(written: bytes | memoryview, numbers: set[int], pairs: int) -> bytes:
    """Return what *numbers* has of a message with attributes, which are *pairs*.

    Arrays and maps are left out from where they are more than MOST_LISTED.
    """
    left = Allowance(MOST_PIECES)
    kept, listed = [], 0
    for field in fields_of(memoryview(written), left):
        if field.number not in numbers:
            continue
        if field.number == pairs and field.body is not None:
            size = _listed_in(field.body, left)
            if listed + size > MOST_LISTED:
                continue
            listed += size
        kept.append(field.whole)
    return b"".join(kept)


def _listed_in(pair: memoryview, left: "Allowance") -> int:
    return sum(
        len(one.body)
        for value in _all(pair, _VALUE, left)
        for one in fields_of(value, left)
        if one.body is not None and one.number in _LISTS
    )


class Allowance:
    """How many fields may still be looked at."""

    def __init__(self, fields: int) -> None:
        self._left = fields

    def take(self) -> None:
        """Count one.

        Raises:
            TooManyError: it is one too many.
        """
        self._left -= 1
        if self._left < 0:
            raise TooManyError


def _all(message: memoryview, number: int, left: Allowance) -> Iterator[memoryview]:
    for field in fields_of(message, left):
        if field.number == number and field.body is not None:
            yield field.body


def fields_of(message: memoryview, left: Allowance) -> Iterator[Field]:
    """Yield the fields of a message, in order."""
    at, end = 0, len(message)
    while at < end:
        left.take()
        key, start = _varint(message, at)
        after, body = start, None
        kind = key & 7
        if kind == _VARINT:
            _, after = _varint(message, start)
        elif kind == _BYTES:
            length, start = _varint(message, start)
            after = start + length
            body = message[start:after]
        elif kind in {_FIXED64, _FIXED32}:
            after = start + (8 if kind == _FIXED64 else 4)
        else:
            raise MalformedError
        if after > end or not key >> 3:
            raise MalformedError
        yield Field(key >> 3, message[at:after], body)
        at = after


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return a number and where it ends."""
    if at < len(message) and message[at] < 0x80:
        return message[at], at + 1
    number = 0
    for place, byte in enumerate(message[at : at + 10]):
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number, at + place + 1
    raise MalformedError
