"""Rules, kill switches and dry runs as they come in over the wire."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from accounts.api.fields import NamesField, ReasonField
from budgets.models import Enforcement
from controls.downgrades import Downgrades, leads_back
from controls.expressions import read
from controls.types import ControlAction
from ledger.identity import model_named
from ledger.patterns import pattern_of
from lib.errors import Refusal
from lib.money import wire
from lib.query_params import is_day
from lib.rules.expressions import LONGEST
from lib.wirefields import ChoiceField, MomentField, Plain, WireAmountField

MOST = 50  # rules of a budget
_DAY = timedelta(days=1)
_MOST_NAMES = 200  # models or users in a list
_MOST_REQUESTS = 10**9  # a minute


class ModelField(serializers.CharField):
    """A model's name; where it stands for several, with * at its end."""

    def __init__(self, *, is_pattern: bool = True, **kwargs: Any) -> None:
        super().__init__(max_length=200, **kwargs)
        self.is_pattern = is_pattern

    def to_internal_value(self, data: Any) -> str:
        name: str = super().to_internal_value(data)
        if "*" in name[:-1] or (name.endswith("*") and not self.is_pattern):
            detail = "A * may stand at the end only, of a name that is looked for."
            raise serializers.ValidationError(detail)
        return name


def _names(child: serializers.Field[Any, Any, Any, Any]) -> NamesField:
    return NamesField(child=child, required=False, max_length=_MOST_NAMES)


class ModelMapField(serializers.DictField):
    """Models, and what is used instead of them."""

    child = ModelField(is_pattern=False)

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        if not found:
            raise serializers.ValidationError("Name a model and a cheaper one.")
        if len(found) > _MOST_NAMES:
            raise serializers.ValidationError(f"At most {_MOST_NAMES} models.")
        names = [ModelField().run_validation(name) for name in found]
        pairs = dict(zip(names, found.values(), strict=True))
        for problem in (_said_twice(pairs), _circle(pairs)):
            if problem:
                detail = f"{problem}. Leave one of them out."
                raise serializers.ValidationError(detail)
        return pairs


def _said_twice(pairs: Mapping[str, str]) -> str:
    """Say which two names are one, with different models to use instead; "": none."""
    known: dict[tuple[str, ...], str] = {}
    for name, instead in pairs.items():
        pattern = pattern_of(name)
        meaning = pattern.model, pattern.version, pattern.stem or ""
        other = known.setdefault(meaning, name)
        if model_named(pairs[other]) != model_named(instead):
            return f"{other} and {name} are the same model"
    return ""


def _circle(pairs: Mapping[str, str]) -> str:
    """Say how downgrades lead in a circle, whatever the spelling; "": none does."""
    downgrades = Downgrades(pairs)
    for name, first in pairs.items():
        chain, seen = [name], [model_named(name)]
        instead: str | None = first
        while instead is not None and not leads_back(model_named(instead), seen):
            chain.append(instead)
            seen.append(model_named(instead))
            instead = downgrades.instead_of(seen[-1])
        if instead is not None:
            return f"Leads in a circle: {' -> '.join([*chain, instead])}"
    return ""


class Config(Plain):
    """What any action may be told; alone, what one that only notifies may be."""

    exempt_users = _names(serializers.CharField(max_length=320))
    needs_approval = serializers.BooleanField(required=False)


class BlockConfig(Config):
    """What callers are told when they are blocked."""

    message = serializers.CharField(max_length=500, required=False, allow_blank=True)


class NotifyConfig(Config):
    """What one that only notifies may be told: it needs nobody's approval."""

    def validate_needs_approval(self, value: Any) -> Any:
        if value:
            raise serializers.ValidationError("A rule that only tells needs none.")
        return value


class BlocklistConfig(Config):
    """Models that may not be used, or the only ones that may."""

    blocked_models = _names(ModelField())
    allowed_models = _names(ModelField())

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _one_of(attrs, "blocked_models", "allowed_models")


class DowngradeConfig(Config):
    """What is used instead of which model."""

    downgrades = ModelMapField()


