"""LangChain within budgets: a callback handler asks before a model is called.

pip install llm-cost-ops langchain-openai
LCOPS_API_KEY=... LCOPS_ENDPOINT=... OPENAI_API_KEY=... python langchain_app.py
"""

from __future__ import annotations

import sys
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from llm_cost_ops import BudgetExceededError, CostTracker, Tokens
from llm_cost_ops.flights import Flight


class CostOpsHandler(BaseCallbackHandler):
    """Asks CostOps before each call of a chat model, and reports what it used."""

    raise_error = True  # so that a refusal stops the call
    run_inline = True

    def __init__(self, tracker: CostTracker, provider: str) -> None:
        self._tracker = tracker
        self._provider = provider
        self._open: dict[UUID, Flight] = {}

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        params = kwargs.get("invocation_params") or {}
        told = metadata or {}
        request = {
            "model": params.get("model") or told.get("ls_model_name") or "unknown",
            "max_tokens": params.get("max_tokens") or told.get("ls_max_tokens"),
            "messages": [str(each.content) for each in messages[0]],
        }
        flight = self._tracker.plan(self._provider, request)
        flight.depart()  # raises BudgetExceededError; a callback can't change the model
        self._open[run_id] = flight

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        flight = self._open.pop(run_id, None)
        if flight is not None:
            flight.arrive(_tokens(response))

    def on_llm_error(
        self, error: BaseException, *, run_id: UUID, **kwargs: Any
    ) -> None:
        flight = self._open.pop(run_id, None)
        if flight is not None:
            flight.cancel()


def _tokens(response: LLMResult) -> Tokens | None:
    generation = response.generations[0][0]
    if not isinstance(generation, ChatGeneration):
        return None
    usage = getattr(generation.message, "usage_metadata", None)
    if usage is None:
        return None
    of_input = usage.get("input_token_details") or {}
    of_output = usage.get("output_token_details") or {}
    short = of_input.get("ephemeral_5m_input_tokens") or 0
    long = of_input.get("ephemeral_1h_input_tokens") or 0
    return Tokens(
        usage["input_tokens"],
        usage["output_tokens"],
        cached=of_input.get("cache_read") or 0,
        cache_write=max(of_input.get("cache_creation") or 0, short + long),
        reasoning=of_output.get("reasoning") or 0,
        quantities={"cache_write_1h_tokens": long} if long else None,
    )


def main() -> None:
    from langchain_openai import ChatOpenAI

    with CostTracker() as tracker:
        handler = CostOpsHandler(tracker, provider="openai")
        model = ChatOpenAI(model="gpt-4o-mini", max_tokens=200, callbacks=[handler])
        try:
            print(model.invoke("Say hello.").content)
        except BudgetExceededError as refusal:
            sys.exit(f"Budget exceeded: {refusal}")


if __name__ == "__main__":
    main()
