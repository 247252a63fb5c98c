"""The tags and metadata of a usage record, which come as JSON of their own."""

from collections.abc import Iterator
from typing import Any

import msgspec

from lib.texts import NO_ODD, ODD

MOST_TAGS_BYTES = 4_000
MOST_METADATA_BYTES = 16_000
MOST_LEVELS = 100  # of metadata; encoders and databases give up somewhere above

_decode_tags = msgspec.json.Decoder(
    list[str] | dict[str, str | int | float | bool | None]
).decode
decode_object = msgspec.json.Decoder(dict[str, Any]).decode


def parse_tags(raw: bytes) -> list[str] | dict[str, str]:
    """Return tags in their one form: a sorted list, or an object of strings.

    Raises:
        ValueError: not an array of strings or an object of plain values.
    """
    if raw in {b"", b"null"}:
        return {}
    if len(raw) > MOST_TAGS_BYTES:
        raise ValueError(f"More than {MOST_TAGS_BYTES} bytes; put details in metadata.")
    try:
        tags = _decode_tags(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(
            "Must be an array of strings, or an object whose values are plain."
        ) from error
    if any(map(ODD.search, tags)) or any(
        map(ODD.search, map(str, tags.values() if isinstance(tags, dict) else ()))
    ):
        raise ValueError(NO_ODD)
    if isinstance(tags, list):
        return sorted(set(tags))
    return {key: _text_of(value) for key, value in sorted(tags.items())}


def _text_of(value: object) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()  # true, 1, 1.5, null as JSON has them


def _texts_in(value: object, levels: int = MOST_LEVELS) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list) and not levels:
        raise ValueError(f"Nested more than {MOST_LEVELS} levels deep.")
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts_in(inner, levels - 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_in(inner, levels - 1)


def parse_metadata(raw: bytes) -> dict[str, Any] | None:
    """Return the metadata object.

    Raises:
        ValueError: not an object, too large or too deep, or with texts or numbers that
            can't be kept.
    """
    if raw in {b"", b"null"}:
        return None
    if len(raw) > MOST_METADATA_BYTES:
        raise ValueError(f"More than {MOST_METADATA_BYTES} bytes.")
    try:
        parsed = decode_object(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("Must be an object.") from error
    if any(map(ODD.search, _texts_in(parsed))):
        raise ValueError(NO_ODD)
    return parsed
