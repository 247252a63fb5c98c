"""Channels and preferences as they come in over the wire."""

from collections.abc import Iterable
from datetime import time
from typing import Any

from rest_framework import serializers

from accounts.models import validate_zone
from lib.wirefields import ChoiceField
from notifications.models import ChannelType, Preference
from notifications.steps import holiday

CONFIG_NOTE = (
    "email, sms, phone: `recipients`; slack: `webhook_url`, `channel`, `mentions`, "
    "`requests` (true: requests for money are told there); "
    "webhook: `url`, `secret`; pagerduty: `routing_key`; apprise: `url`. Keys may be "
    "written as `webhookUrl`, and the template may stand in here. Secrets are written "
    "and never read."
)
TEMPLATE_NOTE = (
    'Text, or what Slack takes: `{"text", "attachments": [...]}`, with {{variables}}. '
    "Empty: our own wording."
)


class Strict(serializers.Serializer[Any]):
    """Refuses fields there are none of; those in `shown` are read only and let pass."""

    shown: frozenset[str] = frozenset()

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = {
                str(name): ["Unknown field."]
                for name in data
                if name not in self.fields and name not in self.shown
            }
            if unknown:
                raise serializers.ValidationError(unknown, code="unknown_field")
        return super().to_internal_value(data)


class ChannelIn(Strict):
    """A channel as it is sent."""

    shown = frozenset({"id", "secrets", "disabled_reason", "created_at"})

    organization_id = serializers.CharField(
        max_length=100, required=False, allow_null=True
    )
    type = ChoiceField(ChannelType.choices, help_text="Never changes.")
    name = serializers.CharField(max_length=100)
    config = serializers.DictField(help_text=CONFIG_NOTE)
    template = serializers.JSONField(
        required=False, allow_null=True, help_text=TEMPLATE_NOTE
    )
    enabled = serializers.BooleanField(required=False)


class TimeOfDayField(serializers.TimeField):
    """A time such as 22:00."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%H:%M", input_formats=["%H:%M", "%H:%M:%S"], **kwargs)


def read_holidays(words: Iterable[str]) -> list[str]:
    """Return the days that *words* name, in order."""
    try:
        return sorted({holiday(word) for word in words})
    except ValueError as error:
        raise serializers.ValidationError(str(error)) from error


class PreferenceIn(Strict):
    """When one person wants mail."""

    shown = frozenset({"organization_id", "recipient"})

    digest = ChoiceField(Preference.Digest.choices, default=Preference.Digest.NONE)
    quiet_from = TimeOfDayField(allow_null=True, default=None)
    quiet_until = TimeOfDayField(allow_null=True, default=None)
    timezone = serializers.CharField(
        max_length=64, default="UTC", validators=[validate_zone]
    )
    critical_at_once = serializers.BooleanField(
        default=True, help_text="What is critical is sent at once all the same."
    )
    daily_requests = serializers.BooleanField(
        default=True, help_text="On working days: which requests wait for them."
    )
    holidays = serializers.ListField(
        child=serializers.CharField(max_length=10),
        max_length=400,
        default=list,
        help_text="Dates on which they are not reminded of requests.",
    )

    def validate_holidays(self, value: list[str]) -> list[str]:
        return read_holidays(value)

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        begin: time | None = values["quiet_from"]
        end: time | None = values["quiet_until"]
        if (begin is None) != (end is None):
            missing = "quiet_until" if end is None else "quiet_from"
            detail = "Quiet hours need both times."
            raise serializers.ValidationError({missing: [detail]})
        if begin is not None and begin == end:
            detail = "Must differ from quiet_from; leave both out for no quiet hours."
            raise serializers.ValidationError({"quiet_until": [detail]})
        return values
