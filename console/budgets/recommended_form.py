"""What the page of recommended amounts is asked: a total, floors and caps."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Organization
from budgets.models import Budget
from forecasts.advice import PRESENT, AdviceQuestion
from forecasts.reasons import Bounds
from lib.amounts import AmountField, read_amount
from lib.humanize import reader_locale
from lib.periods import Cadence
from lib.web import id_of

NEEDED, ANOTHER = "needed", "another"
_BOUNDS = ("floor", "cap")


class AmountsForm(forms.Form):
    """How much there is altogether, and what single budgets are to get."""

    spread = forms.ChoiceField(
        required=False,
        label="Altogether",
        choices=[
            (NEEDED, "What they need"),
            (PRESENT, "What they have now"),
            (ANOTHER, "Another amount"),
        ],
        widget=UnfoldAdminSelectWidget,
    )
    total = AmountField(
        required=False,
        label="Amount",
        min_value=Decimal(0),
        max_digits=30,
        decimal_places=10,
        widget=UnfoldAdminTextInputWidget(
            {"inputmode": "decimal", "autocomplete": "off"}
        ),
    )
    period = forms.ChoiceField(
        required=False,
        label="Budgets of",
        choices=[("", "Any period"), *((one.value, one.title()) for one in Cadence)],
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, data: Any, organization: Organization, root: Budget | None):
        super().__init__(data)
        self.organization, self.root = organization, root
        self.bounds, self.wrong = _bounds_in(self.data)
        if root is not None:
            del self.fields["period"]

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        if said.get("spread") == ANOTHER and said.get("total") is None:
            self.add_error("total", "Say how much there is.")
        if self.wrong:
            self.add_error(None, "Some floors or caps are no amounts.")
        return said

    def question(self) -> AdviceQuestion:
        """Return what is asked; without what is filled in wrongly: the usual."""
        said = self.cleaned_data if self.is_valid() else {}
        spread, period = said.get("spread"), said.get("period")
        totals = {PRESENT: PRESENT, ANOTHER: said.get("total")}
        return AdviceQuestion(
            organization=self.organization,
            root=self.root,
            period=Cadence(period) if period else None,
            total=totals.get(spread or NEEDED),
            bounds=self.bounds if said else {},
        )

    def text(self, name: str, budget_id: int) -> str:
        """Return the floor or cap of a budget as it was filled in."""
        return str(self.data.get(f"{name}.{budget_id}", ""))


def _bounds_in(data: Mapping[str, Any]) -> tuple[dict[int, Bounds], set[str]]:
    """Return the bounds by budget, and which fields are no amounts."""
    found: dict[str, dict[int, Decimal]] = {name: {} for name in _BOUNDS}
    wrong = set()
    for field, text in data.items():
        name, _, number = field.partition(".")
        budget_id = id_of(number)
        if name not in found or budget_id is None or not str(text).strip():
            continue
        try:
            amount = read_amount(str(text), reader_locale())
        except ValueError:
            amount = Decimal(-1)
        if amount < 0:
            wrong.add(field)
        else:
            found[name][budget_id] = amount
    floors, caps = (found[name] for name in _BOUNDS)
    return {pk: Bounds(floors.get(pk), caps.get(pk)) for pk in floors | caps}, wrong
