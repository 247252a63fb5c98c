"""What an export is: a kind, its formats, and an order of one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from accounts.models import Organization
from accounts.scopes import Scope
from lib.periods import Window

YES_NO = ("false", "true")


def _tell_nobody(share: float) -> None:
    """Leave unsaid how far an export is."""


@dataclass(frozen=True, slots=True)
class Option:
    """What one kind of export may be asked beside its time."""

    name: str  # lower_snake_case: the query's parameter; the command's flag, with -
    help: str
    choices: tuple[str, ...] = ()  # empty: any text
    default: str = ""


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """One export that somebody asks for.

    *options* have a value for each `Option` of the kind. Who writes the file says with
    *tell* how much of it is done, a share from 0 to 1, where that takes longer than a
    moment. It may run for hours: no lock and no transaction stays open between pieces.
    """

    organization: Organization
    window: Window
    options: Mapping[str, str]
    now: datetime
    tell: Callable[[float], None] = _tell_nobody


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One format a kind is written in; *pieces* yields the file in the order of its
    bytes, with memory that does not grow with it."""

    content_type: str
    pieces: Callable[[ExportOrder], Iterator[bytes]]


def _no_counts(order: ExportOrder) -> Mapping[str, int]:
    return {}


@dataclass(frozen=True, slots=True)
class ExportKind:
    """One kind of file that leaves the house.

    *counts* says, in whole numbers by name, what whoever takes the file must know
    though it is not in it: `{"unpriced_records": 3}`. It is asked before the file is
    written. Raises what `pieces` would before its first piece, so that a refusal is an
    answer and not a file that breaks off.
    """

    name: str  # kebab-case: in addresses, file names and the command
    title: str
    formats: Mapping[str, ExportFormat]  # by extension; the first is the usual one
    options: tuple[Option, ...] = ()
    counts: Callable[[ExportOrder], Mapping[str, int]] = _no_counts
    scope: Scope = Scope.COSTS_READ  # that whoever asks for one must have
    local: bool = field(default=False)  # days and months by the organization's clocks
    # How things stand when it is made, whatever time is asked for.
    snapshot: bool = field(default=False)
