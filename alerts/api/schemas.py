"""Rules of alerts, and what is done with them, as they come in over the wire."""

import re
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers

from accounts.api.fields import NamesField, ReasonField
from accounts.models import validate_zone
from alerts.conditions import check
from alerts.models import (
    BASES,
    RuleType,
    Sensitivity,
    Severity,
    SpikeWindow,
    usual_window,
)
from budgets.api.thresholds import probability_field, sound_probability
from budgets.thresholds import Basis
from lib.errors import Refusal
from lib.money import MOST_SHARE, NO_SHARE
from lib.wirefields import ChoiceField, MomentField, Plain, WireAmountField
from notifications.addresses import LONGEST, read_address
from notifications.api.schemas import read_holidays

MOST = 50  # rules of a budget, levels of an escalation, names in a list
_LONGEST_DELAY_S = 30 * 86_400
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


class AddressField(serializers.CharField):
    """A mail address, or a telephone number for text messages and calls."""

    def to_internal_value(self, data: Any) -> str:
        text: str = super().to_internal_value(data)
        try:
            return read_address(text)
        except ValueError as error:
            raise serializers.ValidationError(str(error), code="invalid") from error


def _channels() -> NamesField:
    """Return the field of channels: types or names."""
    child = serializers.CharField(max_length=100)
    return NamesField(child=child, max_length=MOST, default=list)


def _people() -> NamesField:
    """Return the field of mail addresses and telephone numbers."""
    child = AddressField(max_length=LONGEST)
    return NamesField(child=child, max_length=MOST, default=list)


