"""What to do when somebody saved a row while another filled in its form.

What only one of them changed is kept; where both changed a field, both values stand
side by side and the person chooses. Forms of models are `VersionedForm`s, which do all
that by themselves; a page with a form of another kind calls `meanwhile_of`.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import QueryDict

from accounts.versions import (
    VERSION,
    ChangedMeanwhile,
    Seen,
    check_row,
    has_history,
    history_of,
    rows_like,
    seen_by,
    version_of,
)
from lib.web import id_of

_NOT_SAVED = "Not saved: somebody else changed it meanwhile."
_KEEP = "keep."  # before the name of a field: "theirs" or "mine"


@runtime_checkable
class SendsParts(Protocol):
    """A widget of several fields, which says itself what they send."""

    def sent(self, name: str, value: Any) -> Mapping[str, list[str]]:
        """Return what the fields of *name* send where they show *value*."""


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
    """What somebody else saved since a form was opened."""

    words: str  # "Changed by lea@acme.example 1 min ago"
    clashes: list[FieldClash]
    taken: list[Taken]
    data: QueryDict  # the form as it is to be shown again


def chosen(data: QueryDict, now: forms.BaseForm) -> QueryDict:
    """Return what is posted, with what the form *now* has where that was chosen."""
    shown = data.copy()
    for key, choice in data.items():
        name = key.removeprefix(_KEEP)
        if name != key and choice == "theirs" and name in now.fields:
            _take(shown, now, name)
    return shown


def meanwhile_of(
    row: Model, data: QueryDict, form_of: Callable[[Any], forms.BaseForm]
) -> Meanwhile | None:
    """Compare what is posted with *row* as it is, and as it was when its form was
    opened; None: nobody changed it, or it does not say what it saw.

    *form_of* makes the form of a row, not bound, without what no row keeps.
    """
    try:
        check_row(row, seen_by(data))
    except ChangedMeanwhile as refusal:
        words = refusal.words
    else:
        return None
    was = as_of(row, str(data[VERSION]))
    before = None if was is None else form_of(was)
    found = _between(before, form_of(row), data, words)
    found.data[VERSION] = version_of(row)
    return found


def _between(
    was: forms.BaseForm | None, now: forms.BaseForm, data: QueryDict, words: str
) -> Meanwhile:
    """Compare *data* with the form as it was opened (None: not known), and as it is."""
    shown = data.copy()
    clashes, taken = [], []
    for name, field in now.fields.items():
        present, mine = _value_in(now, name, data_of(now)), _value_in(now, name, data)
        known = was is not None and name in was.fields
        old = _value_in(was, name, data_of(was)) if was and known else None
        if field.disabled or present == mine or (known and old == present):
            continue
        label = str(now[name].label)
        if known and old == mine:
            _take(shown, now, name)
            taken.append(Taken(label, words_of(field, old), words_of(field, present)))
        else:
            theirs, own = words_of(field, present), words_of(field, mine)
            clashes.append(FieldClash(name, label, theirs, own))
    return Meanwhile(words, clashes, taken, shown)


def data_of(form: forms.BaseForm) -> QueryDict:
    """Return what *form* sends when nothing is changed in it."""
    data = QueryDict(mutable=True)
    for name in form.fields:
        for key, values in _sent_by(form, name).items():
            data.setlist(key, values)
    return data


def _take(data: QueryDict, source: forms.BaseForm, name: str) -> None:
    """Give the field *name* of *data* the value it has in the form *source*."""
    for key, values in _sent_by(source, name).items():
        data.setlist(key, values)
        if not values:
            del data[key]


def _sent_by(form: forms.BaseForm, name: str) -> dict[str, list[str]]:
    bound = form[name]
    return dict(_sent(bound.field.widget, bound.html_name, bound.value()))


def _sent(widget: forms.Widget, name: str, value: Any) -> Iterator[Any]:
    """Yield each name that *widget* sends something by, and what."""
    if isinstance(widget, SendsParts):
        yield from widget.sent(name, value).items()
    elif isinstance(widget, forms.MultiWidget):
        values = value if isinstance(value, list) else widget.decompress(value)
        for number, part in enumerate(widget.widgets):
            one = values[number] if values else None
            yield from _sent(part, f"{name}_{number}", one)
    else:
        text: Any = widget.format_value(value)
        several = text if isinstance(text, list | tuple) else [text]
        yield name, [str(one) for one in several if one is not None]


def _value_in(form: forms.BaseForm, name: str, data: QueryDict) -> Any:
    """Return what the field *name* makes of *data*; what is wrong, as it stands."""
    field = form.fields[name]
    raw = field.widget.value_from_datadict(data, {}, form.add_prefix(name))
    try:
        return field.clean(raw)
    except ValidationError:
        return raw


def words_of(field: forms.Field, value: Any) -> str:
    """Write the value of a field as people read it."""
    if value in (None, "", [], {}):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(field, forms.ChoiceField) and not isinstance(value, Model):
        labels = dict(_labels(field))
        several = value if isinstance(value, list) else [value]
        return ", ".join(str(labels.get(str(one), one)) for one in several)
    if isinstance(value, str):
        return value  # also what was filled in wrongly
    words: Callable[[Any], str] = getattr(field, "words_of", _plain)
    return words(value)


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():,f}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{k}={v}" if v else str(k) for k, v in value.items())
    return str(value)


def _labels(field: forms.ChoiceField) -> Iterator[tuple[str, str]]:
    if isinstance(field, forms.ModelChoiceField):
        return
    choices: Any = field.choices
    for value, label in choices:
        if isinstance(label, list | tuple):
            yield from ((str(one), str(word)) for one, word in label)
        else:
            yield str(value), str(label)


class VersionedForm(forms.ModelForm[Any]):
    """The form of a row, which is not saved over what somebody else saved meanwhile.

    Its page sends `version` along as the field `VERSION`, and shows `meanwhile`.
    """

    # Whether the row is held from the look on, in the transaction that saves it. Else
    # what saves it holds it, and takes `seen`.
    holds_row: ClassVar[bool] = True
    meanwhile: Meanwhile | None = None

    @property
    def version(self) -> str:
        """Return which version of the row is shown; "" of a new one."""
        if self.instance.pk is None:
            return ""
        if self.is_bound:
            return str(self.data.get(VERSION, ""))
        return version_of(self.instance)

    @property
    def seen(self) -> Seen | None:
        """Return the version that is changed, as services take it."""
        return seen_by(self.data)

    def full_clean(self) -> None:
        if self.is_bound and self.instance.pk is not None:
            self._compare()
        super().full_clean()

    def clean(self) -> dict[str, Any] | None:
        if self.meanwhile is not None:
            raise ValidationError(_NOT_SAVED)
        return super().clean()

    def look_again(self) -> None:
        """Show what was changed between the look and the lock of a service."""
        self._compare()
        self.add_error(None, _NOT_SAVED)

    def _compare(self) -> None:
        """Look whether another version is there than was shown."""
        row = self._present()
        data = chosen(_as_query(self.data), self._unbound(row))
        self.meanwhile = meanwhile_of(row, data, self._unbound)
        self.data = self.meanwhile.data if self.meanwhile else data

    def _present(self) -> Model:
        """Return the row as it is, or as it was read where it is gone."""
        rows = rows_like(self.instance)
        if self.holds_row:
            rows = rows.select_for_update()
        found: Model | None = rows.first()
        return found or self.instance

    def _unbound(self, row: Model) -> "VersionedForm":
        return type(self)(instance=row)


def _as_query(data: Any) -> QueryDict:
    """Return the fields of a form as a browser sends them."""
    if isinstance(data, QueryDict):
        return data
    query = QueryDict(mutable=True)
    for name, value in dict(data).items():
        query.setlist(name, value if isinstance(value, list) else [value])
    return query


def as_of(row: Any, version: str) -> Any:
    """Return *row* as it was at *version*; None: that is not known."""
    if not has_history(row):
        return None
    entry = history_of(row).filter(history_id=id_of(version)).first()
    return entry.instance if entry is not None else None
