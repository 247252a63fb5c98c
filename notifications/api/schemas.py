"""Channels, deliveries and preferences as the wire has them, in and out."""

from datetime import time
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import validate_zone
from notifications.channels import secrets_set
from notifications.models import (
    Channel,
    ChannelType,
    Delivery,
    DeliveryState,
    Preference,
)
from notifications.notices import is_notice
from notifications.samples import is_trial

_CONFIG_NOTE = (
    "email, sms, phone: `recipients`; slack: `webhook_url`, `channel`, `mentions`; "
    "webhook: `url`, `secret`; pagerduty: `routing_key`; apprise: `url`. Keys may be "
    "written as `webhookUrl`, and the template may stand in here. Secrets are written "
    "and never read."
)
_TEMPLATE_NOTE = (
    'Text, or what Slack takes: `{"text", "attachments": [...]}`, with {{variables}}. '
    "Empty: our own wording."
)


class Strict(serializers.Serializer[Any]):
    """Refuses fields there are none of; what is only read is let pass."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = {
                str(name): ["Unknown field."]
                for name in data
                if name not in self.fields
            }
            if unknown:
                raise serializers.ValidationError(unknown, code="unknown_field")
        return super().to_internal_value(data)


class NewChannelSerializer(Strict):
    """A channel as it is sent."""

    id = serializers.UUIDField(read_only=True)
    organization_id = serializers.CharField(
        max_length=100, required=False, allow_null=True
    )
    type = serializers.ChoiceField(ChannelType.choices, help_text="Never changes.")
    name = serializers.CharField(max_length=100)
    config = serializers.DictField(help_text=_CONFIG_NOTE)
    secrets = serializers.ListField(read_only=True)
    template = serializers.JSONField(
        required=False, allow_null=True, help_text=_TEMPLATE_NOTE
    )
    enabled = serializers.BooleanField(required=False)
    disabled_reason = serializers.CharField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)


class ChannelSerializer(serializers.Serializer[Channel]):
    """A channel. What is secret is only named, in `secrets`."""

    id = serializers.UUIDField(source="uid")
    organization_id = serializers.CharField(source="organization.slug")
    type = serializers.ChoiceField(ChannelType.choices)
    name = serializers.CharField()
    config = serializers.DictField(
        help_text=(
            f"{_CONFIG_NOTE} A signing secret made here is in the answer that made it."
        )
    )
    secrets = serializers.SerializerMethodField(help_text="The secrets that are set.")
    template = serializers.JSONField(help_text=_TEMPLATE_NOTE)
    enabled = serializers.BooleanField()
    disabled_reason = serializers.CharField(
        help_text="Why it was switched off: the receiver said that it is gone."
    )
    created_at = serializers.DateTimeField()

    def get_secrets(self, channel: Channel) -> list[str]:
        return secrets_set(channel)


class AttemptSerializer(serializers.Serializer[Any]):
    """One try to send a delivery."""

    id = serializers.UUIDField(source="uid")
    at = serializers.DateTimeField()
    status = serializers.IntegerField(
        allow_null=True, help_text="HTTP's or SMTP's; null: there was no answer."
    )
    error = serializers.CharField()
    duration_ms = serializers.IntegerField(
        allow_null=True, help_text="Null: it has not ended."
    )


class DeliverySerializer(serializers.Serializer[Delivery]):
    """One message to one address, with every attempt to send it."""

    id = serializers.UUIDField(source="uid")
    organization_id = serializers.CharField(source="organization.slug")
    channel = serializers.UUIDField(
        source="channel.uid",
        default=None,
        allow_null=True,
        help_text="Null: mail to a person, or the channel is deleted.",
    )
    channel_name = serializers.CharField(
        source="channel.name", default=None, allow_null=True
    )
    type = serializers.ChoiceField(ChannelType.choices)
    recipient = serializers.CharField()
    alert = serializers.SerializerMethodField(
        help_text="The id of the alert it is about; null: a test, or a channel."
    )
    event = serializers.SerializerMethodField(
        help_text="fired, escalated, acknowledged, resolved, test or disabled."
    )
    title = serializers.SerializerMethodField()
    state = serializers.ChoiceField(DeliveryState.choices)
    error = serializers.CharField(help_text="What went wrong last.")
    attempts = AttemptSerializer(many=True)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field({"type": ["string", "null"]})
    def get_alert(self, delivery: Delivery) -> str | None:
        subject = delivery.subject
        is_about_alert = not (is_trial(subject) or is_notice(subject))
        return (subject or None) if is_about_alert else None

    def get_event(self, delivery: Delivery) -> str:
        return str(delivery.message.get("event", ""))

    def get_title(self, delivery: Delivery) -> str:
        return str(delivery.message.get("title", ""))


class TrialSerializer(serializers.Serializer[Any]):
    """What became of a test message."""

    state = serializers.ChoiceField(
        DeliveryState.choices,
        help_text="delivered: to every recipient; failed: to one of them not.",
    )
    error = serializers.CharField()
    deliveries = DeliverySerializer(many=True)


class TimeOfDayField(serializers.TimeField):
    """A time such as 22:00."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%H:%M", input_formats=["%H:%M", "%H:%M:%S"], **kwargs)


class PreferenceSerializer(Strict):
    """When one person wants mail."""

    organization_id = serializers.CharField(
        source="organization.slug", read_only=True, help_text="The slug."
    )
    recipient = serializers.EmailField(read_only=True)
    digest = serializers.ChoiceField(
        Preference.Digest.choices, default=Preference.Digest.NONE
    )
    quiet_from = TimeOfDayField(allow_null=True, default=None)
    quiet_until = TimeOfDayField(allow_null=True, default=None)
    timezone = serializers.CharField(
        max_length=64, default="UTC", validators=[validate_zone]
    )
    critical_at_once = serializers.BooleanField(
        default=True, help_text="What is critical is sent at once all the same."
    )

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
