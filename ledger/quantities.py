"""What can be metered beside plain tokens: the kinds, and what is wrong with them.

Nothing here knows prices or rows. A kind of tokens is a part of a record's input or
output tokens, or of its cached or cache-write ones; all other kinds are things of their
own. A word that is not listed here is a kind too: one without a price until one is set.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType
from typing import Any

from msgspec import Raw

from lib.errors import FieldError

Quantity = int | Decimal
Quantities = Mapping[str, Quantity]
NONE: Quantities = MappingProxyType({})

# Fields of a usage record, which may be named among the quantities as well.
FIELDS = (
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
INPUT_PARTS = ("audio_input_tokens", "image_input_tokens", "video_input_tokens")
OUTPUT_PARTS = ("audio_output_tokens", "image_output_tokens", "video_output_tokens")
# Parts of the cached tokens, and of these input tokens as well.
CACHED_PARTS = {
    "audio_cached_tokens": "audio_input_tokens",
    "image_cached_tokens": "image_input_tokens",
    "video_cached_tokens": "video_input_tokens",
}
# Parts of the cache-write tokens, by how long they are kept.
WRITES = (
    "cache_write_5m_tokens",
    "cache_write_30m_tokens",
    "cache_write_1h_tokens",
    "cache_write_12h_tokens",
)
PARTS = frozenset((*INPUT_PARTS, *OUTPUT_PARTS, *CACHED_PARTS, *WRITES))
# What is not a part of any tokens. A price is for one of it.
THINGS = frozenset(
    {
        "requests",
        "seconds",
        "minutes",
        "characters",
        "images",
        "pages",
        "searches",
        "tool_calls",
        "gib_hours",
    }
)
KNOWN = PARTS | THINGS
SECONDS_IN_MINUTE = 60

MOST = 10**12  # of one kind in one record
MOST_REQUESTS = 10**9  # in one record
MOST_KINDS = 50  # in one record
PLACES = Decimal("1E-10")  # of a quantity that is not whole
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def is_tokens(kind: str) -> bool:
    """Tell whether *kind* is counted in whole tokens, and priced by the million."""
    return kind.endswith("_tokens")


def kind_named(text: str) -> str | None:
    """Return the kind that is meant; None: nothing can be called so."""
    kind = text.strip().lower()
    return kind if _NAME.fullmatch(kind) else None


def read(given: Quantities) -> tuple[dict[str, Quantity], list[FieldError]]:
    """Return quantities in their one form, and what is wrong with them.

    In it kinds are in order, whole numbers are ints, others have ten places at most,
    minutes are seconds, and what is zero is left out.
    """
    if len(given) > MOST_KINDS:
        return {}, [_bad("", f"More than {MOST_KINDS} kinds.")]
    found: dict[str, Quantity] = {}
    errors = []
    for name, amount in given.items():
        kind = kind_named(name)
        if kind is None:
            detail = "A kind is a word of a to z, digits and _, at most 64 of them."
            errors.append(_bad("", detail))
        elif problem := _problem(kind, Decimal(amount)):
            errors.append(_bad(name, problem, "out_of_range"))
        elif kind in found:
            errors.append(_bad(name, "Named twice; send one of them."))
        else:
            found[kind] = amount
    if errors:
        return {}, errors
    errors += _minutes_as_seconds(found)
    return {kind: _plain(found[kind]) for kind in sorted(found) if found[kind]}, errors


def _problem(kind: str, amount: Decimal) -> str | None:
    if not amount.is_finite() or not 0 <= amount <= MOST:
        return f"Must be a number from 0 to {MOST:,}."
    whole = amount == amount.to_integral_value()
    if kind == "requests" and not (whole and 1 <= amount <= MOST_REQUESTS):
        return f"Must be a whole number from 1 to {MOST_REQUESTS:,}."
    if is_tokens(kind) and not whole:
        return "Tokens are counted in whole numbers."
    return None


def _minutes_as_seconds(found: dict[str, Quantity]) -> list[FieldError]:
    if "minutes" not in found:
        return []
    seconds = found.pop("minutes") * SECONDS_IN_MINUTE
    if found.setdefault("seconds", seconds) != seconds:
        return [_bad("minutes", "Differs from seconds; send one of them.")]
    return []


def _plain(amount: Quantity) -> Quantity:
    if amount == int(amount):
        return int(amount)
    return Decimal(amount).quantize(PLACES, ROUND_HALF_EVEN)


def parts_too_large(
    wholes: Mapping[str, int], quantities: Quantities
) -> Iterator[FieldError]:
    """Yield, for each whole, that its parts are more than it.

    *wholes* are a record's FIELDS. What fits no whole is never guessed at.
    """

    def amount(kinds: Iterable[str]) -> int:
        return sum(int(quantities.get(kind, 0)) for kind in kinds)

    writes = amount(WRITES)
    if writes > wholes["cache_write_tokens"]:
        yield _too_large(quantities, WRITES, "cache_write_tokens")
    for cached, modality in CACHED_PARTS.items():
        if quantities.get(cached, 0) > quantities.get(modality, 0):
            yield _too_large(quantities, (cached,), f"quantities.{modality}")
    if amount(CACHED_PARTS) > wholes["cached_tokens"]:
        yield _too_large(quantities, tuple(CACHED_PARTS), "cached_tokens")
    inputs = amount(INPUT_PARTS)
    if inputs and (
        wholes["cached_tokens"] + wholes["cache_write_tokens"]
        # What is both cached and of another kind than text counts once.
        + inputs - amount(CACHED_PARTS)
    ) > wholes["input_tokens"]:  # fmt: skip
        yield _too_large(
            quantities,
            INPUT_PARTS,
            "input_tokens",
            "; say how many are cached ones too, as audio_cached_tokens",
        )
    outputs = amount(OUTPUT_PARTS)
    if outputs and outputs + wholes["reasoning_tokens"] > wholes["output_tokens"]:
        yield _too_large(quantities, OUTPUT_PARTS, "output_tokens")


def _too_large(
    quantities: Quantities, kinds: Iterable[str], whole: str, remedy: str = ""
) -> FieldError:
    given = next(kind for kind in kinds if quantities.get(kind))
    detail = f"More than there are of {whole}, which must include it{remedy}."
    return _bad(given, detail, "does_not_add_up")


def _bad(name: str, detail: str, code: str = "invalid") -> FieldError:
    return FieldError(f"quantities.{name}" if name else "quantities", code, detail)


def stored(quantities: Quantities) -> dict[str, int | str]:
    """Return quantities as JSON keeps them exactly: text where they aren't whole."""
    return {
        kind: amount if isinstance(amount, int) else f"{amount.normalize():f}"
        for kind, amount in quantities.items()
    }


def restored(kept: Mapping[str, int | str] | None) -> Quantities:
    if not kept:
        return NONE
    return {
        kind: amount if isinstance(amount, int) else Decimal(amount)
        for kind, amount in kept.items()
    }


def wire(kept: Mapping[str, int | str] | None) -> dict[str, Any]:
    """Return what `stored` made as numbers of JSON, exact where they aren't whole."""
    return {
        kind: amount if isinstance(amount, int) else Raw(amount.encode())
        for kind, amount in (kept or {}).items()
    }