class RateConfig(Config):
    """How often, and how dearly, in the organization's currency."""

    max_requests_per_minute = serializers.IntegerField(
        min_value=1, max_value=_MOST_REQUESTS, required=False, allow_null=True
    )
    max_cost_per_hour = WireAmountField(required=False, allow_null=True)

    def validate_max_cost_per_hour(self, value: Decimal | None) -> str | None:
        if value is not None and value <= 0:
            detail = "Must be more than 0; to stop all calls, use the action block."
            raise serializers.ValidationError(detail)
        return wire(value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _one_of(attrs, "max_requests_per_minute", "max_cost_per_hour")


def _one_of(attrs: dict[str, Any], *names: str) -> dict[str, Any]:
    if not any(attrs.get(name) for name in names):
        detail = f"Send {' or '.join(names)}."
        raise serializers.ValidationError({names[0]: [detail]}, code="required")
    return attrs


_CONFIGS: Mapping[str, type[Config]] = {
    ControlAction.BLOCK: BlockConfig,
    ControlAction.MODEL_BLOCKLIST: BlocklistConfig,
    ControlAction.MODEL_DOWNGRADE: DowngradeConfig,
    ControlAction.RATE_LIMIT: RateConfig,
    ControlAction.NOTIFY: NotifyConfig,
}


class ControlRuleIn(Plain):
    """What happens to calls while a trigger holds. With its id a rule stays itself.

    `config`, by the action: `message`; `blocked_models`, `allowed_models`;
    `downgrades` {model: cheaper model}; `max_requests_per_minute`,
    `max_cost_per_hour`. Any action may have `exempt_users`; any but
    notify `needs_approval`: then it acts, until its period ends, once people have
    approved that. They are asked when its trigger first holds in a period.
    """

    shown = frozenset({"summary"})

    id = serializers.UUIDField(required=False)
    trigger = serializers.CharField(
        max_length=LONGEST, help_text='Such as: budget_percentage >= 0.9, model == "x".'
    )
    action = ChoiceField(ControlAction.choices)
    config = serializers.JSONField(required=False, default=dict)
    notify = serializers.BooleanField(default=False)

    def validate_trigger(self, value: str) -> str:
        try:
            return read(value).text
        except Refusal as refusal:
            raise serializers.ValidationError(str(refusal)) from refusal

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        shape = _CONFIGS[attrs["action"]](data=attrs["config"])
        if not shape.is_valid():
            raise serializers.ValidationError({"config": shape.errors})
        attrs["config"] = {
            name: value for name, value in shape.validated_data.items() if value
        }
        return attrs


class ControlsIn(Plain):
    """All rules of a budget, in the place of those it has."""

    shown = frozenset(
        {
            *("budget", "enforcement", "notes", "warnings", "dropped"),
            *("inherited", "kill_switch"),
        }
    )

    budget_id = serializers.CharField(max_length=64, required=False)
    rules = serializers.ListField(
        child=ControlRuleIn(),
        max_length=MOST,
        help_text="A block while budget_percentage >= 1 makes the amount a hard limit.",
    )
    reason = ReasonField()


class KillSwitchIn(Plain):
    """Whether calls are stopped altogether, and what callers are told."""

    shown = frozenset({"budget", "actor", "since", "inherited"})

    active = serializers.BooleanField()
    message = serializers.CharField(max_length=500, allow_blank=True, default="")
    reason = ReasonField()


class EndField(MomentField):
    """The end of a stretch of time, exclusive; of a bare date the day is part of it."""

    def to_internal_value(self, data: object) -> datetime:
        end = super().to_internal_value(data)
        return end + _DAY if isinstance(data, str) and is_day(data) else end


class ReplayIn(Plain):
    """What to try out on the past; what is left out is as it is now."""

    rules = serializers.ListField(
        child=ControlRuleIn(), max_length=MOST, required=False
    )
    amount = WireAmountField(required=False, min_value=0, help_text="Of each period.")
    enforcement = ChoiceField(Enforcement.choices, required=False)
    start_date = MomentField(
        required=False, help_text="A moment, or a bare date: where that begins in UTC."
    )
    end_date = EndField(
        required=False,
        help_text="Before this moment; a bare date includes that whole day.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("start_date" in attrs) != ("end_date" in attrs):
            missing = "end_date" if "start_date" in attrs else "start_date"
            detail = "Send both dates, or neither for the last period that is over."
            raise serializers.ValidationError({missing: [detail]}, code="required")
        if "start_date" in attrs and attrs["start_date"] >= attrs["end_date"]:
            detail = "Must be after start_date."
            raise serializers.ValidationError({"end_date": [detail]})
        return attrs
