"""Forms of bulk changes: a file, a copy, an edit of several, and the last word."""

from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from budgets.models import Enforcement, Priority
from bulk.models import BulkKind
from bulk.sheets import MOST_BYTES
from bulk.wishes import MOST_PERCENT
from console.fields import WhyField
from lib.amounts import AmountField

_DAY = UnfoldAdminTextInputWidget({"type": "date"})
_NUMBER = UnfoldAdminTextInputWidget({"inputmode": "decimal"})


def _percent(**options: Any) -> AmountField:
    return AmountField(
        shown_places=0,
        max_digits=9,
        decimal_places=4,
        min_value=Decimal(-100),
        max_value=MOST_PERCENT,
        widget=_NUMBER,
        **options,
    )


class SheetForm(forms.Form):
    """A file to be looked at."""

    kind = forms.ChoiceField(
        choices=BulkKind.choices, label="What is in it", widget=UnfoldAdminSelectWidget
    )
    file = forms.FileField(
        label="File",
        help_text=f"CSV or XLSX, up to {MOST_BYTES // 2**20} MB. "
        "Nothing is changed before you have seen what it would do.",
        widget=UnfoldAdminFileFieldWidget({"accept": ".csv,.xlsx"}),
    )

    def clean_file(self) -> Any:
        """Refuse what is too large before it is read."""
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            limit = MOST_BYTES // 2**20
            raise forms.ValidationError(
                f"The file is larger than {limit} MB. Divide it."
            )
        return file


class CopyForm(forms.Form):
    """From when on a budget, with all below it, is made anew."""

    first_day = forms.DateField(label="Their first day", widget=_DAY)
    percent = _percent(
        label="Growth in percent",
        initial=Decimal(0),
        help_text="8 makes 10,800 of 10,000; -5 makes 9,500.",
    )
    ends = forms.BooleanField(
        required=False,
        initial=True,
        label="The present ones end the day before",
    )


class EditForm(forms.Form):
    """What several budgets are given; what is left empty stays as it is."""

    percent = _percent(
        required=False,
        label="Change the amounts by percent",
        help_text="8 makes 10,800 of 10,000; -5 makes 9,500.",
    )
    owner = forms.EmailField(
        required=False,
        label="Owner",
        widget=UnfoldAdminTextInputWidget({"list": "people", "autocomplete": "off"}),
    )
    enforcement = forms.ChoiceField(
        required=False,
        choices=[("", "As they are"), *Enforcement.choices],
        label="Limit",
        widget=UnfoldAdminSelectWidget,
    )
    priority = forms.ChoiceField(
        required=False,
        choices=[("", "As they are"), *Priority.choices],
        label="Priority",
        widget=UnfoldAdminSelectWidget,
    )
    warning_threshold = _percent(required=False, label="Warning from percent")
    critical_threshold = _percent(required=False, label="Critical from percent")
    end_date = forms.DateField(required=False, label="Last day", widget=_DAY)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors and not any(
            value not in (None, "") for value in given.values()
        ):
            raise forms.ValidationError("Say what is to be changed.")
        return given

    def asked(self) -> tuple[dict[str, Any], str | None]:
        """Return the cells that are given, and the percent of growth."""
        given = self.cleaned_data
        cells = {
            name: given[name]
            for name in ("owner", "enforcement", "priority")
            if given[name]
        }
        for name in ("warning_threshold", "critical_threshold"):
            if given[name] is not None:
                cells[name] = f"{given[name]:f} %"
        if given["end_date"]:
            cells["end_date"] = given["end_date"].isoformat()
        percent = given["percent"]
        return cells, None if percent is None else f"{percent:f}"


class LastWordForm(forms.Form):
    """Applies what is shown, and why."""

    skips_faulty = forms.ChoiceField(
        label="Lines that can't be applied",
        choices=[
            ("", "All or nothing: apply nothing while there are any"),
            ("yes", "Leave them out, and apply the others"),
        ],
        required=False,
        widget=forms.RadioSelect,
    )
    reason = WhyField(help_text="Kept with each change.")
