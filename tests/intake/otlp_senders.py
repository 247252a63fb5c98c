"""Spans as instrumentation libraries and agent frameworks write them."""

import json
from typing import Any, NamedTuple


class Told(NamedTuple):
    provider: str
    model: str
    input: int
    output: int
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0


USAGE, COUNT, VERCEL = "gen_ai.usage", "llm.token_count", "ai.usage"
NANO = "gpt-5-nano-2025-08-07"
SONNET = "claude-sonnet-4-5-20250929"

SENDERS: dict[str, tuple[dict[str, Any], Told]] = {
    "OpenTelemetry, the present conventions": (
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "gcp.gemini",
            "gen_ai.request.model": "gemini-2.5-pro",
            f"{USAGE}.input_tokens": 100,
            f"{USAGE}.output_tokens": 80,
            f"{USAGE}.cache_read.input_tokens": 60,
            f"{USAGE}.cache_write.input_tokens": 10,
            f"{USAGE}.reasoning.output_tokens": 50,
        },
        Told("google", "gemini-2.5-pro", 100, 80, 60, 10, 50),
    ),
    "OpenTelemetry, the first conventions": (
        {
            "gen_ai.system": "az.ai.openai",
            "gen_ai.response.model": "gpt-4o",
            f"{USAGE}.prompt_tokens": 7,
            f"{USAGE}.completion_tokens": 5,
        },
        Told("azure", "gpt-4o", 7, 5),
    ),
    "Vercel's SDK 5, OpenAI": (
        {
            "ai.operationId": "ai.streamText.doStream",
            "gen_ai.system": "openai.responses",
            "gen_ai.request.model": "gpt-5-nano",
            "gen_ai.response.model": NANO,
            f"{USAGE}.input_tokens": 3100,
            f"{USAGE}.output_tokens": 640,
            f"{VERCEL}.cachedInputTokens": 2900,
            f"{VERCEL}.reasoningTokens": 410,
        },
        Told("openai", NANO, 3100, 640, 2900, 0, 410),
    ),
    "Vercel's SDK 5, Anthropic: the input leaves out what the cache had": (
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "gen_ai.system": "anthropic.messages",
            "gen_ai.response.model": SONNET,
            f"{USAGE}.input_tokens": 3000,
            f"{USAGE}.output_tokens": 100,
            f"{VERCEL}.cachedInputTokens": 2000,
        },
        Told("anthropic", SONNET, 5000, 100, 2000),
    ),
    "Vercel's SDK 4, Anthropic, with what the provider said": (
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "gen_ai.system": "anthropic.messages",
            "gen_ai.response.model": SONNET,
            f"{USAGE}.input_tokens": 3000,
            f"{USAGE}.output_tokens": 100,
            "ai.response.providerMetadata": json.dumps(
                {
                    "anthropic": {
                        "usage": {
                            "input_tokens": 3000,
                            "output_tokens": 100,
                            "cache_read_input_tokens": 2000,
                            "cache_creation_input_tokens": 500,
                        }
                    }
                }
            ),
        },
        Told("anthropic", SONNET, 5500, 100, 2000, 500),
    ),
    "Vercel's SDK 6": (
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "gen_ai.system": "amazon-bedrock",
            "gen_ai.request.model": SONNET,
            f"{VERCEL}.inputTokens": 5000,
            f"{VERCEL}.outputTokens": 100,
            f"{VERCEL}.totalTokens": 5100,
            f"{VERCEL}.cachedInputTokens": 2000,
            f"{VERCEL}.inputTokenDetails.noCacheTokens": 2500,
            f"{VERCEL}.inputTokenDetails.cacheReadTokens": 2000,
            f"{VERCEL}.inputTokenDetails.cacheWriteTokens": 500,
            f"{VERCEL}.outputTokenDetails.reasoningTokens": 40,
        },
        Told("aws", SONNET, 5000, 100, 2000, 500, 40),
    ),
    "OpenInference": (
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "azure",
            "llm.system": "openai",
            "llm.model_name": "gpt-4o",
            f"{COUNT}.prompt": 100,
            f"{COUNT}.completion": 50,
            f"{COUNT}.total": 150,
            f"{COUNT}.prompt_details.cache_read": 60,
            f"{COUNT}.prompt_details.cache_write": 10,
            f"{COUNT}.completion_details.reasoning": 20,
        },
        Told("azure", "gpt-4o", 100, 50, 60, 10, 20),
    ),
    "OpenLLMetry": (
        {
            "llm.request.type": "chat",
            "gen_ai.system": "Anthropic",
            "gen_ai.request.model": SONNET,
            f"{USAGE}.input_tokens": 100,
            f"{USAGE}.output_tokens": 50,
            "llm.usage.total_tokens": 150,
            f"{USAGE}.cache_read_input_tokens": 60,
            f"{USAGE}.cache_creation_input_tokens": 10,
            "llm.usage.reasoning_tokens": 5,
        },
        Told("anthropic", SONNET, 100, 50, 60, 10, 5),
    ),
    "OpenLLMetry, before": (
        {
            "llm.request.type": "chat",
            "gen_ai.system": "OpenAI",
            "gen_ai.request.model": "gpt-4o",
            "llm.usage.prompt_tokens": 100,
            "llm.usage.completion_tokens": 50,
            "llm.usage.cache_read_input_tokens": 60,
        },
        Told("openai", "gpt-4o", 100, 50, 60),
    ),
    "LangChain by OpenLLMetry, which names itself": (
        {
            "gen_ai.system": "Langchain",
            "gen_ai.request.model": "gpt-4o",
            f"{USAGE}.input_tokens": 100,
            f"{USAGE}.output_tokens": 50,
        },
        Told("openai", "gpt-4o", 100, 50),
    ),
    "LangSmith": (
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "langchain",
            "gen_ai.request.model": SONNET,
            f"{USAGE}.input_tokens": 100,
            f"{USAGE}.output_tokens": 50,
            f"{USAGE}.total_tokens": 150,
            f"{USAGE}.input_token_details": '{"cache_read": 60, "cache_creation": 10}',
            f"{USAGE}.output_token_details": '{"reasoning": 20}',
        },
        Told("anthropic", SONNET, 100, 50, 60, 10, 20),
    ),
    "Pydantic AI": (
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "google-gla",
            "gen_ai.request.model": "gemini-2.5-flash",
            f"{USAGE}.input_tokens": 100,
            f"{USAGE}.output_tokens": 450,
            f"{USAGE}.details.cache_read_tokens": 60,
            f"{USAGE}.details.thoughts_tokens": 400,
        },
        Told("google", "gemini-2.5-flash", 100, 450, 60, 0, 400),
    ),
    "Sentry": (
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "openai",
            "gen_ai.response.model": "gpt-4o",
            f"{USAGE}.input_tokens": 100,
            f"{USAGE}.input_tokens.cached": 60,
            f"{USAGE}.input_tokens.cache_write": 10,
            f"{USAGE}.output_tokens": 50,
            f"{USAGE}.output_tokens.reasoning": 20,
            f"{USAGE}.total_tokens": 150,
        },
        Told("openai", "gpt-4o", 100, 50, 60, 10, 20),
    ),
    "Strands": (
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "strands-agents",
            "gen_ai.request.model": f"us.anthropic.{SONNET}-v1:0",
            f"{USAGE}.prompt_tokens": 100,
            f"{USAGE}.input_tokens": 100,
            f"{USAGE}.completion_tokens": 50,
            f"{USAGE}.output_tokens": 50,
            f"{USAGE}.total_tokens": 220,
            f"{USAGE}.cache_read_input_tokens": 60,
            f"{USAGE}.cache_write_input_tokens": 10,
        },
        Told("aws", f"us.anthropic.{SONNET}-v1:0", 170, 50, 60, 10),
    ),
    "Google's Agent Development Kit: the output leaves out the thoughts": (
        {
            "gen_ai.system": "gcp.vertex.agent",
            "gen_ai.request.model": "gemini-2.5-flash",
            f"{USAGE}.input_tokens": 50,
            f"{USAGE}.output_tokens": 50,
            f"{USAGE}.experimental.reasoning_tokens": 10,
        },
        Told("google", "gemini-2.5-flash", 50, 60, 0, 0, 10),
    ),
    "Google's Agent Development Kit, by the answer it keeps": (
        {
            "gen_ai.system": "gcp.vertex.agent",
            "gen_ai.request.model": "gemini-2.5-flash",
            f"{USAGE}.input_tokens": 100,
            f"{USAGE}.output_tokens": 50,
            "gcp.vertex.agent.llm_response": json.dumps(
                {
                    "usage_metadata": {
                        "prompt_token_count": 100,
                        "cached_content_token_count": 60,
                        "candidates_token_count": 50,
                        "thoughts_token_count": 20,
                        "total_token_count": 170,
                    }
                }
            ),
        },
        Told("google", "gemini-2.5-flash", 100, 70, 60, 0, 20),
    ),
    "OpenLIT": (
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "mistral_ai",
            "gen_ai.request.model": "mistral-large-latest",
            f"{USAGE}.input_tokens": 100,
            f"{USAGE}.output_tokens": 50,
            f"{USAGE}.prompt_tokens_details.cache_read": 60,
            f"{USAGE}.prompt_tokens_details.cache_write": 10,
            f"{USAGE}.completion_tokens_details.reasoning": 20,
        },
        Told("mistral", "mistral-large-latest", 100, 50, 60, 10, 20),
    ),
    "Langfuse": (
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": "gpt-4o",
            "langfuse.observation.usage_details": json.dumps(
                {
                    "input": 40,
                    "input_cached_tokens": 60,
                    "output": 30,
                    "output_reasoning_tokens": 20,
                    "total": 150,
                }
            ),
        },
        Told("openai", "gpt-4o", 100, 50, 60, 0, 20),
    ),
    "Haystack by Langfuse": (
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": "gpt-4o-mini",
            "langfuse.observation.usage_details": '{"input_tokens": 9, '
            '"output_tokens": 4, "total_tokens": 13}',
        },
        Told("openai", "gpt-4o-mini", 9, 4),
    ),
    "MLflow": (
        {
            "mlflow.spanType": '"CHAT_MODEL"',
            "mlflow.llm.model": '"gpt-4o"',
            "mlflow.llm.provider": '"openai"',
            "mlflow.chat.tokenUsage": json.dumps(
                {
                    "input_tokens": 100,
                    "output_tokens": 50,
                    "total_tokens": 150,
                    "cache_read_input_tokens": 60,
                }
            ),
        },
        Told("openai", "gpt-4o", 100, 50, 60),
    ),
    "LiteLLM, which writes its usage as Python does": (
        {
            "gen_ai.operation.name": "acompletion",
            "llm.request.type": "acompletion",
            "gen_ai.system": "xai",
            "gen_ai.request.model": "grok-3-mini",
            f"{USAGE}.input_tokens": 40,
            f"{USAGE}.output_tokens": 3,
            f"{USAGE}.total_tokens": 263,
            "metadata.usage_object": "{'completion_tokens': 3, 'prompt_tokens': 40, "
            "'total_tokens': 263, 'completion_tokens_details': {'reasoning_tokens': "
            "220}, 'prompt_tokens_details': {'cached_tokens': 8}}",
        },
        Told("x-ai", "grok-3-mini", 40, 223, 8, 0, 220),
    ),
    "Semantic Kernel": (
        {
            "gen_ai.operation.name": "chat.completions",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o",
            f"{USAGE}.input_tokens": 7,
            f"{USAGE}.output_tokens": 5,
        },
        Told("openai", "gpt-4o", 7, 5),
    ),
    "Agent Framework": (
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "unknown",
            "gen_ai.request.model": "gpt-4o",
            f"{USAGE}.input_tokens": 100,
            f"{USAGE}.output_tokens": 50,
            f"{USAGE}.cache_read.input_tokens": 60,
            f"{USAGE}.cache_creation.input_tokens": 10,
        },
        Told("openai", "gpt-4o", 100, 50, 60, 10),
    ),
    "CrewAI by OpenInference": (
        {
            "openinference.span.kind": "LLM",
            "llm.system": "crewai",
            "llm.model_name": "openai/gpt-4o",
            f"{COUNT}.prompt": 7,
            f"{COUNT}.completion": 5,
        },
        Told("openai", "openai/gpt-4o", 7, 5),
    ),
}
