"""The names of GenAI attributes: OpenTelemetry's, present and past, and others' own.

https://github.com/open-telemetry/semantic-conventions-genai
"""

from enum import StrEnum

# The first name that a span has counts: the present one, then older and others'
# (OpenLLMetry, Sentry, Pydantic AI).
INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
OUTPUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
CACHED = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.input_tokens.cached",
    "gen_ai.usage.details.cache_read_input_tokens",
    "gen_ai.usage.details.cache_read_tokens",
    "gen_ai.usage.details.cached_tokens",
)
CACHE_WRITE = (
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.input_tokens.cache_write",
    "gen_ai.usage.details.cache_creation_input_tokens",
    "gen_ai.usage.details.cache_write_tokens",
)
REASONING = (
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.output_tokens.reasoning",
    "gen_ai.usage.reasoning_tokens",
    "gen_ai.usage.details.reasoning_tokens",
)
TOTAL = ("gen_ai.usage.total_tokens", "llm.usage.total_tokens")
COST = "gen_ai.usage.cost.amount"
COST_CURRENCY = "gen_ai.usage.cost.currency"
COST_SOURCE = "gen_ai.usage.cost.source"
OPERATION = "gen_ai.operation.name"
RESPONSE_ID = "gen_ai.response.id"
PROVIDER = ("gen_ai.provider.name", "gen_ai.system")
MODEL = ("gen_ai.response.model", "gen_ai.request.model")
SERVICE_TIER = (
    "openai.response.service_tier",
    "gen_ai.openai.response.service_tier",
    "openai.request.service_tier",
    "gen_ai.openai.request.service_tier",
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
# OpenTelemetry's names of providers, where the price catalogue has others: so that a
# provider is one in every report, whichever door its usage came in by.
PROVIDERS = {
    "aws.bedrock": "aws",
    "aws_bedrock": "aws",
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp": "google",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "vertex_ai": "google",
    "x_ai": "x-ai",
    "xai": "x-ai",
}


class Kind(StrEnum):
    """How far a span's usage can be trusted to be its own."""

    INFERENCE = "inference"
    EMBEDDINGS = "embeddings"
    AGENT = "agent"  # usually repeats what the spans below it used


FETCH = "fetch_response"  # reads a response that was billed when it was made
KINDS = {
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
AGENT_NAMES = ("gen_ai.agent.name", "agent_name")
