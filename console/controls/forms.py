"""The forms of guardrails. Fields are called what the wire calls them, so that what is
refused there finds its place."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from console.asking import SAY_WHY
from console.fields import Offer, TemplateWidget, ValuesField, ValuesWidget, WhyField
from controls.api.rule_schemas import ControlRuleIn
from controls.expressions import read
from controls.types import ControlAction
from lib.amounts import AmountField
from lib.errors import Refusal
from lib.rules.expressions import LONGEST

_SPARE = 2  # empty rows below those that are filled in
_FIELDS: Mapping[str, tuple[str, ...]] = {
    ControlAction.BLOCK: ("message",),
    ControlAction.MODEL_BLOCKLIST: ("blocked_models", "allowed_models"),
    ControlAction.MODEL_DOWNGRADE: ("downgrades",),
    ControlAction.RATE_LIMIT: ("max_requests_per_minute", "max_cost_per_hour"),
    ControlAction.NOTIFY: (),
}


def text_input(**attributes: str) -> UnfoldAdminTextInputWidget:
    return UnfoldAdminTextInputWidget({"autocomplete": "off"} | attributes)


class UsersField(forms.CharField):
    """People, one a line."""

    def __init__(self, **options: Any) -> None:
        widget = UnfoldAdminTextareaWidget({"rows": "2", "spellcheck": "false"})
        super().__init__(required=False, widget=widget, **options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def clean(self, value: Any) -> Any:
        lines = (line.strip() for line in str(value or "").splitlines())
        return list(dict.fromkeys(filter(None, lines)))


class ModelsWidget(ValuesWidget):
    """Offers the models that were used lately with what they cost, and takes others."""

    template_name = "console/controls/values.html"


class PairsWidget(TemplateWidget):
    """Rows of a model and the one to use instead, with some to be filled in."""

    template_name = "console/controls/pairs.html"

    def get_context(
        self, name: str, value: Any, attrs: dict[str, Any] | None
    ) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        pairs = list(value.items() if isinstance(value, Mapping) else value or ())
        return context | {"pairs": [*pairs, *[("", "")] * _SPARE]}

    def value_from_datadict(
        self, data: Any, files: Any, name: str
    ) -> list[tuple[str, str]]:
        old, new = data.getlist(f"{name}.old"), data.getlist(f"{name}.new")
        pairs = [(a.strip(), b.strip()) for a, b in zip(old, new, strict=False)]
        return [pair for pair in pairs if any(pair)]

    def sent(self, name: str, value: Any) -> dict[str, list[str]]:
        pairs = dict(value or ())
        return {f"{name}.old": list(pairs), f"{name}.new": list(pairs.values())}

    def id_for_label(self, id_: str) -> str:
        return ""  # many fields: each has a label of its own


class PairsField(forms.Field):
    """A mapping, written as rows."""

    widget = PairsWidget

    def clean(self, value: Any) -> dict[str, str]:
        super().clean(value)
        found: dict[str, str] = {}
        for old, new in value or ():
            if not old or not new:
                row = f"{old or '?'} becomes {new or '?'}"
                raise forms.ValidationError(f"Name both models: {row}.")
            if old in found:
                raise forms.ValidationError(
                    f"{old} comes twice. Leave one of them out."
                )
            found[old] = new
        return found


def _models(label: str, help_text: str) -> forms.Field:
    return ValuesField(
        required=False, label=label, help_text=help_text, widget=ModelsWidget
    )


class ControlRuleForm(forms.Form):
    """One rule of a budget; only the fields that its action has."""

    trigger = forms.CharField(
        max_length=LONGEST,
        label="Condition",
        widget=text_input(list="co-triggers", spellcheck="false"),
    )
    message = forms.CharField(
        max_length=500,
        required=False,
        widget=text_input(),
        help_text="What callers are told. Empty: a sentence that names the budget.",
    )
    downgrades = PairsField(
        label="Use instead",
        help_text="A model is meant with all its versions, one with a date as that "
        "version; gpt-4* also means what goes on at a -: gpt-4-turbo, and not gpt-4o.",
    )
    blocked_models = _models("Blocked models", "These may not be used.")
    allowed_models = _models(
        "Allowed models", "If any are chosen, no other may be used."
    )
    max_requests_per_minute = forms.IntegerField(
        label="Requests a minute",
        required=False,
        min_value=1,
        widget=text_input(inputmode="numeric"),
    )
    max_cost_per_hour = AmountField(
        required=False, widget=text_input(inputmode="decimal")
    )
    exempt_users = UsersField(
        label="Exempt users",
        help_text="One a line. No rule of this budget concerns them.",
    )
    notify = forms.BooleanField(
        required=False, label="Tell people of its first effect in each period"
    )
    needs_approval = forms.BooleanField(
        required=False,
        label="Ask people before it takes effect",
        help_text="When its condition first holds in a period, those who approve money "
        "for this budget are asked; what they approve holds until the period ends.",
    )

    def __init__(
        self,
        data: Any = None,
        *,
        rule: Mapping[str, Any],
        currency: str,
        models: Sequence[Offer] = (),
    ) -> None:
        super().__init__(data, initial=_initial(rule))
        self.rule = rule
        self.models = [offer.value for offer in models]
        self.given: dict[str, Any] = {}
        kept = {"trigger", "exempt_users", "notify", "needs_approval"}
        kept |= {*_FIELDS[rule["action"]]}
        for name in set(self.fields) - kept:
            del self.fields[name]
        if rule["action"] == ControlAction.NOTIFY:
            del self.fields["notify"], self.fields["needs_approval"]
        if "max_cost_per_hour" in self.fields:
            self.fields["max_cost_per_hour"].label = f"{currency} an hour"
        for name in ("blocked_models", "allowed_models"):
            if name in self.fields and isinstance(
                widget := self.fields[name].widget, ValuesWidget
            ):
                widget.offers = models

    @property
    def parts(self) -> Iterator[forms.BoundField]:
        """Yield the fields that are of the action's own."""
        for name in _FIELDS[self.rule["action"]]:
            yield self[name]

    def clean_trigger(self) -> str:
        """Read it by itself: it is told of while the rest is still to be filled in."""
        try:
            return read(self.cleaned_data["trigger"]).text
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        if self.errors:
            return said
        config = {
            name: str(value) if isinstance(value, Decimal) else value
            for name, value in said.items()
            if name not in {"trigger", "notify"} and value not in (None, "", [], {})
        }
        shape = ControlRuleIn(
            data={
                "trigger": said["trigger"],
                "action": self.rule["action"],
                "config": config,
                "notify": said.get("notify", False),
            }
        )
        if shape.is_valid():
            uid = self.rule.get("id")
            self.given = {**shape.validated_data, **({"id": uid} if uid else {})}
        for name, detail in _refused(shape.errors):
            self.add_error(name if name in self.fields else None, detail)
        return said


