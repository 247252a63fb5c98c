"""A request, as its sender would describe it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from console.controls.forms import text_input
from console.fields import TagsField
from lib.amounts import AmountField

# As the wire names what scopes know by these.
DIMENSIONS = {
    "provider": "provider",
    "model": "model",
    "department_id": "department",
    "team_id": "team",
    "project_id": "project",
    "environment": "environment",
    "user_id": "user",
}


_TOKENS = ("input_tokens", "max_output_tokens")


def _has_cost(said: Mapping[str, Any]) -> bool:
    return said.get("estimated_cost") is not None


def _list_of(name: str) -> str:
    return f"co-of-{name}"  # the datalist of what was used lately


def _name(label: str, name: str, *, required: bool = False) -> forms.CharField:
    widget = text_input(list=_list_of(name), spellcheck="false")
    return forms.CharField(
        label=label, max_length=200, required=required, widget=widget
    )


def _tokens(label: str) -> forms.IntegerField:
    widget = text_input(inputmode="numeric")
    return forms.IntegerField(label=label, required=False, min_value=0, widget=widget)


class TriedCallForm(forms.Form):
    """What an authorization asks for."""

    provider = _name("Provider", "provider", required=True)
    model = _name("Model", "model", required=True)
    department_id = _name("Department", "department_id")
    team_id = _name("Team", "team_id")
    project_id = _name("Project", "project_id")
    environment = _name("Environment", "environment")
    user_id = _name("User", "user_id")
    tags = TagsField(
        required=False,
        widget=UnfoldAdminTextareaWidget({"rows": "2", "spellcheck": "false"}),
        help_text="One a line: name=value.",
    )
    input_tokens = _tokens("Input tokens")
    max_output_tokens = _tokens("Output tokens, at most")
    estimated_cost = AmountField(required=False, widget=text_input(inputmode="decimal"))

    def __init__(
        self,
        data: Any,
        *,
        initial: Mapping[str, Any],
        currency: str,
        offers: Mapping[str, Sequence[str]],
    ) -> None:
        super().__init__(data, initial=dict(initial))
        self.fields["estimated_cost"].label = f"Or its cost, in {currency}"
        self.offers = [
            (_list_of(wire), offers[name]) for wire, name in DIMENSIONS.items()
        ]

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        tokens = [said.get(name) for name in _TOKENS]
        for name, value in zip(_TOKENS, tokens, strict=True):
            if value is None and any(one is not None for one in tokens):
                self.add_error(name, "Say both: the worst case would be set aside.")
        if not self.errors and tokens == [None, None] and not _has_cost(said):
            detail = "Say what it may cost at most: here, or by its tokens."
            self.add_error("estimated_cost", detail)
        return said

    @property
    def body(self) -> dict[str, Any]:
        """Return it as the wire has it, of a form that is valid."""
        return {
            name: str(value) if isinstance(value, Decimal) else value
            for name, value in self.cleaned_data.items()
            if value not in (None, "", {})
        }
