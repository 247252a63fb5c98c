"""Usage records as they come in: their shape, and what can be wrong with them."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import msgspec

from ledger.identity import maker_of
from ledger.quantities import (
    FIELDS,
    KNOWN,
    MOST_REQUESTS,
    WRITES,
    Quantity,
    is_tokens,
    parts_too_large,
)
from ledger.quantities import read as read_quantities
from ledger.rates import is_currency
from lib.errors import FieldError
from lib.memories import Memory
from lib.money import quantize

MOST_TOKENS = 10**12  # in one record
MOST_COST = Decimal(100_000_000)  # in one record, either way
MOST_PLACES = 60  # of a cost; a float written out has some twenty
COST_SENT = "cost_sent"  # in the metadata of a record whose cost was rounded
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_FIRST_YEAR, _LAST_YEAR = EARLIEST.year, LATEST.year
MOST_TAGS_BYTES = 4_000
MOST_METADATA_BYTES = 16_000

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_Name = Annotated[str, msgspec.Meta(max_length=200)]
_Tokens = Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]
_Tier = Annotated[str, msgspec.Meta(max_length=50)]


class Usage(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One use of a model, as its sender describes it.

    `input_tokens` include the cached and cache-write ones, `output_tokens` the
    reasoning ones. `model_name`, `prompt_tokens` and `completion_tokens` are other
    names of the same things. `check` makes the plain names hold the values, and
    `quantities` those that have no field of their own.
    """

    id: _Id
    timestamp: datetime
    provider: _Name | None = None  # found from the model where it is left out
    model: _Name | None = None
    model_name: _Name | None = None
    organization_id: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    input_tokens: _Tokens | None = None
    prompt_tokens: _Tokens | None = None
    output_tokens: _Tokens | None = None
    completion_tokens: _Tokens | None = None
    total_tokens: _Tokens | None = None
    cached_tokens: _Tokens | None = None
    cache_write_tokens: _Tokens | None = None
    reasoning_tokens: _Tokens | None = None
    latency_ms: Annotated[float, msgspec.Meta(ge=0, le=2**31 - 1)] | None = None
    project_id: _Name | None = None
    department_id: _Name | None = None
    team_id: _Name | None = None
    environment: _Name | None = None
    user_id: _Name | None = None
    tags: msgspec.Raw = msgspec.Raw()
    metadata: msgspec.Raw = msgspec.Raw()
    service_tier: _Tier | None = None
    cost: Decimal | None = None
    currency: str | None = None
    authorization_id: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    quantities: dict[str, int | Decimal] | None = None
    requests: Annotated[int, msgspec.Meta(ge=1, le=MOST_REQUESTS)] | None = None
    response_id: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    # Fields that were sent and mean nothing here: by a name that none of them has.
    ignored: tuple[str, ...] = msgspec.field(default=(), name="(ignored)")
    # Whether the provider was found from the model: a decision's, if any, beats it.
    is_provider_found: bool = msgspec.field(default=False, name="(provider found)")

    def attribution_key(self) -> bytes:
        """Return what decides the attribution and the price, as one JSON array.

        One object, not a tuple of nine: comparing it touches one place in memory.
        """
        return _encode(
            (
                self.department_id,
                self.team_id,
                self.project_id,
                self.environment,
                self.user_id,
                self.provider,
                self.model,
                self.service_tier,
                self.tags or None,
            )
        )


_encode = msgspec.json.Encoder().encode
_decode_known = msgspec.json.Decoder(Usage).decode
_decode_list = msgspec.json.Decoder(list[Usage]).decode
_decode_lines = msgspec.json.Decoder(Usage).decode_lines
_decode_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode

type_of_tags = list[str] | dict[str, str | int | float | bool | None]
_decode_tags = msgspec.json.Decoder(type_of_tags).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_numbers = msgspec.json.Decoder(dict[str, int | Decimal]).decode
_FIELDS = frozenset(Usage.__struct_encode_fields__)
NOT_SENT = frozenset({"ignored", "is_provider_found"})  # fields of no sender

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
        return [msgspec.json.encode(item) for item in loose]


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
        rejected.append((index, _id_in(piece), (decode_error(error),)))
        return None


def _id_in(piece: bytes | msgspec.Raw) -> str | None:
    """Return the id of a record that is otherwise bad, if it can be made out."""
    try:
        found = _decode_object(piece).get("id")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found[:255] if isinstance(found, str) else None


def decode_error(error: Exception) -> FieldError:
    """Say what msgspec found wrong, and with which field."""
    message = str(error)
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


def check(record: Usage) -> tuple[FieldError, ...]:
    """Move the values of other names to the plain ones; return what is wrong.

    Called for every record that comes in, so the usual case is a few comparisons.
    """
    if (
        record.model_name is not None
        or record.prompt_tokens is not None
        or record.completion_tokens is not None
    ) and (clash := _take_other_names(record)):
        return (clash,)
    if (record.quantities is not None or record.requests is not None) and (
        errors := _take_quantities(record)
    ):
        return tuple(errors)
    if record.timestamp.tzinfo is not UTC and not _made_utc(record):
        return (_TIME_OUT_OF_RANGE,)
    if _is_plain(record):
        return ()
    return tuple(error for rule in _RULES for error in rule(record))


