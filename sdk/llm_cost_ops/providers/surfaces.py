"""The endpoints of providers that cost tokens, and how each is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Optional

from llm_cost_ops.calls import Tokens
from llm_cost_ops.providers.meters import MessagesMeter, Meter, ResponsesMeter
from llm_cost_ops.providers.usage import anthropic_tokens, any_tokens, openai_tokens

OPENAI, ANTHROPIC = "openai", "anthropic"


@dataclass(frozen=True)
class Surface:
    """One kind of request: where its input stands, what limits its output."""

    provider: str
    inputs: tuple[str, ...]
    limits: tuple[str, ...]
    tokens: Callable[[Any, str], Optional[Tokens]]  # of usage, and the provider
    meter: type[Meter]
    has_output: bool = True
    tells_usage_if_asked: bool = False  # of streams, by stream_options


_CHAT_INPUTS = ("messages", "tools", "functions", "response_format")

CHAT = Surface(
    OPENAI,
    _CHAT_INPUTS,
    ("max_completion_tokens", "max_tokens"),
    openai_tokens,
    Meter,
    tells_usage_if_asked=True,
)
COMPLETIONS = Surface(
    OPENAI,
    ("prompt", "suffix"),
    ("max_tokens",),
    openai_tokens,
    Meter,
    tells_usage_if_asked=True,
)
RESPONSES = Surface(
    OPENAI,
    ("input", "instructions", "tools", "text", "prompt"),
    ("max_output_tokens",),
    openai_tokens,
    ResponsesMeter,
)
EMBEDDINGS = Surface(OPENAI, ("input",), (), openai_tokens, Meter, has_output=False)
MESSAGES = Surface(
    ANTHROPIC,
    ("system", "messages", "tools"),
    ("max_tokens",),
    anthropic_tokens,
    MessagesMeter,
)
ANY = Surface(
    "",
    (*_CHAT_INPUTS, "system", "input", "instructions", "prompt", "contents"),
    ("max_completion_tokens", "max_tokens", "max_output_tokens"),
    any_tokens,
    Meter,
)

_OF_PATH = {
    "/chat/completions": CHAT,
    "/completions": COMPLETIONS,
    "/responses": RESPONSES,
    "/embeddings": EMBEDDINGS,
    "/v1/messages": MESSAGES,
}


def surface_of(path: str) -> Optional[Surface]:
    """Return the surface a client posts to; None: it costs no tokens, or not now."""
    return _OF_PATH.get(path.partition("?")[0])
