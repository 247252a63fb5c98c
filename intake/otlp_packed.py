"""Usage that a span packs into one attribute, as JSON: parted into names we know.

Langfuse, MLflow, LangSmith, LiteLLM, Vercel's SDK and Google's agents write a count of
their own only there.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from intake.otlp_names import VERCEL_CACHED, VERCEL_NOT_CACHED

MOST_CHARACTERS = 50_000  # of a text that is looked into
_decode = msgspec.json.Decoder(dict[str, Any]).decode

Pairs = Iterator[tuple[str, Any]]


def unpacked(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return *attributes* with what is packed in them under names of its own.

    A name that the span has itself is not touched, but for counts that are known to
    be made of less than they say.
    """
    added: dict[str, Any] = {}
    for name, reader in _READERS.items():
        if name in attributes and (told := _object_in(attributes[name])) is not None:
            added |= {key: value for key, value in reader(told) if value is not None}
    exact = {key: added.pop(key) for key in list(added) if key in _EXACT}
    if not added and not exact:
        return attributes
    return {**added, **attributes, **{_EXACT[key]: exact[key] for key in exact}}


_IN, _OUT, _SUM = (
    f"gen_ai.usage.{name}" for name in ("input_tokens", "output_tokens", "total_tokens")
)
_CACHED = "gen_ai.usage.cache_read.input_tokens"
_WRITTEN = "gen_ai.usage.cache_write.input_tokens"
_5M, _1H = "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"
_THOUGHT = "gen_ai.usage.reasoning.output_tokens"
_EXACT = {"exact input": _IN, "exact output": _OUT}


def _object_in(value: Any) -> dict[str, Any] | None:
    if isinstance(value, dict):
        return value
    if not isinstance(value, str) or len(value) > MOST_CHARACTERS:
        return None
    try:
        return _decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return _python_in(value)


def _python_in(text: str) -> dict[str, Any] | None:
    """Read a dict as Python writes it: LiteLLM makes a text of it so."""
    if not text.startswith("{'"):
        return None
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return found if isinstance(found, dict) else None


def _under(thing: Any, *path: str) -> Any:
    for name in path:
        thing = thing.get(name) if isinstance(thing, dict) else None
    return thing


def _langfuse(told: dict[str, Any]) -> Pairs:
    """Read usage details: either a provider's own, or types that add up."""
    if "input" not in told and "output" not in told:
        yield from _provider_usage(told)
        return
    parts = {name: value for name, value in told.items() if type(value) is int}
    sent_total = parts.pop("total", None)
    of_input = sum(n for name, n in parts.items() if _is_of_input(name))
    of_output = sum(n for name, n in parts.items() if name.startswith("output"))
    whole_in, whole_out = parts.get("input", 0), parts.get("output", 0)
    # `input` is what is in no other type, unless the total says that it is all.
    if sent_total is not None and sent_total == whole_in + whole_out:
        of_input, of_output = whole_in, whole_out
    yield _IN, of_input
    yield _OUT, of_output
    yield _SUM, sent_total
    yield _CACHED, _first(parts, *_LANGFUSE_CACHED)
    long, short = (
        parts.get("input_cache_creation_1h"),
        parts.get("input_cache_creation_5m"),
    )
    rest = _first(parts, "input_cache_creation", "cache_creation_input_tokens")
    if long is not None or short is not None or rest is not None:
        yield _WRITTEN, (rest or 0) + (short or 0) + (long or 0)
    yield _5M, short
    yield _1H, long
    yield _THOUGHT, _first(parts, "output_reasoning_tokens", "output_reasoning")
    yield (
        "gen_ai.usage.audio.input_tokens",
        _first(parts, "input_audio_tokens", "input_audio"),
    )
    yield (
        "gen_ai.usage.audio.output_tokens",
        _first(parts, "output_audio_tokens", "output_audio"),
    )


_LANGFUSE_CACHED = (
    "input_cached_tokens",
    "input_cache_read",
    "cache_read_input_tokens",
    "input_cached",
)


def _is_of_input(name: str) -> bool:
    return name.startswith(("input", "cache_read", "cache_creation"))


def _first(counts: Mapping[str, Any], *names: str) -> Any:
    return next((counts[name] for name in names if counts.get(name) is not None), None)


