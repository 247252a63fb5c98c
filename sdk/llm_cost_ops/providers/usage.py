"""The usage that providers tell, in their several shapes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Optional

from llm_cost_ops.calls import Tokens
from llm_cost_ops.providers.reading import Reading, read

# Who leaves the reasoning tokens out of the completion: xAI, and Perplexity, whose
# total leaves them out as well.
_THOUGHTS_APART = frozenset({"x-ai", "xai", "perplexity"})
_PARTIAL_TOTAL = "perplexity"
# Whose total alone tells of the thoughts, at the address that speaks OpenAI's protocol.
_HIDES_THOUGHTS = frozenset({"google", "gemini", "vertex_ai"})

_MOST_CHARGED = 10**8  # US dollars that a call may cost, to the server

_OF_INPUT = (
    "prompt_tokens_details",
    "input_tokens_details",
    "prompt_token_details",  # Mistral
    "input_token_details",
)
_OF_OUTPUT = (
    "completion_tokens_details",
    "output_tokens_details",
    "output_token_details",
)
_CREATED = ("cache_creation", "cache_creation_token_details")
_WRITES = ("5m", "30m", "1h", "12h")


def part(thing: Any, name: str) -> Any:
    """Return a field of an object or of a mapping; None where it is not there."""
    if type(thing) is dict or isinstance(thing, Mapping):
        return thing.get(name)
    return getattr(thing, name, None)


def count(thing: Any, *names: str) -> int:
    """Return the first of *names* that is a number of tokens, else 0."""
    if thing is None:
        return 0
    for name in names:
        value = part(thing, name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return 0


def openai_tokens(usage: Any, provider: str = "") -> Optional[Tokens]:
    """Read usage in OpenAI's protocol, of chat, responses, completions or embeddings.

    To OpenAI, input includes the cached tokens and output the reasoning ones. Others
    who speak its protocol count otherwise: their total tells, where it is given.
    """
    if usage is None:
        return None
    of_input, of_output = _first(usage, _OF_INPUT), _first(usage, _OF_OUTPUT)
    cached = count(of_input, "cached_tokens", "cache_read_input_tokens") or count(
        usage,
        "prompt_cache_hit_tokens",  # DeepSeek
        "cached_tokens",  # Moonshot, Together
        "num_cached_tokens",  # Mistral
        "cache_read_input_tokens",  # Databricks, LiteLLM
    )
    by_age = _writes(usage, of_input)
    written = max(
        count(of_input, "cache_write_tokens", "cache_creation_input_tokens")
        or count(usage, "cache_creation_input_tokens", "cache_write_tokens"),
        sum(by_age.values()),
    )
    thoughts = count(of_output, "reasoning_tokens") or count(usage, "reasoning_tokens")
    found, hidden = _reading(usage, provider.lower(), cached + written, thoughts)
    doubt = None if found.adds_up else _doubt(usage)
    quantities = by_age | _things(usage, of_input, of_output)
    thoughts += hidden
    doubt = _fitted(quantities, found, cached + written, thoughts) or doubt
    return Tokens(
        found.input,
        found.output,
        cached=cached,
        cache_write=written,
        reasoning=thoughts,
        quantities=quantities,
        cost=_charged(usage) if provider.lower() == "openrouter" else None,
        doubt=doubt,
    )


def anthropic_tokens(usage: Any, provider: str = "") -> Optional[Tokens]:
    """Read Anthropic's usage, whose input leaves out what the cache had or took."""
    if usage is None:
        return None
    cached = count(usage, "cache_read_input_tokens")
    written = count(usage, "cache_creation_input_tokens")
    split = part(usage, "cache_creation")
    short = count(split, "ephemeral_5m_input_tokens")
    long = count(split, "ephemeral_1h_input_tokens")
    doubt = None
    if split is not None and short + long != written:
        # The whole may be left out; if both are told, the larger is never too cheap.
        if written and short + long:
            doubt = f"{written} cache writes, of which {short} + {long} by duration"
        written = max(written, short + long)
    inside, out = _without_compaction(usage)
    quantities = {"cache_write_1h_tokens": long} if long else {}
    if long and short:
        quantities["cache_write_5m_tokens"] = short
    searches = count(part(usage, "server_tool_use"), "web_search_requests")
    if searches:
        quantities["searches"] = searches
    thoughts = count(part(usage, "output_tokens_details"), "thinking_tokens")
    return Tokens(
        inside + cached + written,
        max(out, thoughts),
        cached=cached,
        cache_write=written,
        reasoning=thoughts,
        quantities=quantities,
        doubt=doubt,
    )


def any_tokens(usage: Any, provider: str = "") -> Optional[Tokens]:
    """Read usage of whichever shape."""
    is_apart = part(usage, "cache_read_input_tokens") is not None
    of_openai = part(usage, "prompt_tokens") is not None
    if is_apart and not of_openai:
        return anthropic_tokens(usage, provider)
    return openai_tokens(usage, provider)


