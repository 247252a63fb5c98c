"""Which spans are calls of a model, by the words of conventions and of frameworks."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from intake.otlp.names import OPERATION


class Kind(StrEnum):
    """How far a span's usage can be trusted to be its own."""

    INFERENCE = "inference"
    EMBEDDINGS = "embeddings"
    AGENT = "agent"  # usually repeats what the spans below it used


FETCH = "fetch_response"  # reads a response that was billed when it was made
# OpenTelemetry's own operations, which also stand in the names of spans.
OPERATIONS = {
    "chat": Kind.INFERENCE,
    "generate_content": Kind.INFERENCE,
    "text_completion": Kind.INFERENCE,
    "embeddings": Kind.EMBEDDINGS,
    "retrieval": Kind.EMBEDDINGS,
    "invoke_agent": Kind.AGENT,
    "invoke_workflow": Kind.AGENT,
    "create_agent": Kind.AGENT,
    "plan": Kind.AGENT,
    "execute_tool": Kind.AGENT,
}
_KINDS = {
    Kind.INFERENCE: "chat_model completion generate generation llm model prompt rerank"
    " reranker",
    Kind.EMBEDDINGS: "aembedding embed embedder embedding",
    Kind.AGENT: "agent agent_step chain evaluator event guardrail handoff memory parser"
    " retriever span task tool workflow",
}
KINDS = OPERATIONS | {
    word: kind for kind, words in _KINDS.items() for word in words.split()
}
# Vercel's SDK: the calls themselves end so; what is around them sums them up.
_VERCEL = {
    "ai.generateText": Kind.AGENT,
    "ai.streamText": Kind.AGENT,
    "ai.generateObject": Kind.AGENT,
    "ai.streamObject": Kind.AGENT,
    "ai.toolCall": Kind.AGENT,
    "ai.embed": Kind.EMBEDDINGS,
    "ai.embedMany": Kind.EMBEDDINGS,
    "ai.rerank": Kind.AGENT,
}
_VERCEL_CALLS = {
    ".doGenerate": Kind.INFERENCE,
    ".doStream": Kind.INFERENCE,
    ".doEmbed": Kind.EMBEDDINGS,
    ".doRerank": Kind.INFERENCE,
}
VERCEL_OPERATION = "ai.operationId"
# Where others say what a span is.
_SAID = (
    "openinference.span.kind",
    "llm.request.type",
    "traceloop.span.kind",
    "langfuse.observation.type",
    "langsmith.span.kind",
    "mlflow.spanType",
    "genkit:metadata:subtype",
)
_AGENT_NAMES = ("gen_ai.agent.name", "agent_name", "agent.name")


def kind_of(attributes: Mapping[str, Any], name: str) -> tuple[Kind | None, bool]:
    """Return the kind, None for what is never billed, and whether the span says it.

    One without an operation may have it in its name, "chat gpt-4o"; or it names an
    agent, as those did that came before the conventions.
    """
    named = _word(attributes.get(OPERATION))
    if named:
        if named == FETCH:
            return None, True
        return KINDS.get(named, Kind.INFERENCE), True
    if said := _said_by_others(attributes):
        return said, True
    operation = name.partition(" ")[0]
    if operation == FETCH:
        return None, True
    known = OPERATIONS.get(operation)
    if known is None and any(_word(attributes.get(each)) for each in _AGENT_NAMES):
        return Kind.AGENT, False
    return known or Kind.INFERENCE, known is not None


def _said_by_others(attributes: Mapping[str, Any]) -> Kind | None:
    operation = attributes.get(VERCEL_OPERATION)
    if isinstance(operation, str) and operation.startswith("ai."):
        ending = operation[operation.rindex(".") :]
        return _VERCEL.get(operation) or _VERCEL_CALLS.get(ending)
    for name in _SAID:
        if known := KINDS.get(_word(attributes.get(name))):
            return known
    return None


def _word(value: Any) -> str:
    """Return a text in small letters, without the quotes of JSON that MLflow adds."""
    return value.strip().strip('"').lower() if isinstance(value, str) else ""
