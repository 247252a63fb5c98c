"""The form of a comparison: its name, and a part for each scenario."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.meanwhile import VersionedForm
from console.fields import TemplateWidget
from console.scenarios.wording import assumption_words
from forecasts.assumptions import Assumptions, Scenario, read
from forecasts.models import ScenarioSet
from lib.amounts import read_amount, written_amount
from lib.errors import Invalid
from lib.humanize import reader_locale

MOST_SCENARIOS = 8
_FIRST, _SPARE = 2, 1  # parts to be filled in: at the beginning, and beside others
_HUNDRED = Decimal(100)


class Cell(NamedTuple):
    """One thing a scenario may assume, as the form has it."""

    label: str
    kind: str  # "text", "percent" or "number"
    wrong: str = ""  # what to do where it can't be taken


CELLS: Mapping[str, Cell] = {
    "name": Cell("Name", "text"),
    "growth": Cell(
        "Growth, in %", "percent", "give a number from -100 to 10,000: 30 is 30 % more."
    ),
    "cost_reduction": Cell(
        "Saved, in %", "percent", "give a number from 0 to 100: 30 is 30 % less."
    ),
    "additional_requests": Cell(
        "Additional requests", "number", "give a whole number, such as 10,000."
    ),
    "average_cost": Cell(
        "Each costs", "number", "give what one of them costs, such as 0.05."
    ),
    "from": Cell("Switch from model", "text", "name the model that is used now."),
    "to": Cell("To model", "text", "name the model to use instead."),
    "share": Cell(
        "Of its use, in %",
        "percent",
        "give a number from 0 to 100; empty is all.",
    ),
    "limit": Cell("Another limit", "number", "give an amount of 0 or more."),
}
_SWAP = {"from", "to", "share"}


class ScenariosWidget(TemplateWidget):
    """A part for each scenario, with some to be filled in."""

    template_name = "console/scenarios/parts.html"

    def get_context(
        self, name: str, value: Any, attrs: dict[str, Any] | None
    ) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        filled = list(_parts_of(value))
        spare = min(_SPARE if filled else _FIRST, MOST_SCENARIOS - len(filled))
        parts = [*filled, *[[""] * len(CELLS)] * spare]
        shown = [
            [
                (f"{name}.{key}", cell, text)
                for (key, cell), text in zip(CELLS.items(), part, strict=True)
            ]
            for part in parts
        ]
        return context | {"parts": shown}

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[list[str]]:
        columns = [data.getlist(f"{name}.{key}") for key in CELLS]
        parts = [[one.strip() for one in part] for part in zip(*columns, strict=False)]
        return [part for part in parts if any(part)][:MOST_SCENARIOS]

    def sent(self, name: str, value: Any) -> dict[str, list[str]]:
        columns = list(zip(*_parts_of(value), strict=True)) or [()] * len(CELLS)
        return {
            f"{name}.{key}": list(texts)
            for key, texts in zip(CELLS, columns, strict=True)
        }

    def id_for_label(self, id_: str) -> str:
        return ""  # many fields: each has a label of its own


def _parts_of(value: Any) -> Iterator[list[str]]:
    """Write stored scenarios as parts; those that were filled in stay as they are."""
    for one in value or ():
        if not isinstance(one, Mapping):
            yield list(one)
            continue
        texts = _texts_of(read(one["assumptions"])) | {"name": one["name"]}
        yield [texts.get(key, "") for key in CELLS]


def _texts_of(assumed: Assumptions) -> dict[str, str]:
    locale = reader_locale()

    def number(amount: Decimal | int | None) -> str:
        return "" if amount is None else written_amount(Decimal(amount), locale, 0)

    found = {"limit": number(assumed.limit)}
    for name in ("growth", "cost_reduction"):
        if share := getattr(assumed, name):
            found[name] = number(share * _HUNDRED)
    if assumed.additional_requests:
        found["additional_requests"] = number(assumed.additional_requests)
        found["average_cost"] = number(assumed.average_cost)
    for swap in assumed.model_swap:
        found |= {"from": swap.model, "to": swap.to}
        if swap.share != 1:
            found["share"] = number(swap.share * _HUNDRED)
    return found


class ScenariosField(forms.Field):
    """Scenarios, as a set keeps them."""

    widget = ScenariosWidget

    def clean(self, value: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for place, part in enumerate(super().clean(value) or (), 1):
            texts = dict(zip(CELLS, part, strict=True))
            name = texts.pop("name")
            called = f"“{name}”" if name else f"Scenario {place}"
            if not name:
                raise forms.ValidationError(f"{called}: give it a name.")
            if len(name) > _LONGEST_NAME:
                detail = f"{called}: use at most {_LONGEST_NAME} characters."
                raise forms.ValidationError(detail)
            if name in found:
                raise forms.ValidationError(f"{called}: the name stands twice.")
            try:
                assumed = read(_given_of(texts))
            except Invalid as refusal:
                raise forms.ValidationError(
                    [f"{called}, {_said(error.attr)}" for error in refusal.errors]
                ) from refusal
            found[name] = {"name": name, "assumptions": assumed.told()}
        return list(found.values())

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(list(_parts_of(initial)) != data)

    def words_of(self, value: Sequence[Mapping[str, Any]]) -> str:
        """Write scenarios as people read them."""
        scenarios = (
            Scenario(one["name"], read(one["assumptions"]))
            for one in value
            if isinstance(one, Mapping)
        )
        return "; ".join(
            f"{one.name}: {', '.join(assumption_words(one.assumed, '')) or 'as it is'}"
            for one in scenarios
        )


_LONGEST_NAME = 100


def _given_of(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return what is filled in as `read` takes it; what is no number as it stands."""
    given: dict[str, Any] = {
        name: _number(text) / (_HUNDRED if CELLS[name].kind == "percent" else 1)
        for name, text in texts.items()
        if text and CELLS[name].kind != "text"
    }
    if any(texts[name] for name in _SWAP):
        share = given.pop("share", Decimal(1))
        swap = {"from": texts["from"], "to": texts["to"], "share": share}
        given["model_swap"] = swap
    return given


def _number(text: str) -> Decimal:
    try:
        return read_amount(text, reader_locale())
    except ValueError:
        return Decimal("NaN")  # which is in no range


def _said(attr: str) -> str:
    """Say of what is wrong where it stands, and what to do."""
    name = attr.removeprefix("model_swap").removeprefix(".") or "from"
    cell = CELLS[name]
    return f"{cell.label}: {cell.wrong}"


class ScenarioSetForm(VersionedForm):
    """The name of a comparison, and its scenarios."""

    scenarios = ScenariosField(
        label="Scenarios",
        required=False,
        help_text="What is left empty stays as it is; what is filled in holds, all of "
        "it, from now to the period's end. A part that is emptied is taken away.",
    )

    class Meta:
        model = ScenarioSet
        fields = ("name", "scenarios")
        labels = {"name": "Name of the comparison"}
        widgets = {"name": UnfoldAdminTextInputWidget({"autocomplete": "off"})}

    def validate_constraints(self) -> None:
        """Look at the name among those of the budget, which is no field here."""
        try:
            self.instance.validate_constraints()
        except forms.ValidationError as error:
            self.add_error("name", error.messages)
