"""The forms of channels in the admin: one for each type, with the fields it needs."""

import json
from typing import Any, ClassVar

from django import forms
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.tenants import ServiceForm
from accounts.versions import ChangedMeanwhile
from lib.errors import FieldError, Invalid, Refusal
from notifications.channels import Saved, add_channel, change_channel
from notifications.configs import secret_names
from notifications.models import Channel, ChannelType

_HIDDEN = "Kept encrypted and never shown again."
_KEPT = f"{_HIDDEN} Leave it empty to keep the present one."


class WriteOnlyInput(UnfoldAdminTextInputWidget):
    """Takes a secret and never shows it, not even the one that was just typed."""

    def __init__(self, *, placeholder: str = "") -> None:
        attrs = {"autocomplete": "off", "spellcheck": "false"}
        super().__init__({**attrs, "placeholder": placeholder})

    def format_value(self, value: Any) -> None:
        return None


class LinesField(forms.CharField):
    """A list, one to a line or with commas."""

    def __init__(self, **kwargs: Any) -> None:
        widget = UnfoldAdminTextareaWidget({"rows": 4, "spellcheck": "false"})
        super().__init__(widget=widget, required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        parts = (part.strip() for part in text.replace(",", "\n").splitlines())
        return [part for part in parts if part]


class TemplateField(forms.CharField):
    """Text, or JSON where it begins like an object; both with {{variables}}."""

    def __init__(self) -> None:
        attrs = {"rows": 12, "spellcheck": "false", "class": "co-code"}
        super().__init__(
            widget=UnfoldAdminTextareaWidget(attrs),
            required=False,
            help_text="Empty: our own wording, with all there is to say.",
        )

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if value.keys() <= {"text"}:
            return value.get("text", "")
        return json.dumps(value, indent=2, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        text = (super().to_python(value) or "").strip()
        return template_of(text)


def template_of(text: str) -> dict[str, Any]:
    """Return the template that *text* stands for.

    Raises:
        ValidationError: it begins like JSON and is none.
    """
    if not text:
        return {}
    if text[0] != "{" or text[1:2] in {"{", "%"}:
        return {"text": text}
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise forms.ValidationError(f"Not JSON: {error}.") from error
    return found


class ChannelForm(ServiceForm):
    """What all channels have. The fields in `keys` are keys of the config."""

    kind: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ()
    saved: Saved

    template = TemplateField()

    class Meta:
        model = Channel
        fields = ("organization", "name", "enabled")
        widgets: ClassVar = {"enabled": UnfoldBooleanSwitchWidget}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["enabled"].label = "Switched on"
        if self.instance.pk is None:
            return
        self.initial["template"] = self.instance.template
        for name in self.keys:
            self.initial[name] = self.instance.config.get(name)
            if name in secret_names(self.kind) and name in self.instance.secrets:
                field = self.fields[name]
                field.help_text = _KEPT
                field.widget.attrs["placeholder"] = "\N{BULLET}" * 12

    def serve(self) -> Channel:
        try:
            self.saved = self._save()
        except ChangedMeanwhile:
            raise
        except Refusal as refusal:
            raise _at_fields(refusal) from refusal
        return self.saved.channel

    def _save(self) -> Saved:
        cleaned = self.cleaned_data
        shared = {
            "name": cleaned["name"],
            "config": self._config(),
            "template": cleaned["template"],
            "enabled": cleaned["enabled"],
        }
        if self.instance.pk is None:
            organization = cleaned["organization"]
            return add_channel(organization, type=self.kind, **shared)
        now, seen = timezone.now(), self.seen
        return Saved(change_channel(self.instance, now=now, seen=seen, **shared))

    def _config(self) -> dict[str, Any]:
        """Return what was filled in; a secret that was left empty stays."""
        given = {name: self.cleaned_data[name] or None for name in self.keys}
        kept = secret_names(self.kind)
        return {
            name: value for name, value in given.items() if value or name not in kept
        }


def _at_fields(refusal: Refusal) -> Refusal:
    """Return *refusal* with "config.url" as "url", the form's name of it."""
    errors = tuple(
        FieldError(error.attr.removeprefix("config."), error.code, error.detail)
        for error in refusal.errors
    )
    return Invalid(str(refusal), errors=errors)


def _secret(label: str, *, example: str = "", note: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        widget=WriteOnlyInput(placeholder=example),
        help_text=f"{note} {_HIDDEN}".strip(),
    )


def _line(label: str, *, example: str, note: str = "") -> forms.CharField:
    widget = UnfoldAdminTextInputWidget({"placeholder": example})
    return forms.CharField(label=label, required=False, widget=widget, help_text=note)


class EmailForm(ChannelForm):
    kind = ChannelType.EMAIL
    keys = ("recipients",)
    recipients = LinesField(help_text="Mail addresses, one a line.")


class SlackForm(ChannelForm):
    kind = ChannelType.SLACK
    keys = ("webhook_url", "channel", "mentions", "requests")
    webhook_url = _secret(
        "Webhook address",
        example="https://hooks.slack.com/services/…",
        note="In Slack: your app, Incoming Webhooks, Add New Webhook.",
    )
    channel = _line(
        "Slack channel",
        example="#ai-costs",
        note="As a reminder; newer webhooks always write to their own channel.",
    )
    mentions = LinesField(
        help_text="Who is called: @here, @channel, <@U012AB3CD>, one a line."
    )
    requests = forms.BooleanField(
        label="Requests for money are told here",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="With a link to each; who decides is still mailed.",
    )


class WebhookForm(ChannelForm):
    kind = ChannelType.WEBHOOK
    keys = ("url", "secret")
    url = _line(
        "Address",
        example="https://example.com/hooks/costops",
        note="Gets JSON, signed as Standard Webhooks has it. It is shown to all who "
        "may see channels: no passwords in it.",
    )
    secret = _secret(
        "Signing secret",
        example="whsec_…",
        note="Leave it empty when you set the channel up, and one is made.",
    )


class PagerDutyForm(ChannelForm):
    kind = ChannelType.PAGERDUTY
    keys = ("routing_key",)
    routing_key = _secret(
        "Integration key",
        note="In PagerDuty: your service, Integrations, Events API v2.",
    )


class NumbersForm(ChannelForm):
    keys = ("recipients",)
    recipients = LinesField(
        label="Phone numbers",
        help_text="With the country's code, one a line: +1 555 123 4567.",
    )


class SmsForm(NumbersForm):
    kind = ChannelType.SMS


class PhoneForm(NumbersForm):
    kind = ChannelType.PHONE


class AppriseForm(ChannelForm):
    kind = ChannelType.APPRISE
    keys = ("url",)
    url = _secret(
        "Service address",
        example="tgram://TOKEN/CHAT",
        note="As Apprise has it: Teams, Discord, Telegram and about 80 others.",
    )


FORMS: dict[str, type[ChannelForm]] = {
    form.kind: form
    for form in (
        *(EmailForm, SlackForm, WebhookForm, PagerDutyForm),
        *(SmsForm, PhoneForm, AppriseForm),
    )
}
