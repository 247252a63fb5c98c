"""The names of GenAI attributes: OpenTelemetry's, present and past, and others' own.

https://github.com/open-telemetry/semantic-conventions-genai
Which library writes which of them stands in docs/otlp.md.
"""

_USAGE = "gen_ai.usage"
_OPEN_INFERENCE = "llm.token_count"
_VERCEL = "ai.usage"


def _each(prefix: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{name}" for name in names)


# The first name that a span has counts: the present one, then older and others'.
INPUT = (
    *_each(_USAGE, "input_tokens", "prompt_tokens"),
    f"{_OPEN_INFERENCE}.prompt",
    "llm.usage.prompt_tokens",
    "gen_ai.response.prompt_tokens",
    *_each(_VERCEL, "inputTokens", "promptTokens", "tokens"),
)
OUTPUT = (
    *_each(_USAGE, "output_tokens", "completion_tokens"),
    f"{_OPEN_INFERENCE}.completion",
    "llm.usage.completion_tokens",
    "gen_ai.response.completion_tokens",
    *_each(_VERCEL, "outputTokens", "completionTokens"),
)
CACHED = (
    *_each(
        _USAGE,
        "cache_read.input_tokens",
        "cache_read_input_tokens",
        "cache.read_input_tokens",
        "cache_read_tokens",
        "cached_input_tokens",
        "cached_tokens",
        "input_cached_tokens",
        "input_tokens.cached",
        "input_tokens_details.cached_tokens",
        "prompt_tokens_details.cached_tokens",
        "prompt_tokens_details.cache_read",
        "experimental.cached_tokens",
        "details.cache_read_input_tokens",
        "details.cache_read_tokens",
        "details.cached_tokens",
    ),
    f"{_OPEN_INFERENCE}.prompt_details.cache_read",
    f"{_OPEN_INFERENCE}.prompt_details.cache_input",
    "llm.usage.cache_read_input_tokens",
    *_each(_VERCEL, "inputTokenDetails.cacheReadTokens", "cachedInputTokens"),
)
CACHE_WRITE = (
    *_each(
        _USAGE,
        "cache_write.input_tokens",
        "cache_creation.input_tokens",
        "cache_creation_input_tokens",
        "cache_write_input_tokens",
        "cache.creation_input_tokens",
        "cache_creation_tokens",
        "cache_write_tokens",
        "input_cache_creation",
        "input_tokens.cache_write",
        "prompt_tokens_details.cache_write",
        "prompt_tokens_details.cache_creation_tokens",
        "details.cache_creation_input_tokens",
        "details.cache_write_tokens",
    ),
    f"{_OPEN_INFERENCE}.prompt_details.cache_write",
    "llm.usage.cache_creation_input_tokens",
    *_each(_VERCEL, "inputTokenDetails.cacheWriteTokens", "cacheCreationInputTokens"),
)
# Kinds with prices of their own; parts of the tokens above, but for the searches.
QUANTITIES = {
    "cache_write_5m_tokens": (
        *_each(
            _USAGE,
            "cache_creation.ephemeral_5m_input_tokens",
            "cache_creation_ephemeral_5m_input_tokens",
            "details.ephemeral_5m_input_tokens",
            "input_cache_creation_5m",
        ),
    ),
    "cache_write_1h_tokens": (
        *_each(
            _USAGE,
            "cache_creation.ephemeral_1h_input_tokens",
            "cache_creation_ephemeral_1h_input_tokens",
            "details.ephemeral_1h_input_tokens",
            "input_cache_creation_1h",
        ),
    ),
    "audio_input_tokens": (
        *_each(_USAGE, "audio.input_tokens", "details.input_audio_tokens"),
        f"{_OPEN_INFERENCE}.prompt_details.audio",
    ),
    "audio_cached_tokens": _each(
        _USAGE, "audio.cache_read.input_tokens", "details.cache_audio_read_tokens"
    ),
    "audio_output_tokens": (
        *_each(
            _USAGE,
            "audio.output_tokens",
            "details.output_audio_tokens",
            "completion_tokens_details.audio",
            "completion_tokens_details.audio_tokens",
        ),
        f"{_OPEN_INFERENCE}.completion_details.audio",
    ),
    **{
        f"{kind}_{ours}_tokens": _each(_USAGE, f"{kind}.{theirs}")
        for kind in ("image", "video")
        for ours, theirs in (
            ("input", "input_tokens"),
            ("cached", "cache_read.input_tokens"),
            ("output", "output_tokens"),
        )
    },
    "searches": _each(
        _USAGE, "details.web_search_requests", "server_tool_use.web_search_requests"
    ),
}
# Said to CostOps by name, any kind: costops.quantities.images.
QUANTITY = "costops.quantities."
REASONING_APART = f"{_USAGE}.experimental.reasoning_tokens"  # Gemini's, by its name
REASONING = (
    *_each(
        _USAGE,
        "reasoning.output_tokens",
        "output_tokens.reasoning",
        "reasoning_tokens",
        "reasoning_output_tokens",
        "output_tokens_details.reasoning_tokens",
        "completion_tokens_details.reasoning_tokens",
        "completion_tokens_details.reasoning",
        "details.reasoning_tokens",
        "details.thoughts_tokens",
        "details.thinking_tokens",
    ),
    f"{_OPEN_INFERENCE}.completion_details.reasoning",
    "llm.usage.reasoning_tokens",
    *_each(_VERCEL, "outputTokenDetails.reasoningTokens", "reasoningTokens"),
    REASONING_APART,
)
TOTAL = (
    f"{_USAGE}.total_tokens",
    f"{_OPEN_INFERENCE}.total",
    "llm.usage.total_tokens",
    f"{_VERCEL}.totalTokens",
)
# Vercel's SDK has this one where its input holds the cached tokens, whoever made them.
VERCEL_NOT_CACHED = f"{_VERCEL}.inputTokenDetails.noCacheTokens"
VERCEL_CACHED = f"{_VERCEL}.cachedInputTokens"
COST = "gen_ai.usage.cost.amount"
COST_CURRENCY = "gen_ai.usage.cost.currency"
COST_SOURCE = "gen_ai.usage.cost.source"
OPERATION = "gen_ai.operation.name"
RESPONSE_ID = "gen_ai.response.id"
RESPONSE_IDS = (RESPONSE_ID, "ai.response.id", "llm.response.id")
PROVIDER = (
    "gen_ai.provider.name",
    "gen_ai.system",
    "llm.provider",
    "llm.system",
    "ai.model.provider",
    "mlflow.llm.provider",
)
# Said as the provider by frameworks that do not know or name themselves.
NO_PROVIDERS = frozenset(
    {
        "_other",
        "ag2",
        "autogen",
        "crewai",
        "dynamiq",
        "haystack",
        "langchain",
        "langgraph",
        "langsmith",
        "llama_index",
        "llamaindex",
        "microsoft.agent_framework",
        "n/a",
        "none",
        "other",
        "pydantic-ai",
        "smolagents",
        "strands",
        "strands-agents",
        "strands_agents",
        "undefined",
        "unknown",
    }
)
MODEL = (
    "gen_ai.response.model",
    "gen_ai.request.model",
    "llm.response.model_name",
    "llm.response.model",
    "llm.model_name",
    "llm.request.model_name",
    "llm.request.model",
    "ai.response.model",
    "ai.model.id",
    "langfuse.observation.model.name",
    "mlflow.llm.model",
    "embedding.model_name",
)
SERVICE_TIER = (
    "openai.response.service_tier",
    "gen_ai.openai.response.service_tier",
    "gen_ai.response.service_tier",
    "openai.request.service_tier",
    "gen_ai.openai.request.service_tier",
    "gen_ai.request.service_tier",
)
SERVICE = "service.name"
# Where a field of the usage record is looked for, each name in the span's own
# attributes before the resource's: what is said to CostOps by name wins.
DIMENSIONS = {
    "organization_id": ("costops.organization_id",),
    "department_id": ("costops.department_id",),
    "team_id": ("costops.team_id",),
    "project_id": ("costops.project_id", "project.id", SERVICE),
    "environment": (
        "costops.environment",
        "deployment.environment.name",
        "deployment.environment",
    ),
    "user_id": ("costops.user_id", "enduser.id", "user.id"),
    "authorization_id": ("costops.authorization_id",),
}
TAGS = "costops.tags"
METADATA = (
    OPERATION,
    "gen_ai.provider.name",
    "gen_ai.system",
    "gen_ai.request.model",
    RESPONSE_ID,
    "gen_ai.response.finish_reasons",
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.conversation.id",
    "gen_ai.agent.id",
    "gen_ai.agent.name",
    "gen_ai.agent.version",
    "gen_ai.workflow.name",
    "gen_ai.prompt.name",
    "gen_ai.prompt.version",
    "gen_ai.request.max_tokens",
    "gen_ai.request.stream",
    "gen_ai.request.reasoning.level",
    COST,
    COST_CURRENCY,
    COST_SOURCE,
    "error.type",
    "server.address",
    "server.port",
    *(
        f"gen_ai.usage.{kind}.{direction}_tokens"
        for kind in ("text", "audio", "image", "video")
        for direction in ("input", "output", "cache_read.input")
    ),
)
