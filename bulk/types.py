"""What is read from a sheet, and what it comes to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

Cell = str | int | Decimal | bool | date | datetime | None  # None: it is empty


@dataclass(frozen=True, slots=True)
class BulkLine:
    """One line of a sheet, by column. A spreadsheet's own numbering, from 1."""

    number: int
    cells: Mapping[str, Cell]


class Fault(NamedTuple):
    """What is wrong with one cell, or with a line (column "")."""

    line: int
    column: str
    message: str


class FieldDifference(NamedTuple):
    """A field, what it is now ("" for something new) and what it would be."""

    column: str
    before: str
    after: str


class StepAction(StrEnum):
    """What a step does."""

    MAKE = "make"
    CHANGE = "change"
    SAME = "same"  # nothing
    FAULTY = "faulty"  # nothing, for it can't be done


@dataclass(slots=True)
class DraftStep:
    """What one line, or the lines about one thing, come to.

    *values* is what is applied, as JSON has it; *target* names what is changed, and
    *version* which version of it was looked at.
    """

    lines: Sequence[int]
    label: str
    action: StepAction
    target: str = ""
    version: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    differences: list[FieldDifference] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