def _without_compaction(usage: Any) -> tuple[int, int]:
    """Return Anthropic's input and output, with what compacting the context took.

    That is not in the sums it tells, only in the iterations. What a fallback answered
    is, and what an advisor used is another model's.
    """
    told = count(usage, "input_tokens"), count(usage, "output_tokens")
    rounds = part(usage, "iterations") or ()
    kinds = {part(each, "type") for each in rounds}
    if "compaction" not in kinds or "fallback_message" in kinds:
        return told
    own = [each for each in rounds if part(each, "type") in {"compaction", "message"}]
    return (
        sum(count(each, "input_tokens") for each in own),
        sum(count(each, "output_tokens") for each in own),
    )


def _charged(usage: Any) -> Optional[Decimal]:
    """Return what OpenRouter charges, with what a key of one's own costs upstream."""
    charged = _amount(part(usage, "cost"))
    if charged is not None and part(usage, "is_byok"):
        upstream = part(part(usage, "cost_details"), "upstream_inference_cost")
        return charged + (_amount(upstream) or 0)
    return charged


def _amount(value: Any) -> Optional[Decimal]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return Decimal(str(value)) if 0 <= value < _MOST_CHARGED else None


def _writes(usage: Any, of_input: Any) -> dict[str, int]:
    """Return what was written to the cache, by how long it is kept."""
    lasting = part(of_input, "cache_write_tokens_details")
    created = _first(of_input, _CREATED) or part(usage, "cache_creation")
    found = {
        "5m": count(created, "ephemeral_5m_input_tokens"),
        "30m": count(lasting, "ttl_30m_tokens"),
        "1h": count(created, "ephemeral_1h_input_tokens"),
        "12h": count(lasting, "ttl_12h_tokens"),
    }
    return {f"cache_write_{age}_tokens": found[age] for age in _WRITES if found[age]}


def _things(usage: Any, of_input: Any, of_output: Any) -> dict[str, int]:
    """Return what else has a price of its own."""
    served = part(usage, "server_side_tool_usage_details")  # xAI
    web = count(served, "web_search_calls")
    found = {
        "audio_cached_tokens": count(
            part(of_input, "cached_tokens_details"), "audio_tokens"
        ),
        "audio_input_tokens": count(of_input, "audio_tokens"),
        "audio_output_tokens": count(of_output, "audio_tokens"),
        "citation_tokens": count(usage, "citation_tokens"),  # Perplexity
        "searches": count(usage, "num_search_queries")
        or count(part(usage, "server_tool_use"), "web_search_requests")
        or web,
        "seconds": count(usage, "prompt_audio_seconds"),  # Mistral
        "tool_calls": max(count(usage, "num_server_side_tools_used") - web, 0),  # xAI
        "sources": count(usage, "num_sources_used"),  # xAI
    }
    return {kind: amount for kind, amount in found.items() if amount}


def _fitted(
    quantities: dict[str, int], found: Reading, cached: int, thoughts: int
) -> Optional[str]:
    """Make the parts fit their wholes, as the server wants them; say what did not.

    Nobody tells how much of the sound was cached. What has to be both, is.
    """
    sound = quantities.get("audio_input_tokens", 0)
    overlap = cached + sound - found.input
    if sound > found.input:
        return f"{quantities.pop('audio_input_tokens')} tokens of sound are too many"
    if overlap > quantities.get("audio_cached_tokens", 0) and sound:
        quantities["audio_cached_tokens"] = overlap
    if quantities.get("audio_cached_tokens", 0) > min(sound, cached):
        return f"{quantities.pop('audio_cached_tokens')} cached ones are too many"
    if quantities.get("audio_output_tokens", 0) + thoughts > found.output:
        return f"{quantities.pop('audio_output_tokens')} tokens of sound are too many"
    return None


def _first(usage: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        if (found := part(usage, name)) is not None:
            return found
    return None


def _reading(
    usage: Any, provider: str, cached: int, thoughts: int
) -> tuple[Reading, int]:
    """Return input and output, and how many thoughts only the total tells of."""
    inside = count(usage, "prompt_tokens", "input_tokens")
    out = count(usage, "completion_tokens", "output_tokens")
    total = count(usage, "total_tokens") or None
    is_chat = part(usage, "prompt_tokens") is not None
    if provider == _PARTIAL_TOTAL and total == inside + out:
        total = None
    found = read(
        inside,
        out,
        cached=cached,
        thoughts=thoughts,
        total=total,
        thoughts_apart=is_chat and provider in _THOUGHTS_APART,
    )
    if found.adds_up or total is None or provider not in _HIDES_THOUGHTS:
        return found, 0
    hidden = total - found.input - found.output
    if hidden <= 0:
        return found, 0
    return Reading(found.input, found.output + hidden, adds_up=True), hidden


def _doubt(usage: Any) -> str:
    inside = count(usage, "prompt_tokens", "input_tokens")
    out = count(usage, "completion_tokens", "output_tokens")
    total = count(usage, "total_tokens")
    return f"{total} tokens in all, which no reading of {inside} + {out} gives"