def _take_other_names(record: Usage) -> FieldError | None:
    if record.model_name is not None:
        if record.model not in {None, record.model_name}:
            return _bad("model_name", "Differs from model; send one of them.")
        record.model = record.model_name
    if record.prompt_tokens is not None:
        if record.input_tokens not in {None, record.prompt_tokens}:
            return _bad("prompt_tokens", "Differs from input_tokens; send one.")
        record.input_tokens = record.prompt_tokens
    if record.completion_tokens is not None:
        if record.output_tokens not in {None, record.completion_tokens}:
            return _bad("completion_tokens", "Differs from output_tokens; send one.")
        record.output_tokens = record.completion_tokens
    return None


def _take_quantities(record: Usage) -> Sequence[FieldError]:
    """Bring the quantities into their one form; those with a field go there."""
    found, errors = read_quantities(record.quantities or {})
    for name in (*FIELDS, "requests"):
        if name not in found:
            continue
        amount = int(found.pop(name))
        if getattr(record, name) not in {None, amount}:
            detail = f"Differs from {name}; send one of them."
            errors.append(_bad(f"quantities.{name}", detail))
        setattr(record, name, amount)
    if record.cache_write_tokens is None:
        written = sum(int(found.get(kind, 0)) for kind in WRITES)
        record.cache_write_tokens = written or None
    record.quantities = found or None
    return errors


def _made_utc(record: Usage) -> bool:
    when = record.timestamp
    if when.tzinfo is None:
        record.timestamp = when.replace(tzinfo=UTC)
        return True
    try:
        record.timestamp = when.astimezone(UTC)
    except OverflowError:  # year 1 or 9999, and an offset
        return False
    return True


def _is_plain(record: Usage) -> bool:
    """Tell that nothing is there which any rule could find wrong."""
    input_tokens, output_tokens = record.input_tokens, record.output_tokens
    return bool(
        record.model
        and record.provider
        and input_tokens is not None
        and output_tokens is not None
        and _FIRST_YEAR <= record.timestamp.year < _LAST_YEAR
        and record.cost is None
        and record.currency is None
        and record.quantities is None
        and (record.cached_tokens or 0) + (record.cache_write_tokens or 0)
        <= input_tokens
        and (record.reasoning_tokens or 0) <= output_tokens
        and (
            record.total_tokens is None
            or record.total_tokens == input_tokens + output_tokens
        )
        and not record.metadata
        and (not (tags := record.tags) or bytes(tags) in _good_tags)
    )


def _bad(attr: str, detail: str, code: str = "invalid") -> FieldError:
    return FieldError(attr, code, detail)


_TIME_OUT_OF_RANGE = FieldError(
    "timestamp", "out_of_range", "Must lie between the years 2000 and 2099."
)

# Tags that were found to be right, as they came: most are sent again and again.
_good_tags: Memory[bytes, None] = Memory(most=50_000)

_ODD = re.compile("[\x00\ud800-\udfff]")
_TEXTS = (
    "id",
    "provider",
    "model",
    "organization_id",
    "project_id",
    "department_id",
    "team_id",
    "environment",
    "user_id",
    "service_tier",
    "authorization_id",
    "response_id",
)


def odd_characters(record: Usage) -> tuple[FieldError, ...]:
    """Return the fields with NUL characters or halves of surrogate pairs."""
    return tuple(
        _bad(name, "Must not contain NUL characters or lone surrogates.")
        for name in _TEXTS
        if _ODD.search(getattr(record, name) or "")
    )


def _what_and_when(record: Usage) -> Sequence[FieldError]:
    errors = []
    if not record.model:
        errors.append(_bad("model_name", "model_name is required.", "required"))
    elif not record.provider:
        record.provider = maker_of(record.model)
        record.is_provider_found = True
        if record.provider is None:
            detail = (
                f"provider is required: several sell a model named “{record.model}”, "
                "or none that is known."
            )
            errors.append(_bad("provider", detail, "required"))
    if not EARLIEST <= record.timestamp < LATEST:
        errors.append(_TIME_OUT_OF_RANGE)
    return errors


def _tokens(record: Usage) -> Sequence[FieldError]:
    given = record.input_tokens, record.output_tokens
    if given == (None, None) and not is_metered(record) and record.cost is None:
        detail = "Token counts, quantities or a cost are required."
        return [_bad("prompt_tokens", detail, "required")]
    input_tokens, output_tokens = given[0] or 0, given[1] or 0
    errors = []
    if record.total_tokens not in {None, input_tokens + output_tokens}:
        detail = f"Must be the sum of input and output, {input_tokens + output_tokens}."
        errors.append(_bad("total_tokens", detail, "does_not_add_up"))
    cached = (record.cached_tokens or 0) + (record.cache_write_tokens or 0)
    if cached > input_tokens:
        detail = (
            "More cached tokens than input tokens: input_tokens must include the "
            "cached ones (Anthropic reports them apart: add them)."
        )
        errors.append(_bad("cached_tokens", detail, "does_not_add_up"))
    if (record.reasoning_tokens or 0) > output_tokens:
        detail = (
            "More reasoning tokens than output tokens: output_tokens must include the "
            "reasoning ones (Gemini reports them apart: add them)."
        )
        errors.append(_bad("reasoning_tokens", detail, "does_not_add_up"))
    if record.quantities and not errors:
        wholes = {name: getattr(record, name) or 0 for name in FIELDS}
        errors += parts_too_large(wholes, record.quantities)
    return errors


