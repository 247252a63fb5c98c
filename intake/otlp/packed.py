"""Usage that a span packs into one attribute, as JSON: parted into names we know.

Langfuse, MLflow, LangSmith, LiteLLM, Vercel's SDK and Google's agents write a count of
their own only there.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from intake.objects import Told, of_langfuse, of_provider, under
from intake.otlp.names import QUANTITIES, VERCEL_CACHED, VERCEL_NOT_CACHED

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
_NAMES = {kind: names[0] for kind, names in QUANTITIES.items()}
_5M, _1H = _NAMES["cache_write_5m_tokens"], _NAMES["cache_write_1h_tokens"]
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


def _pairs(told: Told) -> Pairs:
    names = (_IN, _OUT, _CACHED, _WRITTEN, _THOUGHT, _SUM)
    yield from zip(names, told.counts, strict=True)
    for kind, amount in told.quantities.items():
        yield _NAMES[kind], amount


def _langfuse(told: dict[str, Any]) -> Pairs:
    return _pairs(of_langfuse(told))


def _provider_usage(told: dict[str, Any]) -> Pairs:
    return _pairs(of_provider(told))


def _langsmith_input(told: dict[str, Any]) -> Pairs:
    yield _CACHED, told.get("cache_read")
    short, long = (
        told.get("ephemeral_5m_input_tokens"),
        told.get("ephemeral_1h_input_tokens"),
    )
    yield _5M, short
    yield _1H, long
    if short is not None or long is not None:
        yield _WRITTEN, (short or 0) + (long or 0)
    else:
        yield _WRITTEN, told.get("cache_creation")
    yield _NAMES["audio_input_tokens"], told.get("audio")


def _langsmith_output(told: dict[str, Any]) -> Pairs:
    yield _THOUGHT, told.get("reasoning")
    yield _NAMES["audio_output_tokens"], told.get("audio")


def _langsmith(told: dict[str, Any]) -> Pairs:
    yield from _provider_usage(told)
    yield from _langsmith_input(told.get("input_token_details") or {})
    yield from _langsmith_output(told.get("output_token_details") or {})


def _vercel(told: dict[str, Any]) -> Pairs:
    """Read what a provider said itself, where Vercel's SDK has no name for it."""
    usage = under(told, "anthropic", "usage")
    if isinstance(usage, dict):
        pairs = dict(_provider_usage(usage))
        inside = pairs.pop(_IN, None)
        # Anthropic's own input leaves out what the cache had or took.
        if type(inside) is int:
            yield "exact input", inside + sum(pairs.get(each) or 0 for each in _PARTS)
        pairs.pop(_OUT, None)
        yield from pairs.items()
    else:
        yield _WRITTEN, under(told, "anthropic", "cacheCreationInputTokens")
        yield _CACHED, under(told, "anthropic", "cacheReadInputTokens")
    for provider in ("openai", "azure"):
        yield _CACHED, under(told, provider, "cachedPromptTokens")
        yield _THOUGHT, under(told, provider, "reasoningTokens")
    yield _CACHED, under(told, "bedrock", "usage", "cacheReadInputTokens")
    yield _WRITTEN, under(told, "bedrock", "usage", "cacheWriteInputTokens")


_PARTS = (_CACHED, _WRITTEN)


def _google(told: dict[str, Any]) -> Pairs:
    """Read the answer that Google's agents keep: its output leaves out the thoughts."""
    usage = told.get("usage_metadata")
    counts = {
        name: value
        for name in ("prompt", "tool_use_prompt", "candidates", "thoughts", "total")
        if type(value := under(usage, f"{name}_token_count")) is int
    }
    if "prompt" in counts:
        yield "exact input", counts["prompt"] + counts.get("tool_use_prompt", 0)
    if "candidates" in counts or "thoughts" in counts:
        yield "exact output", counts.get("candidates", 0) + counts.get("thoughts", 0)
    yield _CACHED, under(usage, "cached_content_token_count")
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
