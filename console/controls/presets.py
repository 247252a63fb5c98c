"""Rules to start from, each to be adapted."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from controls.types import ControlAction


@dataclass(frozen=True, slots=True)
class Preset:
    """A rule as it is often wanted."""

    title: str
    action: ControlAction
    trigger: str
    config: Mapping[str, Any]
    notify: bool = False

    @property
    def given(self) -> dict[str, Any]:
        """Return it as `configure` takes it."""
        return {
            "trigger": self.trigger,
            "action": self.action.value,
            "config": dict(self.config),
            "notify": self.notify,
        }


PRESETS: Mapping[str, Preset] = {
    "downgrade": Preset(
        "Cheaper models from 90 %",
        ControlAction.MODEL_DOWNGRADE,
        "budget_percentage >= 0.9",
        {
            "downgrades": {
                "gpt-4": "gpt-3.5-turbo",
                "claude-3-opus": "claude-3-sonnet",
            }
        },
        notify=True,
    ),
    "development": Preset(
        "Only cheap models in development",
        ControlAction.MODEL_BLOCKLIST,
        'environment == "development"',
        {
            "blocked_models": ["gpt-4", "claude-3-opus"],
            "allowed_models": ["gpt-3.5-turbo", "claude-3-haiku"],
        },
    ),
    "rate": Preset(
        "Slower from 95 %",
        ControlAction.RATE_LIMIT,
        "budget_percentage >= 0.95",
        {"max_requests_per_minute": 10, "max_cost_per_hour": "50.0000000000"},
    ),
    "stop": Preset(
        "A hard stop at 100 %",
        ControlAction.BLOCK,
        "budget_percentage >= 1.0",
        {
            "message": "Monthly budget exceeded. Contact finance team.",
            "exempt_users": ["admin@company.com"],
        },
    ),
}


def missing_presets(known: Collection[tuple[str, str]]) -> dict[str, Preset]:
    """Return those that repeat no rule; *known* has an action and a trigger of each."""
    return {
        key: preset
        for key, preset in PRESETS.items()
        if (preset.action.value, preset.trigger) not in known
    }