def is_metered(record: Usage) -> bool:
    """Tell whether anything was counted at all: none of it is a count too."""
    return (
        record.input_tokens is not None
        or record.output_tokens is not None
        or record.quantities is not None
        or record.requests is not None
    )


def _reported_cost(record: Usage) -> Sequence[FieldError]:
    if record.currency is not None:
        record.currency = record.currency.strip().upper() or None
    if record.currency is not None and not is_currency(record.currency):
        detail = "Unknown currency; use an ISO 4217 code such as USD."
        return [_bad("currency", detail, "unknown_currency")]
    cost = record.cost
    if cost is None:
        return []
    # Comparing is safe with any exponent; the arithmetic of decimals is not.
    if not cost.is_finite() or not -MOST_COST <= cost <= MOST_COST:
        detail = f"Must be an amount between -{MOST_COST:,} and {MOST_COST:,}."
        return [_bad("cost", detail, "out_of_range")]
    exponent = cost.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -MOST_PLACES:
        return [_bad("cost", f"More than {MOST_PLACES} decimals.", "too_precise")]
    return _rounded(record, cost)


def _rounded(record: Usage, cost: Decimal) -> Sequence[FieldError]:
    """Round a cost to what money has; if that changes it, the metadata tell."""
    record.cost = quantize(cost)
    if record.cost == cost:
        return []
    try:
        told = parse_metadata(bytes(record.metadata)) or {}
    except (ValueError, RecursionError):
        return []  # which another rule says
    metadata = msgspec.json.encode({**told, COST_SENT: f"{cost:f}"})
    if len(metadata) > MOST_METADATA_BYTES:
        return [_bad("metadata", f"More than {MOST_METADATA_BYTES} bytes.")]
    record.metadata = msgspec.Raw(metadata)
    return []


def is_rounded(record: Usage) -> bool:
    """Tell whether the cost of a checked record is not quite what was sent."""
    if record.cost is None or not record.metadata:
        return False
    return COST_SENT in (parse_metadata(bytes(record.metadata)) or ())


def _extras(record: Usage) -> Sequence[FieldError]:
    errors = [
        *_json_problem("tags", record.tags, parse_tags),
        *_json_problem("metadata", record.metadata, parse_metadata),
    ]
    if _REQUESTS in bytes(record.metadata) and not errors and record.requests is None:
        record.requests = _requests_in(record.metadata)
    if record.tags and not errors:
        _good_tags.remember(bytes(record.tags), None)
    return errors


_REQUESTS = b'"requests"'


def _requests_in(metadata: msgspec.Raw) -> int | None:
    """Return how many requests a record adds up, where its metadata says so.

    Those who sum a day up in one row put the number there: its price is that of the
    requests' mean, not that of one long request.
    """
    found = (parse_metadata(bytes(metadata)) or {}).get("requests")
    is_many = type(found) is int and 1 < found <= MOST_REQUESTS
    return found if is_many else None


def _json_problem(
    attr: str, raw: msgspec.Raw, parse: Callable[[bytes], object]
) -> Sequence[FieldError]:
    try:
        parse(bytes(raw))
    except (ValueError, RecursionError) as error:
        return [_bad(attr, str(error) or "Too deeply nested.")]
    return []


_RULES = (_what_and_when, _tokens, _reported_cost, _extras)


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
    if any(map(_ODD.search, tags)) or any(
        map(_ODD.search, map(str, tags.values() if isinstance(tags, dict) else ()))
    ):
        raise ValueError("Must not contain NUL characters or lone surrogates.")
    if isinstance(tags, list):
        return sorted(set(tags))
    return {key: _text_of(value) for key, value in sorted(tags.items())}


def _text_of(value: object) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()  # true, 1, 1.5, null as JSON has them


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_in(inner)


def parse_metadata(raw: bytes) -> dict[str, Any] | None:
    """Return the metadata object.

    Raises:
        ValueError: not an object, or with NUL characters, which PostgreSQL refuses.
    """
    if raw in {b"", b"null"}:
        return None
    if len(raw) > MOST_METADATA_BYTES:
        raise ValueError(f"More than {MOST_METADATA_BYTES} bytes.")
    try:
        parsed = _decode_object(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("Must be an object.") from error
    if any(map(_ODD.search, _texts_in(parsed))):
        raise ValueError("Must not contain NUL characters or lone surrogates.")
    return parsed
