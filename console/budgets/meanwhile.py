"""What to do when somebody saved a budget while another filled in its form.

What only one of them changed is kept; where both changed a field, both values stand
side by side and the person chooses.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from django import forms
from django.http import HttpRequest, QueryDict

from accounts.models import Organization
from accounts.versions import history_of, last_change
from budgets.models import Budget
from console.budgets.forms import BudgetForm
from console.fields import PercentField, ValuesField
from lib.money import format_percent
from lib.web import id_of

_KEEP = "keep."  # before the name of a field: "theirs" or "mine"
_NOT_STORED = {"reason"}


class FieldClash(NamedTuple):
    """A field that both changed: what it is called, and both values in words."""

    name: str
    label: str
    theirs: str
    mine: str


class Taken(NamedTuple):
    """A field that only the other one changed."""

    label: str
    before: str
    now: str


class Meanwhile(NamedTuple):
    """What somebody else saved since the form was opened."""

    words: str  # "Changed by lea@acme.example 1 min ago"
    clashes: list[FieldClash]
    taken: list[Taken]
    data: QueryDict  # the form as it is to be shown again


def resolved(request: HttpRequest, budget: Budget) -> QueryDict:
    """Return what is posted, with the present value where that was chosen."""
    data = request.POST.copy()
    now = data_of(budget)
    for key, choice in request.POST.items():
        if key.startswith(_KEEP) and choice == "theirs":
            _put(data, key.removeprefix(_KEEP), now)
    return data


def meanwhile_of(data: QueryDict, budget: Budget) -> Meanwhile | None:
    """Compare what is posted with *budget* as it is and as it was when the form was
    opened; None: nobody changed it, or it can't be told how it was."""
    history = history_of(budget)
    last = last_change(history)
    seen = data.get("version", "")
    if last is None or not seen or last.version == seen:
        return None
    before = history.filter(history_id=id_of(seen)).first()
    was = before.instance if before is not None else budget
    forms_ = [
        BudgetForm(one, organization=budget.organization, budget=budget)
        for one in (data_of(was, budget.organization), data_of(budget), data)
    ]
    for form in forms_:
        form.is_valid()
    shown = data.copy()
    shown["version"] = last.version
    clashes, taken = [], []
    for name, field in forms_[0].fields.items():
        if name in _NOT_STORED:
            continue
        old, now, mine = (form.cleaned_data.get(name) for form in forms_)
        if now == mine or (old == now and before is not None):
            continue
        label = str(field.label or name.replace("_", " ")).capitalize()
        if old == mine and before is not None:
            _put(shown, name, data_of(budget))
            taken.append(Taken(label, words_of(field, old), words_of(field, now)))
        else:
            clashes.append(
                FieldClash(name, label, words_of(field, now), words_of(field, mine))
            )
    return Meanwhile(last.words, clashes, taken, shown)


def data_of(budget: Budget, organization: Organization | None = None) -> QueryDict:
    """Return what the form of *budget* sends when nothing is changed in it."""
    form = BudgetForm(organization=organization or budget.organization, budget=budget)
    data = QueryDict(mutable=True)
    for name, field in form.fields.items():
        value = form[name].value()
        if isinstance(field, ValuesField):
            data.setlist(name, list(value or ()))
        else:
            data[name] = "" if value is None else str(value)
    return data


def _put(data: QueryDict, name: str, source: QueryDict) -> None:
    """Give the field *name* of *data* the value it has in *source*."""
    data.setlist(name, source.getlist(name))
    data.pop(f"{name}.others", None)


def words_of(field: forms.Field, value: Any) -> str:
    """Write the value of a field as people read it."""
    if value in (None, "", [], {}):
        return "none"
    if isinstance(field, PercentField):
        return format_percent(value)
    if isinstance(field, forms.ChoiceField):
        return str(dict(_choices(field)).get(value, value))
    if isinstance(value, Decimal):
        return f"{value.normalize():,f}"
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{k}={v}" if v else k for k, v in value.items())
    return str(value)


def _choices(field: forms.ChoiceField) -> Iterator[tuple[Any, Any]]:
    if not isinstance(field, forms.ModelChoiceField):
        yield from field.choices  # type: ignore[misc]  # none of them are grouped
