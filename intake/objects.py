"""Usage as an object tells it, of a provider's answer or of Langfuse. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from intake.counts import Counts
from ledger.usage import MOST_TOKENS

WRITES = {
    "cache_write_5m_tokens": "ephemeral_5m_input_tokens",
    "cache_write_1h_tokens": "ephemeral_1h_input_tokens",
}


class Told(NamedTuple):
    """Counts, and by their names the kinds that have prices of their own."""

    counts: Counts
    quantities: Mapping[str, int]


def under(thing: Any, *path: str) -> Any:
    """Return what stands there; None where it does not."""
    for name in path:
        thing = thing.get(name) if isinstance(thing, Mapping) else None
    return thing


def first(thing: Any, *names: str) -> Any:
    """Return the first of *names* that is there."""
    found = (under(thing, name) for name in names)
    return next((value for value in found if value is not None), None)


def of_provider(usage: Mapping[str, Any]) -> Told:
    """Read usage as OpenAI or Anthropic tell it, or a framework in their words."""
    of_input = first(usage, "prompt_tokens_details", "input_tokens_details")
    of_output = first(usage, "completion_tokens_details", "output_tokens_details")
    created = first(usage, "cache_creation")
    created = created or first(of_input, "cache_creation_token_details")
    counts = Counts(
        _count(usage, "input_tokens", "prompt_tokens", "inputTokens"),
        _count(usage, "output_tokens", "completion_tokens", "outputTokens"),
        _count(usage, "cache_read_input_tokens") or _count(of_input, "cached_tokens"),
        _count(usage, "cache_creation_input_tokens")
        or _count(of_input, "cache_write_tokens", "cache_creation_tokens"),
        _count(of_output, "reasoning_tokens"),
        _count(usage, "total_tokens", "totalTokens"),
    )
    return Told(
        counts,
        _there(
            {
                **{kind: _count(created, name) for kind, name in WRITES.items()},
                "audio_input_tokens": _count(of_input, "audio_tokens"),
                "audio_output_tokens": _count(of_output, "audio_tokens"),
                "searches": _count(
                    under(usage, "server_tool_use"), "web_search_requests"
                ),
            }
        ),
    )


def of_langfuse(details: Mapping[str, Any]) -> Told:
    """Read usage details: either a provider's own, or types that add up.

    In those `input` is what is in no other type, unless the total says that it is all.
    """
    if "input" not in details and "output" not in details:
        return of_provider(details)
    read = {name: _whole(value) for name, value in details.items()}
    parts = {name: value for name, value in read.items() if value is not None}
    total = parts.pop("total", None)
    inside, out = parts.get("input", 0), parts.get("output", 0)
    if total is None or total != inside + out:
        inside = sum(n for name, n in parts.items() if _is_of_input(name))
        out = sum(n for name, n in parts.items() if name.startswith("output"))
    writes = [parts.get(name) for name in _CREATED]
    counts = Counts(
        inside,
        out,
        first(parts, *_CACHED),
        sum(each or 0 for each in writes) if any(writes) else None,
        first(parts, "output_reasoning_tokens", "output_reasoning"),
        total,
    )
    return Told(
        counts,
        _there(
            {
                "cache_write_5m_tokens": parts.get("input_cache_creation_5m"),
                "cache_write_1h_tokens": parts.get("input_cache_creation_1h"),
                "audio_input_tokens": first(parts, "input_audio_tokens", "input_audio"),
                "audio_output_tokens": first(
                    parts, "output_audio_tokens", "output_audio"
                ),
            }
        ),
    )


_CACHED = (
    "input_cached_tokens",
    "input_cache_read",
    "cache_read_input_tokens",
    "input_cached",
)
_CREATED = (
    "input_cache_creation",
    "input_cache_creation_5m",
    "input_cache_creation_1h",
    "cache_creation_input_tokens",
    "input_cache_write",
)


def _is_of_input(name: str) -> bool:
    return name.startswith(("input", "cache_read", "cache_creation"))


def _count(thing: Any, *names: str) -> int | None:
    return _whole(first(thing, *names))


def _whole(value: Any) -> int | None:
    """Return a count; None for what is none: the sender's own words for it differ."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # some have no other numbers
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else None


def _there(found: Mapping[str, Any]) -> dict[str, int]:
    return {kind: amount for kind, amount in found.items() if amount}