def _initial(rule: Mapping[str, Any]) -> dict[str, Any]:
    config = dict(rule.get("config", {}))
    if cost := config.get("max_cost_per_hour"):
        config["max_cost_per_hour"] = Decimal(cost)
    return {**rule, **config}


def _refused(errors: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the field and the words of each error that the wire's shape has."""
    for name, found in errors.items():
        if name == "config" and isinstance(found, Mapping):
            yield from _refused(found)
        else:
            for detail in _details(found):
                yield name, detail


def _details(found: Any) -> Iterator[str]:
    if isinstance(found, Mapping):
        for key, inner in found.items():
            for detail in _details(inner):
                yield f"{key}: {detail}" if not isinstance(key, int) else detail
    elif isinstance(found, list):
        for inner in found:
            yield from _details(inner)
    else:
        yield str(found)


class SwitchForm(forms.Form):
    """What callers are told while a budget is switched off."""

    message = forms.CharField(
        max_length=500,
        required=False,
        widget=text_input(),
        help_text="What callers are told. Empty: that the budget is switched off.",
    )
    reason = WhyField(required=False)

    @property
    def why(self) -> str:
        """Return why it is switched: what is said to callers is one, too."""
        said = self.data
        return str(said.get("reason", "") or said.get("message", "")).strip()

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        if not self.why and "reason" not in self.errors:
            self.add_error("reason", SAY_WHY)
        return said
