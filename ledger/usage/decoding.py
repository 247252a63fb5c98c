"""Reading usage records from JSON: as a batch, a record a line, or one alone."""

import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice

import msgspec

from ledger.quantities import KNOWN, Quantity, is_tokens
from ledger.usage.checks import check, odd_characters
from ledger.usage.records import Usage
from lib.errors import FieldError
from lib.pieces import (
    MOST_LOOSE,
    MOST_PIECES,
    TooManyError,
    most_values_in,
    pieces_of,
)
from lib.texts import NO_ODD, odd_place_in, replaced, without_halves

_decode_known = msgspec.json.Decoder(Usage).decode
_decode_list = msgspec.json.Decoder(list[Usage]).decode
_decode_lines = msgspec.json.Decoder(Usage).decode_lines

MOST_BYTES = 2**18  # of one record; its metadata and tags have 20,000 at most
MOST_FIELDS = 1_000  # of one record, what is not known included
_LEAST_BYTES = 40  # of a record with an id and a time
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
        TooManyError: more than MOST_PIECES; those beyond were not even looked at.
        msgspec.DecodeError: the body as a whole is not a JSON array.
    """
    rejected: list[Rejected] = []
    records = _decoded_at_once(body, lines=lines)
    if records is None:
        pieces: Sequence[bytes | msgspec.Raw]
        pieces = _lines_of(body) if lines else _pieces_of(body)
        records = [
            _decode_or_reject(index, piece, rejected)
            for index, piece in enumerate(pieces)
        ]
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


def _decoded_at_once(body: bytes, *, lines: bool) -> list[Usage | None] | None:
    """Return all records; None: they are to be read one by one."""
    if _may_be_heavy(body):
        return None
    try:
        return list(_decode_lines(body) if lines else _decode_list(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _may_be_heavy(body: bytes) -> bool:
    """Tell whether good records may be too many, or one of them too large.

    Every one has a time; its name may be written with escapes.
    """
    if len(body) <= MOST_PIECES * _LEAST_BYTES:
        return False
    return (
        b"\\" in body
        or b'"quantities"' in body
        or body.count(b'"timestamp"') > MOST_PIECES
    )


def decode_one(body: bytes | msgspec.Raw) -> Usage:
    """Decode one record.

    A field that is a kind of quantity is one of them; what else is not known is told
    in `ignored`.

    Raises:
        msgspec.DecodeError: it is none, or has a count of tokens that is not known.
    """
    if len(memoryview(body)) > MOST_BYTES:
        raise msgspec.ValidationError(f"A record has at most {MOST_BYTES:,} bytes")
    try:
        return _decode_known(body)
    except msgspec.ValidationError as error:
        if "unknown field" not in str(error):
            raise
    fields = _decode_fields(body)
    if len(fields) > MOST_FIELDS:
        raise msgspec.ValidationError(f"A record has at most {MOST_FIELDS:,} fields")
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
    lines = [found[0] for found in islice(_LINE.finditer(body), MOST_PIECES + 1)]
    if len(lines) > MOST_PIECES:
        raise TooManyError
    return lines


_LINE = re.compile(rb"\S[^\n]*")


def _pieces_of(body: bytes) -> Sequence[bytes | msgspec.Raw]:
    """Part an array into its records.

    Python's own encoder writes NaN and Infinity, and halves of characters that were
    cut, which are not JSON: such a record is bad, but its neighbours are not.
    """
    try:
        try:
            return pieces_of(body)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            if (mended := _mended(body)) == body:
                raise
            return pieces_of(mended)
    except RecursionError as error:
        if most_values_in(body) > MOST_LOOSE:
            raise msgspec.DecodeError("nested too deeply") from error
        return _between_commas(_mended(body))


def _between_commas(body: bytes) -> list[bytes]:
    """Part an array of which an item is nested too deeply to be parted otherwise."""
    pieces, depth, start = [], 0, 0
    for found in _MARK.finditer(body):
        mark = found[0]
        if mark in {b"[", b"{"}:
            depth += 1
            start = found.end() if depth == 1 else start
        elif mark in {b"]", b"}", b","}:
            if depth == 1:
                pieces.append(body[start : found.start()])
                start = found.end()
            depth -= mark != b","
    if len(pieces) > MOST_PIECES:
        raise TooManyError
    return pieces


_MARK = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[][{},]', re.DOTALL)


def _mended(body: bytes) -> bytes:
    """Return *body* with texts that are refused later where it is no JSON."""
    named = replaced(_NO_NUMBER, body, b'"NaN"').replace(b'-"NaN"', b'"NaN"')
    return without_halves(named, rb"\u0000")


# What stands before it, whole texts at a time: they may have such words in them.
_NO_NUMBER = re.compile(
    rb'((?:[^"NI]++|"(?:[^"\\]++|\\.)*+")*+)(?:NaN|Infinity)', re.DOTALL
)


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
        found = _decode_id(piece).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if found is None else found[:255]


class _Named(msgspec.Struct):
    id: str | None = None


_decode_id = msgspec.json.Decoder(_Named).decode


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
