"""What can be wrong with a usage record, and the one form of what is right."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from ledger.identity import maker_of
from ledger.quantities import FIELDS, MOST_REQUESTS, WRITES, parts_too_large
from ledger.quantities import read as read_quantities
from ledger.rates import is_currency
from ledger.usage.details import MOST_METADATA_BYTES, parse_metadata, parse_tags
from ledger.usage.records import Usage, is_metered
from lib.errors import FieldError
from lib.memories import Memory
from lib.money import quantize
from lib.texts import NO_ODD, ODD

MOST_COST = Decimal(100_000_000)  # in one record, either way
MOST_PLACES = 60  # of a cost; a float written out has some twenty
COST_SENT = "cost_sent"  # in the metadata of a record whose cost was rounded
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_FIRST_YEAR, _LAST_YEAR = EARLIEST.year, LATEST.year


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
    "run_id",
)


def odd_characters(record: Usage) -> tuple[FieldError, ...]:
    """Return the fields with NUL characters or halves of surrogate pairs."""
    return tuple(
        _bad(name, NO_ODD) for name in _TEXTS if ODD.search(getattr(record, name) or "")
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
