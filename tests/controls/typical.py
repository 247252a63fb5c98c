"""A typical set of rules, in the words that front ends write them in."""

from typing import Any

RULES: list[dict[str, Any]] = [
    {
        "trigger": "budget_percentage >= 0.9",
        "action": "model_downgrade",
        "config": {
            "downgrades": {
                "gpt-4": "gpt-3.5-turbo",
                "claude-3-opus": "claude-3-sonnet",
            }
        },
        "notify": True,
    },
    {
        "trigger": 'environment == "development"',
        "action": "model_blocklist",
        "config": {
            "blockedModels": ["gpt-4", "claude-3-opus"],
            "allowedModels": ["gpt-3.5-turbo", "claude-3-haiku"],
        },
    },
    {
        "trigger": "budget_percentage >= 0.95",
        "action": "rate_limit",
        "config": {"maxRequestsPerMinute": 10, "maxCostPerHour": 50},
    },
    {
        "trigger": "budget_percentage >= 1.0",
        "action": "block",
        "config": {
            "message": "Monthly budget exceeded. Contact finance team.",
            "exemptUsers": ["admin@company.com"],
        },
    },
]
