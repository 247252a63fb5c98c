"""Sheets of which each line is about one row, that knows of no other line."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db import transaction
from django.db.models import Model, QuerySet
from rest_framework import serializers

from accounts.audit import giving
from accounts.models import Organization
from accounts.versions import Seen, version_of
from bulk.columns import BulkColumn, cells_of, differences_of, faults_of, wire_of
from bulk.kinds import Tell
from bulk.models import BulkKind, BulkStep
from bulk.types import BulkLine, Cell, DraftStep, Fault, FieldDifference, StepAction
from lib.errors import Invalid, NotFound, Refusal
from lib.web import id_of

Row = TypeVar("Row", bound=Model)


class RowSheet(ABC, Generic[Row]):
    """A kind of sheet whose lines are looked at, and applied, one by one.

    A line is looked at by doing what it says and taking that back: so it is refused
    then for the reasons for which it would be refused later.
    """

    kind: BulkKind
    columns: Sequence[BulkColumn]
    key: str
    words: str
    holds_trees = False

    @abstractmethod
    def all_of(self, organization: Organization) -> QuerySet[Row]:
        """Return the rows there are, in the order of a sheet."""

    @abstractmethod
    def find(self, organization: Organization, wire: Mapping[str, Any]) -> Row | None:
        """Return the row that a line without an id is about; None: a new one."""

    @abstractmethod
    def answer(self, row: Row) -> Mapping[str, Any]:
        """Return *row* as the API answers it."""

    @abstractmethod
    def label(self, wire: Mapping[str, Any]) -> str:
        """Return how a row is called."""

    @abstractmethod
    def make(
        self, organization: Organization, wire: dict[str, Any], now: datetime
    ) -> Row:
        """Keep a new row."""

    @abstractmethod
    def change(
        self, row: Row, wire: dict[str, Any], now: datetime, seen: Seen | None
    ) -> Row:
        """Change a row."""

    def unseen(self, row: Row, wire: Mapping[str, Any]) -> list[FieldDifference]:
        """Return differences that no cell shows."""
        return []

    def rows(self, organization: Organization) -> Iterator[dict[str, Cell]]:
        for row in self.all_of(organization).iterator():
            yield self._cells(row)

    def plan(
        self,
        organization: Organization,
        lines: Sequence[BulkLine],
        *,
        locale: str,
        now: datetime,
        tell: Tell,
    ) -> list[DraftStep]:
        met: dict[str, int] = {}
        steps = []
        for number, line in enumerate(lines):
            step = self._planned(organization, line, locale, now)
            _refuse_twice(step, met)
            steps.append(step)
            tell((number + 1) / len(lines))
        return steps

    def _planned(
        self, organization: Organization, line: BulkLine, locale: str, now: datetime
    ) -> DraftStep:
        wire, faults = wire_of(line, self.columns, locale)
        step = DraftStep([line.number], self.label(wire), StepAction.FAULTY)
        step.faults = faults
        if faults:
            return step
        try:
            self._look(organization, wire, step, now)
        except (Refusal, serializers.ValidationError) as refusal:
            step.faults = faults_of(refusal, line.number, self.columns)
            step.action = StepAction.FAULTY
        return step

    def _look(
        self,
        organization: Organization,
        wire: dict[str, Any],
        step: DraftStep,
        now: datetime,
    ) -> None:
        """Write into *step* what *wire* would do."""
        row = self._target(organization, wire)
        before = self._cells(row) if row else {}
        if row is not None:
            step.target, step.version = str(row.pk), version_of(row)
        step.label = self.label({**(self.answer(row) if row else {}), **wire})
        values = {name: value for name, value in wire.items() if name != "id"}
        step.values = values
        with transaction.atomic():
            if row is None:
                after = self.make(organization, dict(values), now)
            else:
                after = self.change(row, dict(values), now, None)
            cells = self._cells(after)
            transaction.set_rollback(True)
        cells.pop("id", None)
        step.differences = [
            *differences_of(before, cells, self.columns),
            *self.unseen(after, wire),
        ]
        if row is None:
            step.action = StepAction.MAKE
        else:
            step.action = StepAction.CHANGE if step.differences else StepAction.SAME

    def _target(
        self, organization: Organization, wire: Mapping[str, Any]
    ) -> Row | None:
        if (asked := wire.get("id")) is None:
            return self.find(organization, wire)
        known = id_of(str(asked))
        found = None
        if known is not None:
            found = self.all_of(organization).filter(pk=known).first()
        if found is None:
            raise Invalid.field("id", "There is none with this id.")
        return found

    def _cells(self, row: Row) -> dict[str, Cell]:
        return cells_of(self.answer(row), self.columns)

    def applying(
        self, organization: Organization, *, now: datetime, reason: str
    ) -> "RowApplying[Row]":
        return RowApplying(self, organization, now, reason)


class RowApplying(Generic[Row]):
    """Lines that are applied one by one."""

    def __init__(
        self,
        sheet: RowSheet[Row],
        organization: Organization,
        now: datetime,
        reason: str,
    ) -> None:
        self._sheet, self._organization = sheet, organization
        self._now, self._reason = now, reason

    def together(self) -> AbstractContextManager[None]:
        """Return nothing special: each is on its own."""
        return nullcontext()

    def apply(self, step: BulkStep) -> None:
        """Do what a step says, to the version that was looked at."""
        with giving(self._reason):
            self._apply(step)

    def _apply(self, step: BulkStep) -> None:
        values = dict(step.values)
        if not step.target:
            if self._sheet.find(self._organization, values) is not None:
                raise Invalid("Somebody has made it since.")
            self._sheet.make(self._organization, values, self._now)
            return
        row = self._sheet.all_of(self._organization).filter(pk=step.target).first()
        if row is None:
            raise NotFound("Somebody has deleted it since.")
        self._sheet.change(row, values, self._now, [step.version])

    def end(self) -> None:
        """There is nothing left to do."""


def _refuse_twice(step: DraftStep, met: dict[str, int]) -> None:
    """Make a step faulty that is about what another line is about."""
    about = step.target or step.label
    if step.faults:
        return
    if about in met:
        message = f"Line {met[about]} is about the same."
        step.faults.append(Fault(step.lines[0], "", message))
        step.action = StepAction.FAULTY
    met.setdefault(about, step.lines[0])
