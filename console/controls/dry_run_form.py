"""What is to be tried on the past, and on which part of it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget

from budgets.models import Budget, Enforcement
from console.controls.forms import text_input
from console.controls.presets import missing_presets
from controls.models import ControlRule
from controls.ruleset import rules_of
from controls.wording import summary_of
from lib.amounts import AmountField
from lib.periods import Window, start_of

OTHER = "days"
_DAY = timedelta(days=1)
_YEARS = range(2000, 2200)


class DryRunForm(forms.Form):
    """A period, rules, an amount and whether it is hard."""

    period = forms.ChoiceField(label="Time", widget=UnfoldAdminSelectWidget)
    first = forms.DateField(
        label="First day", required=False, widget=text_input(type="date")
    )
    last = forms.DateField(
        label="Last day", required=False, widget=text_input(type="date")
    )
    amount = AmountField(
        max_digits=30,
        decimal_places=10,
        min_value=0,
        required=False,
        widget=text_input(inputmode="decimal"),
        help_text="Of a period. Empty: what it was.",
    )
    enforcement = forms.ChoiceField(
        label="The amount is",
        choices=[
            (Enforcement.SOFT.value, "soft: it stops nothing"),
            (Enforcement.HARD.value, "hard: no call passes it"),
        ],
        widget=UnfoldAdminSelectWidget,
    )
    rules = forms.MultipleChoiceField(
        label="Its rules", required=False, widget=forms.CheckboxSelectMultiple
    )
    presets = forms.MultipleChoiceField(
        label="And presets",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(
        self,
        data: Any,
        *,
        budget: Budget,
        rows: Sequence[ControlRule],
        windows: Mapping[str, Window],
        labels: Sequence[tuple[str, str]],
    ) -> None:
        super().__init__(data)
        self.budget, self.rows, self.windows = budget, rows, windows
        self._choose("period", [*labels, (OTHER, "Other days")])
        said = rules_of(rows, budget.organization.currency)
        self._choose("rules", [(rule.uid, summary_of(rule)) for rule in said])
        missing = missing_presets({(row.action, row.trigger) for row in rows})
        self._choose("presets", [(key, one.title) for key, one in missing.items()])
        self.fields["amount"].label = f"Amount, in {budget.currency}"

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices

    @property
    def window(self) -> Window:
        """Return the time that is chosen, of a form that is valid."""
        said = self.cleaned_data
        if said["period"] != OTHER:
            return self.windows[said["period"]]
        zone = ZoneInfo(self.budget.timezone)
        return Window(
            start_of(said["first"], zone), start_of(said["last"] + _DAY, zone)
        )

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        if said.get("period") != OTHER:
            return said
        for name in ("first", "last"):
            if name not in self.errors and said.get(name) is None:
                self.add_error(name, "Say which day, or choose a period.")
            elif name in said and said[name].year not in _YEARS:
                self.add_error(name, "Choose a day on which calls were made.")
        if not self.errors and said["last"] < said["first"]:
            self.add_error("last", "Must not be before the first day.")
        return said
