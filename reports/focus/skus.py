"""What is sold: a kind of quantity of one model, and what FOCUS calls it. Pure."""

from functools import lru_cache
from typing import NamedTuple

from ledger.quantities import is_tokens

REQUESTS = "requests"
DAYS = "days"  # of a fixed charge
# What all input or output of a record is called where the kinds' prices are not known.
ALL_INPUT, ALL_OUTPUT = "all_input_tokens", "all_output_tokens"
_TOKENS = "Tokens"
_UNITS = {
    "seconds": "Seconds",
    "characters": "Characters",
    "gib_hours": "GiB-Hours",
}
_METERS = {
    "input_tokens": "Input Tokens",
    "cached_tokens": "Cached Input Tokens",
    "cache_write_tokens": "Cache Write Tokens",
    "output_tokens": "Output Tokens",
    "reasoning_tokens": "Reasoning Tokens",
    ALL_INPUT: "Input Tokens (All Kinds)",
    ALL_OUTPUT: "Output Tokens (All Kinds)",
    "cache_write_5m_tokens": "Cache Write Tokens (5 Minutes)",
    "cache_write_30m_tokens": "Cache Write Tokens (30 Minutes)",
    "cache_write_1h_tokens": "Cache Write Tokens (1 Hour)",
    "cache_write_12h_tokens": "Cache Write Tokens (12 Hours)",
    "gib_hours": "GiB Hours",
}


class KindWords(NamedTuple):
    """One kind of quantity, in FOCUS' words."""

    meter: str
    consumed_unit: str
    pricing_unit: str
    direction: str  # "Input", "Output" or ""
    cache_action: str  # "Uncached", "Read", "Write", "Other" or ""

    @property
    def is_tokens(self) -> bool:
        return self.consumed_unit == _TOKENS


@lru_cache(maxsize=1_000)
def kind_of(name: str) -> KindWords:
    """Return what FOCUS calls the kind of quantity *name*."""
    meter = _METERS.get(name) or name.replace("_", " ").title()
    if not is_tokens(name):
        unit = _UNITS.get(name, meter)
        return KindWords(meter, unit, unit, "", "")
    direction = _direction(name)
    action = _cache_action(name) if direction == "Input" else ""
    return KindWords(meter, _TOKENS, "1000000 Tokens", direction, action)


def _direction(name: str) -> str:
    if "output" in name or name == "reasoning_tokens":
        return "Output"
    if "input" in name or "cached" in name or "cache_write" in name:
        return "Input"
    return ""


def _cache_action(name: str) -> str:
    if name == ALL_INPUT:
        return "Other"
    if "cache_write" in name:
        return "Write"
    return "Read" if "cached" in name else "Uncached"
