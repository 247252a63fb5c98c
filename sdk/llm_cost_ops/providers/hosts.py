"""Who answers at an address: many speak OpenAI's protocol, at prices of their own."""

from __future__ import annotations

from typing import Any, Optional

# The ends of host names, and the provider whose prices hold there.
_HOSTS = {
    "amazonaws.com": "aws",
    "aiplatform.googleapis.com": "google",
    "aliyuncs.com": "alibaba",
    "api.anthropic.com": "anthropic",
    "api.cerebras.ai": "cerebras",
    "api.cohere.ai": "cohere",
    "api.cohere.com": "cohere",
    "api.deepseek.com": "deepseek",
    "api.fireworks.ai": "fireworks",
    "api.groq.com": "groq",
    "api.minimax.io": "minimax",
    "api.mistral.ai": "mistral",
    "api.moonshot.ai": "moonshotai",
    "api.moonshot.cn": "moonshotai",
    "api.novita.ai": "novita",
    "api.openai.com": "openai",
    "api.perplexity.ai": "perplexity",
    "api.together.ai": "together",
    "api.together.xyz": "together",
    "api.x.ai": "x-ai",
    "api.z.ai": "zai",
    "bigmodel.cn": "zhipuai",
    "generativelanguage.googleapis.com": "google",
    "openai.azure.com": "azure",
    "openrouter.ai": "openrouter",
    "services.ai.azure.com": "azure",
}


def provider_at(client: Any) -> Optional[str]:
    """Return the provider that a client of openai's or anthropic's talks to."""
    host = str(getattr(getattr(client, "base_url", None), "host", "") or "").lower()
    while host:
        if known := _HOSTS.get(host):
            return known
        host = host.partition(".")[2]
    return None
