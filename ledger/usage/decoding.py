"""Reading usage records from JSON: as a batch, a record a line, or one alone."""

import json
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from ledger.quantities import KNOWN, Quantity, is_tokens
from ledger.usage.checks import check, odd_characters
from ledger.usage.details import decode_object
from ledger.usage.records import Usage
from lib.errors import FieldError
from lib.texts import NO_ODD, odd_place_in

_decode_known = msgspec.json.Decoder(Usage).decode
_decode_list = msgspec.json.Decoder(list[Usage]).decode
_decode_lines = msgspec.json.Decoder(Usage).decode_lines
_decode_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode

_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_numbers = msgspec.json.Decoder(dict[str, int | Decimal]).decode
_FIELDS = frozenset(Usage.__struct_encode_fields__)

Rejected = tuple[int, str | None, tuple[FieldError, ...]]  # index, id, errors


def decode_batch(
    body: bytes, *, lines: bool
) -> tuple[list[Usage | None], list[Rejected]]:
    """Decode and check a JSON array, or one record a line where *lines*.

    Bad records stand as None in the first list and with their errors in the second.

    Raises:
        msgspec.DecodeError: the body as a whole is not a JSON array.
    """
    records: list[Usage | None]
    rejected: list[Rejected] = []
    try:
        records = list(_decode_lines(body) if lines else _decode_list(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pieces: Sequence[bytes | msgspec.Raw]
        pieces = _lines_of(body) if lines else _pieces_of(body)
        records = []
        for index, piece in enumerate(pieces):
            records.append(_decode_or_reject(index, piece, rejected))
    # Only an escape can bring in characters that a database refuses.
    escapes = b"\\u" in body
    for index, record in enumerate(records):
        if record is None:
            continue
        errors = check(record)
        if escapes and not errors:
            errors = odd_characters(record)
        if errors:
            rejected.append((index, record.id, errors))
            records[index] = None
    return records, rejected


def decode_one(body: bytes | msgspec.Raw) -> Usage:
    """Decode one record.

    A field that is a kind of quantity is one of them; what else is not known is told
    in `ignored`.

    Raises:
        msgspec.DecodeError: it is none, or has a count of tokens that is not known.
    """
    try:
        return _decode_known(body)
    except msgspec.ValidationError as error:
        if "unknown field" not in str(error):
            raise
    fields = _decode_fields(body)
    strange = sorted(fields.keys() - _FIELDS)
    kinds = {name: fields.pop(name) for name in strange if name in KNOWN}
    for name in strange:
        if name not in kinds and _counts_tokens(name, fields[name]):
            # As quantities it would be seen; left alone it would be lost.
            message = f"Unknown tokens; send them in quantities - at `$.{name}`"
            raise msgspec.ValidationError(message)
    record = _decode_known(
        msgspec.json.encode({name: fields[name] for name in fields.keys() & _FIELDS})
    )
    record.ignored = tuple(name for name in strange if name not in kinds)
    if kinds:
        given = _decode_numbers(msgspec.json.encode(kinds))
        record.quantities = _joined(given, record.quantities or {})
    return record


def _counts_tokens(name: str, value: msgspec.Raw) -> bool:
    """Tell whether an unknown field is a count, also as “promptTokens”, “cached_token”.

    What is no number may be a token of another sort.
    """
    if is_tokens(name):
        return True
    return bytes(value)[:1].isdigit() and _TOKENS.search(name) is not None


_TOKENS = re.compile(r"tokens?(_?count)?$", re.IGNORECASE)


def _joined(
    one: dict[str, Quantity], other: dict[str, Quantity]
) -> dict[str, Quantity]:
    for name in one.keys() & other.keys():
        if one[name] != other[name]:
            message = f"Differs from quantities; send one - at `$.{name}`"
            raise msgspec.ValidationError(message)
    return one | other


def _lines_of(body: bytes) -> list[bytes]:
    return [line for line in body.split(b"\n") if line.strip()]


def _pieces_of(body: bytes) -> Sequence[bytes | msgspec.Raw]:
    """Part an array into its records.

    Python's own encoder writes NaN and Infinity, which are not JSON: such a record is
    bad, but its neighbours are not.
    """
    try:
        return _decode_raw(body)
    except msgspec.ValidationError:
        raise
    except RecursionError as error:
        raise msgspec.DecodeError("nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        try:
            loose = json.loads(body, parse_float=_decimal, parse_constant=str)
        except (ValueError, RecursionError):
            loose = None
        if not isinstance(loose, list):
            raise
        return [_encoded(item) for item in loose]


def _encoded(item: Any) -> bytes:
    """Write one record anew; halves of surrogate pairs as they came, to be refused."""
    try:
        return msgspec.json.encode(item)
    except UnicodeEncodeError:
        return json.dumps(item, default=str).encode()


def _decimal(text: str) -> Decimal | str:
    """Read a number; one that no decimal can hold stays the text that it is."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _decode_or_reject(
    index: int, piece: bytes | msgspec.Raw, rejected: list[Rejected]
) -> Usage | None:
    try:
        return decode_one(piece)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        rejected.append((index, _id_in(piece), (decode_error(error, bytes(piece)),)))
        return None


def _id_in(piece: bytes | msgspec.Raw) -> str | None:
    """Return the id of a record that is otherwise bad, if it can be made out."""
    try:
        found = decode_object(piece).get("id")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found[:255] if isinstance(found, str) else None


def decode_error(error: Exception, body: bytes = b"") -> FieldError:
    """Say what msgspec found wrong with *body*, and with which field."""
    message = str(error)
    if isinstance(error, msgspec.DecodeError) and (place := odd_place_in(body)):
        return FieldError(place, "invalid", NO_ODD)
    if isinstance(error, UnicodeDecodeError):
        return FieldError("", "malformed", "The body is not valid UTF-8.")
    if not isinstance(error, msgspec.ValidationError):
        return FieldError("", "malformed", f"Malformed JSON: {message}.")
    what, _, path = message.partition(" - at `$")
    attr = re.sub(r"^(\[[^]]*\])?\.?", "", path.rstrip("`"))
    if attr == "timestamp":
        example = "2026-01-31T23:59:59Z"
        detail = f"Must be an RFC 3339 time such as {example}; leap seconds as :59."
        return FieldError(attr, "invalid", detail)
    if "missing required field" in what:
        attr = what.split("`")[1]
        return FieldError(attr, "required", f"{attr} is required.")
    return FieldError(attr, "invalid", f"{what}.")
