"""Counts of a row, made whole as those of spans are."""

from collections.abc import Mapping
from typing import Any

from intake.counts import Counts, fitted, read
from ledger.quantities import WRITES


def counted(
    counts: Counts,
    quantities: Mapping[str, int] | None = None,
    *,
    cached_apart: bool = False,
) -> tuple[dict[str, Any], str | None]:
    """Return the fields that tell what was used, and what in the counts is in doubt."""
    written = sum((quantities or {}).get(kind, 0) for kind in WRITES)
    if written > (counts.cache_write or 0):
        counts = counts._replace(cache_write=written)
    reading = read(counts, cached_apart=cached_apart)
    kinds, doubt = fitted(quantities or {}, counts, reading)
    if not reading.adds_up:
        doubt = f"{counts.total} is the sum in no reading of the parts"
    fields = {
        "input_tokens": reading.input,
        "output_tokens": reading.output,
        "cached_tokens": counts.cached,
        "cache_write_tokens": counts.cache_write,
        "reasoning_tokens": counts.reasoning,
        "quantities": kinds or None,
    }
    return fields, doubt


def said_nothing(fields: Mapping[str, Any]) -> bool:
    """Tell that nothing was used: a failed call, or a span around others."""
    used = ("input_tokens", "output_tokens", "quantities")
    costs = str(fields.get("cost") or "").strip("0.-") != ""
    return not costs and not any(fields.get(name) for name in used)