def _provider_usage(told: dict[str, Any]) -> Pairs:
    """Read usage as OpenAI or Anthropic tell it, or a framework in their words."""
    yield _IN, _first(told, "input_tokens", "prompt_tokens", "inputTokens")
    yield _OUT, _first(told, "output_tokens", "completion_tokens", "outputTokens")
    yield _SUM, _first(told, "total_tokens", "totalTokens")
    of_input = _first(told, "prompt_tokens_details", "input_tokens_details") or {}
    of_output = _first(told, "completion_tokens_details", "output_tokens_details") or {}
    yield (
        _CACHED,
        _first(told, "cache_read_input_tokens") or _under(of_input, "cached_tokens"),
    )
    yield (
        _WRITTEN,
        _first(told, "cache_creation_input_tokens")
        or _under(of_input, "cache_write_tokens"),
    )
    yield from _durations(told)
    yield _THOUGHT, _under(of_output, "reasoning_tokens")
    yield "gen_ai.usage.audio.input_tokens", _under(of_input, "audio_tokens")
    yield "gen_ai.usage.audio.output_tokens", _under(of_output, "audio_tokens")


def _durations(told: dict[str, Any]) -> Pairs:
    yield _5M, _under(told, "cache_creation", _5M)
    yield _1H, _under(told, "cache_creation", _1H)


def _langsmith_input(told: dict[str, Any]) -> Pairs:
    yield _CACHED, told.get("cache_read")
    short, long = told.get(_5M), told.get(_1H)
    yield _5M, short
    yield _1H, long
    if short is not None or long is not None:
        yield _WRITTEN, (short or 0) + (long or 0)
    else:
        yield _WRITTEN, told.get("cache_creation")
    yield "gen_ai.usage.audio.input_tokens", told.get("audio")


def _langsmith_output(told: dict[str, Any]) -> Pairs:
    yield _THOUGHT, told.get("reasoning")
    yield "gen_ai.usage.audio.output_tokens", told.get("audio")


def _langsmith(told: dict[str, Any]) -> Pairs:
    yield from _provider_usage(told)
    yield from _langsmith_input(told.get("input_token_details") or {})
    yield from _langsmith_output(told.get("output_token_details") or {})


def _vercel(told: dict[str, Any]) -> Pairs:
    """Read what a provider said itself, where Vercel's SDK has no name for it."""
    usage = _under(told, "anthropic", "usage")
    if isinstance(usage, dict):
        pairs = dict(_provider_usage(usage))
        inside = pairs.pop(_IN, None)
        # Anthropic's own input leaves out what the cache had or took.
        if type(inside) is int:
            yield "exact input", inside + sum(pairs.get(each) or 0 for each in _PARTS)
        pairs.pop(_OUT, None)
        yield from pairs.items()
    else:
        yield _WRITTEN, _under(told, "anthropic", "cacheCreationInputTokens")
        yield _CACHED, _under(told, "anthropic", "cacheReadInputTokens")
    for provider in ("openai", "azure"):
        yield _CACHED, _under(told, provider, "cachedPromptTokens")
        yield _THOUGHT, _under(told, provider, "reasoningTokens")
    yield _CACHED, _under(told, "bedrock", "usage", "cacheReadInputTokens")
    yield _WRITTEN, _under(told, "bedrock", "usage", "cacheWriteInputTokens")


_PARTS = (_CACHED, _WRITTEN)


def _google(told: dict[str, Any]) -> Pairs:
    """Read the answer that Google's agents keep: its output leaves out the thoughts."""
    usage = told.get("usage_metadata")
    counts = {
        name: value
        for name in ("prompt", "tool_use_prompt", "candidates", "thoughts", "total")
        if type(value := _under(usage, f"{name}_token_count")) is int
    }
    if "prompt" in counts:
        yield "exact input", counts["prompt"] + counts.get("tool_use_prompt", 0)
    if "candidates" in counts or "thoughts" in counts:
        yield "exact output", counts.get("candidates", 0) + counts.get("thoughts", 0)
    yield _CACHED, _under(usage, "cached_content_token_count")
    yield _THOUGHT, counts.get("thoughts")
    yield _SUM, counts.get("total")


_READERS: dict[str, Callable[[dict[str, Any]], Pairs]] = {
    "langfuse.observation.usage_details": _langfuse,
    "mlflow.chat.tokenUsage": _provider_usage,
    "langsmith.usage_metadata": _langsmith,
    "gen_ai.usage.input_token_details": _langsmith_input,
    "gen_ai.usage.output_token_details": _langsmith_output,
    "metadata.usage_object": _provider_usage,
    "ai.response.providerMetadata": _vercel,
    "gcp.vertex.agent.llm_response": _google,
}


def counts_cached_apart(attributes: Mapping[str, Any], provider: str | None) -> bool:
    """Tell whether the span is of a sender known to leave cached tokens out.

    Vercel's SDK did, until version 6, for providers whose own input does.
    """
    return (
        provider in {"anthropic", "aws"}
        and VERCEL_CACHED in attributes
        and VERCEL_NOT_CACHED not in attributes
    )
