"""What a stream has used so far: as the provider tells it, else as best known."""

from __future__ import annotations

from typing import Any, Optional

from llm_cost_ops.calls import Tokens
from llm_cost_ops.providers.estimates import likely_output, size
from llm_cost_ops.providers.usage import (
    anthropic_tokens,
    any_tokens,
    openai_tokens,
    part,
)

_OF_MESSAGES = (
    "input_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
    "output_tokens",
    "output_tokens_details",
    "server_tool_use",
    "iterations",
)
_LAST = frozenset({"response.completed", "response.incomplete", "response.failed"})


class Meter:
    """Sees every event of one stream. This one is of chats as OpenAI streams them."""

    def __init__(self, provider: str = "") -> None:
        self.provider = provider
        self.told: Optional[Tokens] = None
        self.is_whole = False  # what was told is all
        self.model: Optional[str] = None
        self.response_id: Any = None
        self.service_tier: Optional[str] = None
        self._bytes = 0
        self._pieces = 0

    def see(self, event: Any) -> None:
        if part(event, "service_tier"):
            self.service_tier = part(event, "service_tier")
        self.model = part(event, "model") or self.model
        self.response_id = part(event, "id") or self.response_id
        if (usage := _usage_in(event)) is not None:
            self.told, self.is_whole = any_tokens(usage, self.provider), True
        for choice in part(event, "choices") or ():
            self._see_delta(part(choice, "delta") or part(choice, "text"))

    def _see_delta(self, delta: Any) -> None:
        if isinstance(delta, str):
            self.add(delta)
            return
        for name in ("content", "reasoning_content", "refusal"):
            self.add(part(delta, name))
        for call in part(delta, "tool_calls") or ():
            self.add(part(part(call, "function"), "arguments"))

    def add(self, text: Any) -> None:
        """Count a piece of output."""
        if isinstance(text, str) and text:
            self._bytes += size(text)
            self._pieces += 1

    def used(self, likely_input: int) -> Tokens:
        """Return what the stream has used, even if it was closed early."""
        if self.told is not None and self.is_whole:
            return self.told
        output = likely_output(self._bytes, self._pieces)
        told = self.told
        if told is None:
            return Tokens(likely_input, output)
        return Tokens(
            told.input,
            max(told.output, output),
            cached=told.cached,
            cache_write=told.cache_write,
            reasoning=told.reasoning,
            quantities=told.quantities,
            cost=told.cost,
            doubt=told.doubt,
        )

    def is_only_usage(self, event: Any) -> bool:
        """Tell that an event has nothing but the usage, which was asked for here."""
        return part(event, "usage") is not None and not part(event, "choices")


class ResponsesMeter(Meter):
    """Of OpenAI's responses, whose last event has the usage."""

    def see(self, event: Any) -> None:
        kind = str(part(event, "type") or "")
        if kind.endswith(".delta"):
            self.add(part(event, "delta"))
        answer = part(event, "response")
        if answer is None:
            return
        self.model = part(answer, "model") or self.model
        self.response_id = part(answer, "id") or self.response_id
        self.service_tier = part(answer, "service_tier") or self.service_tier
        if kind in _LAST and part(answer, "usage") is not None:
            usage = part(answer, "usage")
            self.told, self.is_whole = openai_tokens(usage, self.provider), True


class MessagesMeter(Meter):
    """Of Anthropic's messages: input at the start, output so far with every delta.

    A delta tells sums again that have changed, and leaves out what it does not know.
    """

    def __init__(self, provider: str = "") -> None:
        super().__init__(provider)
        self._usage: dict[str, Any] = {}

    def see(self, event: Any) -> None:
        kind = part(event, "type")
        if kind == "message_start":
            message = part(event, "message")
            self.model = part(message, "model")
            self.response_id = part(message, "id")
            self._take(part(message, "usage"))
        elif kind == "message_delta":
            self.is_whole = self._take(part(event, "usage")) or self.is_whole
        elif kind == "content_block_delta":
            delta = part(event, "delta")
            for name in ("text", "partial_json", "thinking"):
                self.add(part(delta, name))

    def _take(self, usage: Any) -> bool:
        """Take what *usage* tells; False: it tells nothing."""
        if usage is None:
            return False
        told = {name: part(usage, name) for name in _OF_MESSAGES}
        self._usage |= {name: now for name, now in told.items() if now is not None}
        self.told = anthropic_tokens(self._usage, self.provider)
        return True


def _usage_in(event: Any) -> Any:
    """Return the usage in an event of a chat; Groq puts it elsewhere, unless asked."""
    usage = part(event, "usage")
    return part(part(event, "x_groq"), "usage") if usage is None else usage
