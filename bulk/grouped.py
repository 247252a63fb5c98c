"""Sheets of which all lines about one budget are all that it has."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

from django.db import transaction
from rest_framework import serializers

from accounts.audit import giving
from accounts.models import Organization
from accounts.versions import Seen
from budgets.models import Budget
from bulk.columns import BulkColumn, cells_of, faults_of, wire_of
from bulk.forms import TextCells
from bulk.kinds import Tell
from bulk.models import BulkKind, BulkStep
from bulk.named import NamedBudgets
from bulk.types import BulkLine, Cell, DraftStep, Fault, FieldDifference, StepAction
from lib.errors import Invalid, NotFound, Refusal

BUDGET = BulkColumn("budget", TextCells(), "its names from the top down, or its id")
Bodies = list[dict[str, Any]]


class BudgetListSheet(ABC):
    """A kind of sheet that gives budgets lists of things in the place of those they
    have. A line with an empty *first* column says that there are none."""

    kind: BulkKind
    columns: Sequence[BulkColumn]
    key = "budget"
    words: str
    noun: str  # of one thing: "rule"
    first: str
    holds_trees = True

    @abstractmethod
    def bodies(self, budget: Budget) -> Bodies:
        """Return what *budget* has, as the API answers it."""

    @abstractmethod
    def read(self, wires: Bodies) -> Any:
        """Return what the API makes of *wires*.

        Raises:
            ValidationError: they are unsound.
        """

    @abstractmethod
    def configure(
        self, budget: Budget, given: Any, now: datetime, seen: Seen | None
    ) -> None:
        """Give *budget* what was read."""

    @abstractmethod
    def version(self, budget: Budget) -> str:
        """Return which version what *budget* has is now."""

    @abstractmethod
    def summary(self, body: Mapping[str, Any]) -> str:
        """Say one of the bodies."""

    def rows(self, organization: Organization) -> Iterator[dict[str, Cell]]:
        named = NamedBudgets(organization)
        for budget in named.rows.values():
            for body in self.bodies(budget):
                yield {"budget": named.way_of(budget), **self._cells(body)}

    def _cells(self, body: Mapping[str, Any]) -> dict[str, Cell]:
        return cells_of(body, self.columns[1:])

    def plan(
        self,
        organization: Organization,
        lines: Sequence[BulkLine],
        *,
        locale: str,
        now: datetime,
        tell: Tell,
    ) -> list[DraftStep]:
        named = NamedBudgets(organization)
        steps: list[DraftStep] = []
        groups: dict[int, list[BulkLine]] = {}
        for line in lines:
            try:
                budget = named.named(str(line.cells.get("budget") or ""), "budget")
            except Refusal as refusal:
                faults = faults_of(refusal, line.number, self.columns)
                label = str(line.cells.get("budget") or "")
                faulty = DraftStep([line.number], label, StepAction.FAULTY)
                faulty.faults = faults
                steps.append(faulty)
            else:
                groups.setdefault(budget.pk, []).append(line)
        for number, (pk, mine) in enumerate(groups.items(), 1):
            budget = named.rows[pk]
            steps.append(self._planned(budget, named.way_of(budget), mine, locale, now))
            tell(number / len(groups))
        return sorted(steps, key=lambda step: step.lines[0])

    def _planned(
        self,
        budget: Budget,
        label: str,
        lines: Sequence[BulkLine],
        locale: str,
        now: datetime,
    ) -> DraftStep:
        step = DraftStep([one.number for one in lines], label, StepAction.FAULTY)
        wires = self._wires(lines, step.faults, locale)
        if step.faults:
            return step
        try:
            given = self.read(wires)
        except serializers.ValidationError as error:
            step.faults = self._faults_of(error, lines)
            return step
        before = self.bodies(budget)
        step.target, step.version = str(budget.pk), self.version(budget)
        step.values = {"wires": wires}
        try:
            with transaction.atomic():
                self.configure(budget, given, now, None)
                after = self.bodies(budget)
                transaction.set_rollback(True)
        except Refusal as refusal:
            step.faults = faults_of(refusal, lines[0].number, self.columns)
            return step
        step.differences = self._differences(before, after)
        step.action = StepAction.CHANGE if step.differences else StepAction.SAME
        return step

    def _wires(
        self, lines: Sequence[BulkLine], faults: list[Fault], locale: str
    ) -> Bodies:
        wires = []
        for line in lines:
            wire, wrong = wire_of(line, self.columns[1:], locale)
            faults += wrong
            if self.first in wire:
                wires.append(wire)
            elif wire or len(lines) > 1:
                message = "This is needed; alone and empty it means that there is none."
                faults.append(Fault(line.number, self.first, message))
        return wires

    def _faults_of(
        self, error: serializers.ValidationError, lines: Sequence[BulkLine]
    ) -> list[Fault]:
        """Return what is wrong, each with the line it is about."""
        faults: list[Fault] = []
        for place, line in enumerate(lines):
            if told := _of_place(error.detail, place):
                wrong = serializers.ValidationError(told)
                faults += faults_of(wrong, line.number, self.columns)
        return faults or faults_of(error, lines[0].number, self.columns)

    def _differences(self, before: Bodies, after: Bodies) -> list[FieldDifference]:
        old = [self._cells(body) for body in before]
        new = [self._cells(body) for body in after]
        gone = [
            body for body, cells in zip(before, old, strict=True) if cells not in new
        ]
        come = [
            body for body, cells in zip(after, new, strict=True) if cells not in old
        ]
        found = [FieldDifference(self.noun, self.summary(body), "") for body in gone]
        found += [FieldDifference(self.noun, "", self.summary(body)) for body in come]
        if not found and old != new:
            found = [FieldDifference("order", "", "as in the sheet")]
        return found

    def applying(
        self, organization: Organization, *, now: datetime, reason: str
    ) -> "ListApplying":
        return ListApplying(self, organization, now, reason)


def _of_place(detail: Any, place: int) -> Any:
    """Return what DRF says of one item of the list, wherever in *detail* that is."""
    if isinstance(detail, Mapping):
        if place in detail:
            return detail[place]
        for one in detail.values():
            found = _of_place(one, place)
            if found:
                return found
    if isinstance(detail, list) and detail and isinstance(detail[0], Mapping):
        return detail[place] if place < len(detail) else None
    return None


class ListApplying:
    """Budgets that are given their lists one by one."""

    def __init__(
        self,
        sheet: BudgetListSheet,
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
        rows = Budget.objects.filter(organization=self._organization)
        budget = rows.select_related("organization").filter(pk=step.target).first()
        if budget is None:
            raise NotFound("There is no such budget any more.")
        try:
            given = self._sheet.read(step.values["wires"])
        except serializers.ValidationError as error:
            raise Invalid("It is no longer sound.") from error
        with giving(self._reason):
            self._sheet.configure(budget, given, self._now, [step.version])

    def end(self) -> None:
        """There is nothing left to do."""