class RuleIn(Plain):
    """What a budget is watched for, and who is told."""

    shown = frozenset({"id", "not_set_up"})

    type = ChoiceField(RuleType.choices)
    threshold = WireAmountField(required=False, allow_null=True, default=None)
    basis = ChoiceField(list(BASES), allow_null=True, default=Basis.SPENT.value)
    probability = probability_field()
    condition = serializers.CharField(max_length=500, allow_blank=True, default="")
    sensitivity = ChoiceField(
        Sensitivity.choices, allow_null=True, default=Sensitivity.MEDIUM.value
    )
    window = ChoiceField(
        SpikeWindow.choices,
        allow_null=True,
        default=None,
        help_text="Of a spike: hourly unless given; of an anomaly: daily, or hourly.",
    )
    channels = _channels()
    recipients = _people()
    message = serializers.CharField(max_length=500, allow_blank=True, default="")
    cooldown = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)
    severity = ChoiceField(Severity.choices, allow_null=True, default=None)
    enabled = serializers.BooleanField(default=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kind = attrs["type"]
        attrs["threshold"] = _threshold(kind, attrs["threshold"])
        attrs["basis"] = _basis(kind, attrs["basis"])
        attrs["probability"] = sound_probability(attrs["basis"], attrs["probability"])
        attrs["condition"] = _condition(kind, attrs["condition"])
        attrs["sensitivity"] = attrs["sensitivity"] or Sensitivity.MEDIUM.value
        attrs["window"] = _window(kind, attrs["window"])
        attrs["cooldown_s"] = attrs.pop("cooldown")
        return attrs


def _threshold(kind: str, value: Decimal | None) -> Decimal | None:
    if kind in {RuleType.VELOCITY, RuleType.ANOMALY}:
        if value is not None:
            detail = "Such a rule has a condition, not a threshold."
            raise serializers.ValidationError({"threshold": [detail]})
        return None
    if value is None:
        if kind == RuleType.FORECAST:
            return None
        detail = "A spike needs an amount, a threshold a share such as 0.8."
        raise serializers.ValidationError({"threshold": [detail]}, code="required")
    most = {RuleType.THRESHOLD: MOST_SHARE, RuleType.FORECAST: Decimal(1)}.get(
        RuleType(kind)
    )
    if value <= 0 or (most is not None and value > most):
        detail = "Must be more than 0." if most is None else f"Above 0, up to {most}."
        if kind == RuleType.THRESHOLD:
            detail = NO_SHARE
        raise serializers.ValidationError({"threshold": [detail]})
    if kind == RuleType.THRESHOLD and value != round(value, 4):
        raise serializers.ValidationError({"threshold": ["At most four places."]})
    return value


def _basis(kind: str, given: str | None) -> str:
    basis = given or Basis.SPENT.value
    if kind != RuleType.THRESHOLD and basis != Basis.SPENT:
        detail = f"Only a threshold looks at what is {basis}: leave it out."
        raise serializers.ValidationError({"basis": [detail]})
    return basis


def _window(kind: str, given: str | None) -> str:
    if kind == RuleType.ANOMALY and given == SpikeWindow.WEEKLY:
        detail = "An anomaly is a day's or an hour's: use daily or hourly."
        raise serializers.ValidationError({"window": [detail]})
    return given or usual_window(kind)


def _condition(kind: str, text: str) -> str:
    text = text.strip()
    if text:
        try:
            check(text, kind)
        except Refusal as refusal:
            raise serializers.ValidationError({"condition": [str(refusal)]}) from (
                refusal
            )
    return text


class HoursIn(Plain):
    """When a level may be told, by the clocks of its time zone."""

    until = serializers.CharField(max_length=5)
    days = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6),
        min_length=1,
        max_length=7,
        default=lambda: list(range(7)),
    )
    timezone = serializers.CharField(max_length=64, required=False)

    def get_fields(self) -> dict[str, Any]:
        # "from" is a word of Python's own.
        return {"from": serializers.CharField(max_length=5), **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name in ("from", "until"):
            if not _CLOCK.fullmatch(attrs[name]) or attrs["from"] == "24:00":
                detail = "Must be a time of day such as 09:00."
                raise serializers.ValidationError({name: [detail]})
        if attrs["from"] == attrs["until"]:
            detail = "Must not be when it begins."
            raise serializers.ValidationError({"until": [detail]})
        return attrs

    def validate_days(self, value: list[int]) -> list[int]:
        return sorted(set(value))

    def validate_timezone(self, value: str) -> str:
        return _zone(value)


class LevelIn(Plain):
    """Who is told when, if nobody has acknowledged by then."""

    shown = frozenset({"not_set_up"})

    delay = serializers.IntegerField(min_value=0, max_value=_LONGEST_DELAY_S)
    recipients = _people()
    channels = _channels()
    hours = HoursIn(required=False, allow_null=True, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["recipients"] and not attrs["channels"]:
            detail = "Name somebody, or a channel."
            raise serializers.ValidationError({"recipients": [detail]})
        attrs["channels"] = attrs["channels"] or ["email"]
        attrs["hours"] = dict(attrs["hours"]) if attrs["hours"] else None
        return attrs


class EscalationIn(Plain):
    """The levels that are told one after the other."""

    name = serializers.CharField(max_length=100, required=False)
    enabled = serializers.BooleanField(default=True)
    levels = serializers.ListField(child=LevelIn(), default=list, max_length=MOST)
    repeat = serializers.IntegerField(min_value=0, max_value=9, default=0)
    repeat_after = serializers.IntegerField(
        min_value=60, max_value=_LONGEST_DELAY_S, default=3600
    )
    timezone = serializers.CharField(max_length=64, required=False)
    holidays = serializers.ListField(
        child=serializers.CharField(max_length=10), max_length=400, default=list
    )

    def validate_timezone(self, value: str) -> str:
        return _zone(value)

    def validate_holidays(self, value: list[str]) -> list[str]:
        return read_holidays(value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["enabled"] and not attrs["levels"]:
            detail = "An escalation has at least one level."
            raise serializers.ValidationError({"levels": [detail]})
        return attrs


class ConfigurationIn(Plain):
    """All that watches a budget: its rules, and who is told one after the other."""

    shown = frozenset(
        {"budget", "inherited", "inherited_escalation", "usual_recipients"}
        | {"not_set_up", "dropped"}
    )

    budget_id = serializers.CharField(max_length=64, required=False)
    alerts = serializers.ListField(child=RuleIn(), required=False, max_length=MOST)
    escalation = EscalationIn(required=False, allow_null=True)
    reason = ReasonField()

    def validate_alerts(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        shares = [
            (rule["threshold"], rule["basis"], rule["probability"])
            for rule in value
            if rule["type"] == RuleType.THRESHOLD
        ]
        twice = [one for place, one in enumerate(shares) if one in shares[:place]]
        if twice:
            share, basis, _ = twice[0]
            on = "" if basis == Basis.SPENT else f" of what is {basis}"
            detail = f"The threshold {share.normalize():f}{on} comes twice."
            raise serializers.ValidationError(detail)
        return value


class AcknowledgeIn(Plain):
    """For how long somebody takes care of it; nothing: 4 hours."""

    until = MomentField(required=False)
    minutes = serializers.IntegerField(min_value=1, max_value=527_040, required=False)
    hours = serializers.IntegerField(min_value=1, max_value=8_784, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) > 1:
            detail = "Send one of until, minutes and hours."
            raise serializers.ValidationError({sorted(attrs)[1]: [detail]})
        return attrs


class SnoozeIn(AcknowledgeIn):
    """For how long nobody is told."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            detail = "Send until, minutes or hours."
            raise serializers.ValidationError({"until": [detail]}, code="required")
        return super().validate(attrs)


def _zone(name: str) -> str:
    try:
        validate_zone(name)
    except DjangoValidationError as error:
        raise serializers.ValidationError(error.messages) from error
    return name
