"""The usage that providers tell, in their several shapes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from llm_cost_ops.calls import Tokens


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


def openai_tokens(usage: Any) -> Optional[Tokens]:
    """Read OpenAI's usage, of chat, responses, completions or embeddings.

    Its input includes the cached tokens, its output the reasoning ones.
    """
    if usage is None:
        return None
    of_input = part(usage, "prompt_tokens_details") or part(
        usage, "input_tokens_details"
    )
    of_output = part(usage, "completion_tokens_details") or part(
        usage, "output_tokens_details"
    )
    return Tokens(
        count(usage, "prompt_tokens", "input_tokens"),
        count(usage, "completion_tokens", "output_tokens"),
        cached=count(of_input, "cached_tokens"),
        cache_write=count(of_input, "cache_write_tokens"),
        reasoning=count(of_output, "reasoning_tokens"),
    )


def anthropic_tokens(usage: Any) -> Optional[Tokens]:
    """Read Anthropic's usage, whose input leaves out what the cache had or took."""
    if usage is None:
        return None
    cached = count(usage, "cache_read_input_tokens")
    written = count(usage, "cache_creation_input_tokens")
    return Tokens(
        count(usage, "input_tokens") + cached + written,
        count(usage, "output_tokens"),
        cached=cached,
        cache_write=written,
        reasoning=count(part(usage, "output_tokens_details"), "thinking_tokens"),
    )


def any_tokens(usage: Any) -> Optional[Tokens]:
    """Read usage of whichever shape."""
    is_apart = part(usage, "cache_read_input_tokens") is not None
    of_openai = part(usage, "prompt_tokens") is not None
    return (
        anthropic_tokens(usage) if is_apart and not of_openai else openai_tokens(usage)
    )
