"""The forms of rules, ladders and maintenance windows."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.meanwhile import VersionedForm
from accounts.models import validate_zone
from alerts.conditions import EXAMPLES, NAMES, check
from alerts.models import AlertRule, EscalationPolicy, RuleType, SpikeWindow
from budgets.thresholds import USUAL_PROBABILITY, Basis
from console.fields import PercentField
from lib.amounts import AmountField
from lib.errors import Refusal
from lib.humanize import lasting
from notifications.addresses import read_address
from notifications.fields import HolidaysField
from notifications.models import Channel, ChannelType

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MOST_LEVELS = 10
_MINUTE_S = 60
_WEEK_MIN = 10_080


def text_input(**attributes: str) -> UnfoldAdminTextInputWidget:
    return UnfoldAdminTextInputWidget(attributes)


class RecipientsField(forms.CharField):
    """Mail addresses and numbers, one a line or with commas between them."""

    def __init__(self, **options: Any) -> None:
        widget = UnfoldAdminTextareaWidget({"rows": "2", "spellcheck": "false"})
        super().__init__(required=False, widget=widget, **options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        addresses = str(value or "").replace(",", "\n").split("\n")
        written = filter(None, (one.strip() for one in addresses))
        try:
            return list(dict.fromkeys(read_address(one) for one in written))
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != str(data or "").split())


class MinutesField(AmountField):
    """Minutes for people, whole seconds inside."""

    def __init__(self, **options: Any) -> None:
        usual = {"max_digits": 8, "decimal_places": 2, "min_value": 0}
        widget = text_input(inputmode="decimal", autocomplete="off")
        super().__init__(shown_places=0, **usual | {"widget": widget} | options)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, int):
            value = (Decimal(value) / _MINUTE_S).quantize(Decimal("0.01"))
        return super().prepare_value(value)

    def clean(self, value: Any) -> Any:
        minutes = super().clean(value)
        return None if minutes is None else round(minutes * _MINUTE_S)

    def words_of(self, seconds: int) -> str:
        return lasting(timedelta(seconds=seconds))


def ready_types(organization_id: int) -> set[str]:
    """Return the types that lead somewhere: mail always does. One query."""
    rows = Channel.objects.filter(organization=organization_id, enabled=True)
    kinds = rows.order_by().values_list("type", flat=True).distinct()
    return {ChannelType.EMAIL.value, *kinds}


def channels_field(organization_id: int, chosen: Sequence[str]) -> forms.Field:
    """Return a choice of types and of channels; what was *chosen* stays one."""
    channels = Channel.objects.filter(organization=organization_id, enabled=True)
    ready = ready_types(organization_id)
    types = [
        (kind.value, kind.label if kind in ready else f"{kind.label}, not set up")
        for kind in ChannelType
    ]
    named = channels.exclude(name__in=ChannelType.values)
    names = [(name, name) for name in named.values_list("name", flat=True)]
    known = {value for value, _ in (*types, *names)}
    rest = [(one, f"{one}, disabled") for one in chosen if one not in known]
    return forms.MultipleChoiceField(
        required=False,
        choices=[*types, *names, *rest],
        widget=forms.CheckboxSelectMultiple,
    )


class AlertRuleForm(VersionedForm):
    """One rule of a budget; only the fields that its type has."""

    holds_row = False  # the page holds the organization

    recipients = RecipientsField(
        help_text="One a line. Empty: the budget's owner, or the nearest one above."
    )
    cooldown_s = MinutesField(
        label="Not again within, in minutes", required=False, max_value=_WEEK_MIN
    )

    class Meta:
        model = AlertRule
        fields = (
            *("threshold", "basis", "probability", "condition", "sensitivity"),
            *("window", "severity"),
            *("channels", "recipients", "message", "cooldown_s", "enabled"),
        )
        widgets = {
            "basis": UnfoldAdminSelectWidget,
            "severity": UnfoldAdminSelectWidget,
            "sensitivity": UnfoldAdminSelectWidget,
            "window": UnfoldAdminSelectWidget,
            "message": text_input(),
            "condition": text_input(spellcheck="false", autocomplete="off"),
        }

    def __init__(self, data: Any = None, *, instance: AlertRule) -> None:
        super().__init__(data, instance=instance)
        kind = RuleType(instance.type)
        self.fields["channels"] = channels_field(
            instance.organization_id, instance.channels
        )
        self.fields["message"].help_text = "Empty: a sentence that says the figures."
        self.fields["enabled"].label = "In use"
        _adapt(self.fields, kind, instance.budget.currency)

    def clean_condition(self) -> str:
        text = str(self.cleaned_data.get("condition") or "").strip()
        if text:
            try:
                check(text, self.instance.type)
            except Refusal as refusal:
                raise ValidationError(str(refusal)) from refusal
        return text

    def clean_basis(self) -> str:
        return self.cleaned_data.get("basis") or Basis.SPENT.value

    def clean_window(self) -> str:
        usual = SpikeWindow.DAILY if self.instance.type == RuleType.ANOMALY else ""
        return self.cleaned_data.get("window") or usual

    def clean_probability(self) -> Decimal | None:
        if self.cleaned_data.get("basis") != Basis.FORECAST:
            return None
        given = self.cleaned_data.get("probability")
        likely: Decimal = USUAL_PROBABILITY if given is None else given
        if not 0 < likely <= 1:
            raise ValidationError("Must be more than 0, up to 100.")
        return likely

    def clean_cooldown_s(self) -> int:
        return self.cleaned_data.get("cooldown_s") or 0

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.instance.type == RuleType.THRESHOLD and cleaned.get("threshold"):
            same = AlertRule.objects.filter(
                budget=self.instance.budget,
                type=RuleType.THRESHOLD,
                threshold=cleaned["threshold"],
                basis=cleaned.get("basis"),
                probability=cleaned.get("probability"),
            )
            if same.exclude(pk=self.instance.pk).exists():
                self.add_error("threshold", "This budget has a rule for that share.")
        return cleaned


Fields = dict[str, forms.Field]


def _adapt(fields: Fields, kind: RuleType, currency: str) -> None:
    """Keep what *kind* has, under its own words."""
    _adapt_threshold(fields, kind, currency)
    if kind == RuleType.THRESHOLD:
        _adapt_basis(fields)
    else:
        del fields["basis"], fields["probability"]
    if kind in NAMES:
        names = ", ".join(NAMES[kind])
        words = f"For example {EXAMPLES[kind]}. It may name {names}."
        fields["condition"].help_text = words
    else:
        del fields["condition"]
    if kind != RuleType.ANOMALY:
        del fields["sensitivity"]
    if kind == RuleType.ANOMALY:
        fields["window"] = forms.ChoiceField(
            label="What is judged",
            required=False,
            choices=[("daily", "Days"), ("hourly", "Hours")],
            widget=UnfoldAdminSelectWidget,
            help_text="Hours find more, sooner, and raise more false alarms.",
        )
    elif kind != RuleType.SPIKE:
        del fields["window"]


def _adapt_threshold(fields: Fields, kind: RuleType, currency: str) -> None:
    if kind == RuleType.THRESHOLD:
        fields["threshold"] = _percent("Share of the limit, in percent")
    elif kind == RuleType.FORECAST:
        fields["threshold"] = _percent("Probability, in percent")
    elif kind == RuleType.SPIKE:
        fields["threshold"].label = f"Amount, in {currency}"
        fields["threshold"].widget = text_input(inputmode="decimal", autocomplete="off")
    else:
        del fields["threshold"]


def _adapt_basis(fields: Fields) -> None:
    fields["basis"].required = False
    fields["basis"].help_text = (
        "What is set aside for calls that are not booked yet counts where a budget is "
        "hard; there it is looked at within seconds, a forecast every minute."
    )
    fields["probability"] = _percent(
        "Probability, in percent",
        required=False,
        help_text="Of a forecast: from which it tells. Empty: 50.",
    )


def _percent(label: str, **options: Any) -> PercentField:
    widget = text_input(inputmode="decimal", autocomplete="off")
    return PercentField(label=label, max_digits=7, widget=widget, **options)


class LadderLevelForm(forms.Form):
    """One level of a ladder. Empty hours: at any time."""

    delay = MinutesField(label="Minutes after the alert", max_value=_WEEK_MIN)
    recipients = RecipientsField(
        help_text="Mail addresses, or numbers for text messages and calls, one a line. "
        "Empty: whoever looks after the budget."
    )
    since = forms.TimeField(
        label="From", required=False, widget=text_input(type="time")
    )
    until = forms.TimeField(
        label="Until", required=False, widget=text_input(type="time")
    )
    days = forms.TypedMultipleChoiceField(
        required=False,
        coerce=int,
        choices=[(number, name[:3]) for number, name in enumerate(DAYS)],
        widget=forms.CheckboxSelectMultiple,
        label="Only on",
    )
    timezone = forms.CharField(
        label="Time zone",
        required=False,
        widget=text_input(list="co-zones", autocomplete="off"),
        help_text="Empty: the ladder's.",
    )
    removed = forms.BooleanField(required=False, label="Remove this level")

    def __init__(
        self,
        data: Any = None,
        *,
        prefix: str,
        organization_id: int,
        level: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, prefix=prefix, initial=_level_initial(level or {}))
        chosen = (level or {}).get("channels", [])
        self.fields["channels"] = channels_field(organization_id, chosen)

    def clean_timezone(self) -> str:
        zone = str(self.cleaned_data.get("timezone") or "").strip()
        if zone:
            validate_zone(zone)
        return zone

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        if bool(said.get("since")) != bool(said.get("until")):
            self.add_error("until", "Give both times, or neither.")
        if said.get("since") and said.get("since") == said.get("until"):
            self.add_error("until", "Must not be when it begins.")
        if "recipients" in said and not said["recipients"] and not said.get("channels"):
            self.add_error("recipients", "Name somebody, or choose a channel.")
        return said

    @property
    def level(self) -> dict[str, Any]:
        """Return the level as it is stored; see EscalationPolicy."""
        said = self.cleaned_data
        return {
            "delay": said["delay"],
            "recipients": said["recipients"],
            "channels": said["channels"] or [ChannelType.EMAIL.value],
            "hours": self._hours(),
        }

    def _hours(self) -> dict[str, Any] | None:
        said = self.cleaned_data
        if not said["since"] and not said["days"]:
            return None
        return {
            "from": f"{said['since']:%H:%M}" if said["since"] else "00:00",
            "until": f"{said['until']:%H:%M}" if said["until"] else "24:00",
            "days": said["days"] or list(range(len(DAYS))),
            **({"timezone": said["timezone"]} if said["timezone"] else {}),
        }


def _level_initial(level: Mapping[str, Any]) -> dict[str, Any]:
    hours = level.get("hours") or {}
    whole_day = (hours.get("from"), hours.get("until")) == ("00:00", "24:00")
    days = hours.get("days") or []
    return {
        "delay": level.get("delay"),
        "recipients": level.get("recipients", []),
        "channels": level.get("channels", [ChannelType.EMAIL.value]),
        "since": "" if whole_day else hours.get("from", ""),
        "until": "" if whole_day else hours.get("until", ""),
        "days": [] if len(days) == len(DAYS) else days,
        "timezone": hours.get("timezone", ""),
    }


class EscalationForm(VersionedForm):
    """A ladder without its levels, which are forms of their own."""

    holds_row = False  # the page holds the organization

    holidays = HolidaysField(
        help_text="Days, one a line, on which levels with hours wait."
    )
    repeat_after_s = MinutesField(
        label="Minutes between", required=False, max_value=_WEEK_MIN
    )

    class Meta:
        model = EscalationPolicy
        fields = (
            *("name", "enabled", "repeat", "repeat_after_s", "timezone", "holidays"),
        )
        labels = {"enabled": "In use", "repeat": "Times it runs again"}
        widgets = {
            "name": text_input(autocomplete="off"),
            "repeat": text_input(inputmode="numeric"),
            "timezone": text_input(list="co-zones", autocomplete="off"),
        }

    def clean_repeat_after_s(self) -> int:
        kept: int = self.instance.repeat_after_s
        return self.cleaned_data.get("repeat_after_s") or kept
