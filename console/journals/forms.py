"""The table of account mappings, and the fields of how files are written."""

from typing import Any, NamedTuple

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from console.journals.scope_words import read_scope, written_scope
from lib.errors import Refusal
from reports.journals.mappings import FIELDS, LONGEST_NAME
from reports.journals.setups import MOST_DECIMALS, SETTINGS
from reports.models import DateOrder, JournalSetup

COLUMNS = ("scope", *FIELDS)
LABELS = {
    "scope": "Costs of",
    "expense_account": "Expense account",
    "liability_account": "Liability account",
    "cost_center": "Cost center",
    "department": "Department",
    "class": "Class",
}
_SPARE = 3  # rows to be filled in


class MappingCell(NamedTuple):
    """One field of the table."""

    name: str
    label: str
    text: str
    error: str = ""


class MappingTable:
    """The mappings as rows of text, as they are kept or as they were filled in."""

    def __init__(self, data: Any, setup: JournalSetup) -> None:
        self.is_bound = data is not None
        self.errors: dict[tuple[int, str], str] = {}
        if data is None:
            self.rows = [
                [written_scope(one["scope"]), *(one[name] for name in FIELDS)]
                for one in setup.mappings
            ]
            return
        columns = [data.getlist(f"row.{name}") for name in COLUMNS]
        rows = [list(map(str.strip, row)) for row in zip(*columns, strict=False)]
        self.rows = [row for row in rows if any(row)]

    def given(self) -> list[dict[str, Any]]:
        """Return the mappings as the wire has them; a scope that can't be read is
        noted, and is nobody's."""
        found = []
        for place, row in enumerate(self.rows):
            said: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
            try:
                said["scope"] = read_scope(row[0])
            except ValueError as error:
                self.errors[place, "scope"] = str(error)
                said["scope"] = {}
            found.append(said)
        return found

    def tell(self, refusal: Refusal) -> None:
        """Put what is refused at the cell it is about."""
        for error in refusal.errors:
            place, _, attr = error.attr.partition(".")
            name = "scope" if attr.startswith("scope") else attr
            if place.isdigit() and name in COLUMNS:
                self.errors.setdefault((int(place), name), error.detail)

    @property
    def shown(self) -> list[list[MappingCell]]:
        """Return the rows with some to be filled in."""
        return [
            [
                MappingCell(
                    f"row.{name}",
                    f"{LABELS[name]}, row {place + 1}",
                    text,
                    self.errors.get((place, name), ""),
                )
                for name, text in zip(COLUMNS, row, strict=True)
            ]
            for place, row in enumerate([*self.rows, *[[""] * len(COLUMNS)] * _SPARE])
        ]


def _said(name: str) -> dict[str, Any]:
    field: Any = JournalSetup._meta.get_field(name)
    label = field.verbose_name[0].upper() + field.verbose_name[1:]
    return {"label": label, "help_text": field.help_text}


def _name(name: str, *, required: bool = False) -> forms.CharField:
    return forms.CharField(
        **_said(name),
        required=required,
        max_length=LONGEST_NAME,
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
    )


class SettingsForm(forms.Form):
    """How files are written."""

    rounding_account = _name("rounding_account")
    decimals = forms.IntegerField(
        **_said("decimals"),
        required=False,
        min_value=0,
        max_value=MOST_DECIMALS,
        widget=UnfoldAdminTextInputWidget({"inputmode": "numeric"}),
    )
    date_order = forms.ChoiceField(
        **_said("date_order"),
        choices=DateOrder.choices,
        widget=UnfoldAdminSelectWidget,
    )
    subsidiary = _name("subsidiary")
    tax_rate = _name("tax_rate", required=True)
    tracking_department = _name("tracking_department")
    tracking_cost_center = _name("tracking_cost_center")
    tracking_class = _name("tracking_class")

    def __init__(self, data: Any, setup: JournalSetup) -> None:
        super().__init__(data, initial={n: getattr(setup, n) for n in SETTINGS})

    def tell(self, refusal: Refusal) -> None:
        """Put what is refused at its field."""
        for error in refusal.errors:
            if error.attr in self.fields:
                self.add_error(error.attr, error.detail)
