"""The forms of feeds: one for each target, with the fields it needs."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.tenants import ServiceForm
from accounts.versions import ChangedMeanwhile
from console.fields import TagsField
from console.notifications.forms import LinesField, WriteOnlyInput
from lib.errors import FieldError, Invalid, Refusal
from reports import exports
from reports.feeds.services import FeedPlan, FeedSaved, add_feed, change_feed
from reports.feeds.targets import USUAL_REGION, secret_names
from reports.feeds.timetables import DAYS, Every
from reports.models.feeds import Feed, FeedRhythm, FeedTarget

_HIDDEN = "Kept encrypted and never shown again."
_KEPT = f"{_HIDDEN} Leave it empty to keep the present one."


def _kinds() -> list[tuple[str, str]]:
    return [
        (f"{kind.name}.{extension}", f"{kind.title}, {extension}")
        for kind in exports.KINDS.values()
        for extension in kind.formats
    ]


def _options_help() -> str:
    told = [
        f"{kind.title}: {', '.join(option.name for option in kind.options)}"
        for kind in exports.KINDS.values()
        if kind.options
    ]
    return f"One a line, name=value. {'; '.join(told)}.".strip()


class FeedForm(ServiceForm):
    """What all feeds have. The fields in `keys` are keys of the target's setup."""

    target: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ()
    saved: FeedSaved

    file = forms.ChoiceField(
        label="File",
        choices=_kinds,
        widget=UnfoldAdminSelectWidget,
        help_text="What is made each time, and in which format.",
    )
    options = TagsField(
        label="Options",
        required=False,
        widget=UnfoldAdminTextareaWidget({"rows": 3, "spellcheck": "false"}),
    )

    class Meta:
        model = Feed
        fields = ("organization", "name", "enabled", "every", "day", "hour")
        widgets: ClassVar = {
            "enabled": UnfoldBooleanSwitchWidget,
            "every": UnfoldAdminSelectWidget,
            "day": UnfoldAdminTextInputWidget({"inputmode": "numeric"}),
            "hour": UnfoldAdminTextInputWidget({"inputmode": "numeric"}),
        }
        labels: ClassVar = {"enabled": "Switched on", "every": "How often"}
        help_texts: ClassVar = {
            "every": "It tells of the month, the seven days or the day before.",
            "day": "Of the month, 1 to 31 (31 is the last one), or of the week, 1 for "
            "Monday. Every day: of no meaning.",
            "hour": "0 to 23, by the organization's clocks.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["options"].help_text = _options_help()
        if self.instance.pk is None:
            return
        self.initial["file"] = f"{self.instance.kind}.{self.instance.format}"
        self.initial["options"] = self.instance.options
        for name in self.keys:
            self.initial[name] = self.instance.config.get(name)
            if name in secret_names(self.target) and name in self.instance.secrets:
                field = self.fields[name]
                field.help_text = _KEPT
                field.widget.attrs["placeholder"] = "\N{BULLET}" * 12

    def clean_hour(self) -> int:
        hour: int = self.cleaned_data["hour"]
        if hour not in range(24):
            raise ValidationError("Must be a whole number from 0 to 23.")
        return hour

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        every, day = cleaned.get("every"), cleaned.get("day")
        if every == FeedRhythm.DAY:
            cleaned["day"] = 1
        elif every in FeedRhythm.values and day is not None:
            allowed = DAYS[Every(every)] or range(1, 2)
            if day not in allowed:
                detail = f"Must be a whole number from {allowed[0]} to {allowed[-1]}."
                self.add_error("day", ValidationError(detail))
        return cleaned

    def serve(self) -> Feed:
        try:
            self.saved = self._save()
        except ChangedMeanwhile:
            raise
        except Refusal as refusal:
            raise _at_fields(refusal) from refusal
        return self.saved.feed

    def _save(self) -> FeedSaved:
        cleaned = self.cleaned_data
        kind, _, extension = cleaned["file"].partition(".")
        plan = FeedPlan(
            name=cleaned["name"],
            kind=kind,
            format=extension,
            options=cleaned["options"],
            every=cleaned["every"],
            day=cleaned["day"],
            hour=cleaned["hour"],
            target={"type": self.target, **self._setup()},
            enabled=cleaned["enabled"],
        )
        if self.instance.pk is None:
            return add_feed(cleaned["organization"], plan, now=timezone.now())
        return change_feed(self.instance, plan, now=timezone.now(), seen=self.seen)

    def _setup(self) -> dict[str, Any]:
        """Return what was filled in; a secret that was left empty stays."""
        given = {name: self.cleaned_data[name] or None for name in self.keys}
        kept = secret_names(self.target)
        return {
            name: value for name, value in given.items() if value or name not in kept
        }


def _at_fields(refusal: Refusal) -> Refusal:
    """Return *refusal* with "target.url" as "url", the form's name of it."""
    errors = tuple(
        FieldError(_field_of(error.attr), error.code, error.detail)
        for error in refusal.errors
    )
    return Invalid(str(refusal), errors=errors)


def _field_of(attr: str) -> str:
    if attr in {"kind", "format"}:
        return "file"
    if attr.startswith("options."):
        return "options"
    return attr.removeprefix("target.").removeprefix("schedule.")


def _line(label: str, *, example: str = "", note: str = "") -> forms.CharField:
    widget = UnfoldAdminTextInputWidget({"placeholder": example, "autocomplete": "off"})
    return forms.CharField(label=label, required=False, widget=widget, help_text=note)


def _secret(label: str, *, note: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        widget=WriteOnlyInput(),
        help_text=f"{note} {_HIDDEN}".strip(),
    )


class DirectoryForm(FeedForm):
    target = FeedTarget.DIRECTORY
    keys = ("folder",)
    folder = _line(
        "Folder",
        example="finance/focus",
        note="Below the organization's own. Empty: the organization's own.",
    )


class S3Form(FeedForm):
    target = FeedTarget.S3
    keys = (
        *("bucket", "region", "folder", "access_key_id", "secret_access_key"),
        *("endpoint", "path_style"),
    )
    bucket = _line("Bucket", example="acme-finance")
    region = _line("Region", example=USUAL_REGION)
    folder = _line(
        "Folder", example="costs/focus", note="What stands before the file's name."
    )
    access_key_id = _line(
        "Access key id",
        example="AKIA…",
        note="It needs to put objects there (s3:PutObject), and nothing else.",
    )
    secret_access_key = _secret("Secret access key")
    endpoint = _line(
        "Endpoint",
        example="https://minio.acme.example",
        note="Of what speaks like S3. Empty: AWS.",
    )
    path_style = forms.BooleanField(
        label="Bucket in the path",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="As MinIO has it; else before the host's name.",
    )


class FeedWebhookForm(FeedForm):
    target = FeedTarget.WEBHOOK
    keys = ("url", "secret")
    url = _line(
        "Address",
        example="https://example.com/hooks/costs",
        note="Gets JSON, signed as Standard Webhooks has it. It is shown to all who "
        "may see feeds: no passwords in it.",
    )
    secret = _secret(
        "Signing secret",
        note="Leave it empty when you set the feed up, and one is made.",
    )


class MailForm(FeedForm):
    target = FeedTarget.MAIL
    keys = ("recipients",)
    recipients = LinesField(
        help_text="Mail addresses, one a line. Those outside the organization are "
        "asked once whether they want it."
    )


FEED_FORMS: dict[str, type[FeedForm]] = {
    form.target: form for form in (DirectoryForm, S3Form, FeedWebhookForm, MailForm)
}
