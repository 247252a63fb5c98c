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

_LAST = frozenset({"response.completed", "response.incomplete", "response.failed"})


class Meter:
    """Sees every event of one stream. This one is of chats as OpenAI streams them."""

    def __init__(self) -> None:
        self.told: Optional[Tokens] = None
        self.is_whole = False  # what was told is all
        self.model: Optional[str] = None
        self.service_tier: Optional[str] = None
        self._bytes = 0
        self._pieces = 0

    def see(self, event: Any) -> None:
        if part(event, "service_tier"):
            self.service_tier = part(event, "service_tier")
        self.model = part(event, "model") or self.model
        if (usage := part(event, "usage")) is not None:
            self.told, self.is_whole = any_tokens(usage), True
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
        self.service_tier = part(answer, "service_tier") or self.service_tier
        if kind in _LAST and part(answer, "usage") is not None:
            self.told, self.is_whole = openai_tokens(part(answer, "usage")), True


class MessagesMeter(Meter):
    """Of Anthropic's messages: input at the start, output so far with every delta."""

    def see(self, event: Any) -> None:
        kind = part(event, "type")
        if kind == "message_start":
            message = part(event, "message")
            self.model = part(message, "model")
            self.told = anthropic_tokens(part(message, "usage"))
        elif kind == "message_delta":
            self._see_total(part(event, "usage"))
        elif kind == "content_block_delta":
            delta = part(event, "delta")
            for name in ("text", "partial_json", "thinking"):
                self.add(part(delta, name))

    def _see_total(self, usage: Any) -> None:
        """Take the totals so far; input is told again only where it has changed."""
        now, before = anthropic_tokens(usage), self.told
        if now is None:
            return
        self.is_whole = True
        if now.input or before is None:
            self.told = now
        else:
            self.told = Tokens(
                before.input,
                now.output,
                cached=before.cached,
                cache_write=before.cache_write,
                reasoning=now.reasoning,
            )
