"""The columns of a kind of sheet, and what a line of it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from bulk.forms import EMPTY, CellError, Form, text_of
from bulk.types import BulkLine, Cell, Fault, FieldDifference
from lib.errors import Invalid, Refusal

_NOTHING: Any = object()  # a column that can't be empty


@dataclass(frozen=True, slots=True)
class BulkColumn:
    """A column: *path* is where its value goes in what the API is sent."""

    name: str
    form: Form
    words: str  # what it is, for people
    path: str = ""  # as "scope.teams"; "": its name
    emptied: Any = _NOTHING  # what EMPTY stands for
    is_money: bool = False

    @property
    def place(self) -> str:
        return self.path or self.name


def check_names(
    lines: Sequence[BulkLine], columns: Sequence[BulkColumn], key: str
) -> None:
    """Refuse a sheet with columns there are none of, or without the one it needs.

    Raises:
        Invalid: it names them.
    """
    if not lines:
        raise Invalid.field("file", "It has no lines below the names of its columns.")
    known = {column.name for column in columns}
    named = set(lines[0].cells)
    if unknown := sorted(named - known):
        raise Invalid.field(
            "file",
            f"There is no column {', '.join(unknown)}. "
            f"There are {', '.join(column.name for column in columns)}.",
        )
    if key not in named and "id" not in named:
        raise Invalid.field("file", f"It needs a column {key}, or id.")


def wire_of(
    line: BulkLine, columns: Sequence[BulkColumn], locale: str
) -> tuple[dict[str, Any], list[Fault]]:
    """Return what the API would be sent for a line, without what it leaves empty."""
    wire: dict[str, Any] = {}
    faults: list[Fault] = []
    for column in columns:
        cell = line.cells.get(column.name)
        if cell is None:
            continue
        try:
            _put(wire, column.place, _read(column, cell, locale))
        except CellError as error:
            faults.append(Fault(line.number, column.name, str(error)))
    return wire, faults


def _read(column: BulkColumn, cell: Cell, locale: str) -> Any:
    if cell == EMPTY:
        if column.emptied is _NOTHING:
            raise CellError("This can't be empty.")
        return column.emptied
    return column.form.read(cell, locale)


def _put(wire: dict[str, Any], place: str, value: Any) -> None:
    *above, name = place.split(".")
    for part in above:
        wire = wire.setdefault(part, {})
    wire[name] = value


def cells_of(
    values: Mapping[str, Any], columns: Sequence[BulkColumn]
) -> dict[str, Cell]:
    """Return the cells for what the API answers: by column."""
    return {
        column.name: column.form.write(_value_at(values, column.place))
        for column in columns
    }


def _value_at(values: Any, place: str) -> Any:
    for part in place.split("."):
        if not isinstance(values, Mapping):
            return None
        values = values.get(part)
    return values


def differences_of(
    before: Mapping[str, Cell], after: Mapping[str, Cell], columns: Sequence[BulkColumn]
) -> list[FieldDifference]:
    """Return the columns in which the two differ, in order; money with its currency."""
    return [
        FieldDifference(column.name, _told(column, before), _told(column, after))
        for column in columns
        if column.name in after and _told(column, before) != _told(column, after)
    ]


def _told(column: BulkColumn, cells: Mapping[str, Cell]) -> str:
    text = text_of(cells.get(column.name))
    return f"{text} {cells['currency']}" if column.is_money and text else text


def faults_of(
    error: Refusal | serializers.ValidationError,
    line: int,
    columns: Sequence[BulkColumn],
) -> list[Fault]:
    """Return what a refusal says of a line, by column."""
    if isinstance(error, serializers.ValidationError):
        told = list(_flat(error.detail))
    else:
        told = [(one.attr, one.detail) for one in error.errors] or [("", str(error))]
    return [Fault(line, _column_of(attr, columns), detail) for attr, detail in told]


def _flat(detail: Any, at: str = "") -> Any:
    if isinstance(detail, Mapping):
        for name, one in detail.items():
            yield from _flat(one, f"{at}.{name}" if at else str(name))
    elif isinstance(detail, list):
        for one in detail:
            yield from _flat(one, at)
    else:
        yield at, str(detail)


def _column_of(attr: str, columns: Sequence[BulkColumn]) -> str:
    """Return the column that *attr* is about: the one whose place it begins with."""
    parts = attr.split(".")
    while parts:
        place = ".".join(parts)
        for column in columns:
            if place in {column.place, column.name}:
                return column.name
        parts.pop()
    return ""
