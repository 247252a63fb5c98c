"""Sheets of budgets: the tree, planned in memory and applied by the services."""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rest_framework import serializers

from accounts.models import Organization
from accounts.versions import version_of
from budgets.api.schemas import BudgetIn
from budgets.models import Budget
from budgets.services import fit
from budgets.validation import check_parent
from bulk.applied_budgets import BudgetApplying
from bulk.budget_columns import COLUMNS, cells_of_budget
from bulk.columns import differences_of, faults_of, wire_of
from bulk.forms import EMPTY
from bulk.kinds import Tell
from bulk.models import BulkKind
from bulk.named import BETWEEN, NamedBudgets, plain_way
from bulk.types import BulkLine, Cell, DraftStep, Fault, FieldDifference, StepAction
from lib.errors import Invalid, Refusal


class BudgetSheet:
    """The budgets of an organization, in their tree."""

    kind = BulkKind.BUDGETS
    columns = COLUMNS
    key = "name"
    holds_trees = True
    words = (
        "Each line is a budget. Without an id it is found by its names from the top "
        "down, or made; those above it may be further down in the sheet. What is not "
        "in the sheet stays as it is."
    )

    def rows(self, organization: Organization) -> Iterator[dict[str, Cell]]:
        named = NamedBudgets(organization)
        for budget in named.rows.values():
            if budget.template_of_id is None:  # those follow their template
                above = named.ways.get(budget.parent_id or 0, "")
                yield {"id": str(budget.uid), **cells_of_budget(budget, above)}

    def plan(
        self,
        organization: Organization,
        lines: Sequence[BulkLine],
        *,
        locale: str,
        now: datetime,
        tell: Tell,
    ) -> list[DraftStep]:
        planning = _Planning(organization, locale, now)
        for line in lines:
            planning.read(line)
        for number, draft in enumerate(planning.drafts, 1):
            planning.look(draft)
            tell(number / len(lines))
        planning.check_circles()
        return [draft.step for draft in planning.looked_at]

    def applying(
        self, organization: Organization, *, now: datetime, reason: str
    ) -> BudgetApplying:
        return BudgetApplying(organization, now, reason)


@dataclass(slots=True, eq=False)
class _Draft:
    """A line, and the budget that it would make of one that is there, or anew."""

    line: BulkLine
    wire: dict[str, Any]
    step: DraftStep
    budget: Budget | None  # as it is; None: it would be made
    way: str  # of one that would be made
    key: int  # of the budget, or a negative one
    row: Budget | None = None  # as it would be, once that was looked at
    is_begun: bool = False
    like: Budget | None = None


@dataclass(slots=True)
class _Planning:
    """Lines that are looked at together, for they may be about one another."""

    organization: Organization
    locale: str
    now: datetime
    named: NamedBudgets = field(init=False)
    drafts: list[_Draft] = field(default_factory=list)
    looked_at: list[_Draft] = field(default_factory=list)  # those above come first
    _by_way: dict[str, _Draft] = field(default_factory=dict)
    _by_key: dict[int, _Draft] = field(default_factory=dict)
    _depths: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.named = NamedBudgets(self.organization)
        for row in reversed(self.named.rows.values()):  # those below come first
            below = self._depths.setdefault(row.pk, 0)
            if row.parent_id:
                known = self._depths.get(row.parent_id, 0)
                self._depths[row.parent_id] = max(known, below + 1)

    def read(self, line: BulkLine) -> None:
        """Find out what *line* is about."""
        wire, faults = wire_of(line, COLUMNS, self.locale)
        above = str(wire.get("parent") or "")
        name = " ".join(str(wire.get("name") or "").split())
        way = f"{above}{BETWEEN}{name}" if above else name
        step = DraftStep([line.number], way, StepAction.FAULTY, faults=faults)
        draft = _Draft(line, wire, step, None, way, -len(self.drafts) - 1)
        self.drafts.append(draft)
        if faults:
            return
        try:
            self._find(draft, name)
        except Refusal as refusal:
            step.faults += faults_of(refusal, line.number, COLUMNS)

    def _find(self, draft: _Draft, name: str) -> None:
        wire = draft.wire
        if (asked := wire.pop("id", None)) is not None:
            draft.budget = self.named.named(str(asked), "id")
        elif not name:
            raise Invalid.field("name", "A new budget needs a name.")
        else:
            draft.budget = self.named.find(self._whole_way(draft, name))
        if "like" in wire:
            draft.like = self.named.named(str(wire.pop("like")), "like")
        if draft.budget is not None:
            draft.key = draft.budget.pk
            draft.step.label = self.named.way_of(draft.budget)
            draft.step.target = str(draft.budget.uid)
            draft.like = None
        other = self._by_key.setdefault(draft.key, draft)
        if draft.budget is None:
            other = self._by_way.setdefault(plain_way(draft.way), draft)
        if other is not draft:
            raise Invalid(f"Line {other.line.number} is about the same budget.")

    def _whole_way(self, draft: _Draft, name: str) -> str:
        """Return the way of a line without an id, whose parent may be named by id."""
        above = str(draft.wire.get("parent") or "")
        parent = self.named.find(above) if above and above != EMPTY else None
        if parent is None:
            return draft.way
        draft.way = f"{self.named.way_of(parent)}{BETWEEN}{name}"
        draft.step.label = draft.way
        return draft.way

    def look(self, draft: _Draft) -> None:
        """Write into the step of *draft* what it would do, after those above it."""
        if draft.is_begun:
            return
        draft.is_begun = True
        try:
            if not draft.step.faults:
                self._look(draft)
        except (Refusal, serializers.ValidationError) as refusal:
            draft.step.faults += faults_of(refusal, draft.line.number, COLUMNS)
        draft.step.action = self._action_of(draft)
        self.looked_at.append(draft)

    def _action_of(self, draft: _Draft) -> StepAction:
        if draft.step.faults:
            return StepAction.FAULTY
        if draft.budget is None:
            return StepAction.MAKE
        return StepAction.CHANGE if draft.step.differences else StepAction.SAME

    def _look(self, draft: _Draft) -> None:
        parent = self._parent_of(draft)
        wire, budget = self._whole(draft), draft.budget
        if budget is not None:
            draft.step.version = version_of(budget)
            row = copy(budget)
        else:
            row = Budget(organization=self.organization)
        model = budget or draft.like
        shape = BudgetIn(model, data=wire, partial=model is not None)
        shape.is_valid(raise_exception=True)
        plan = shape.plan(self.organization, lambda _: parent)
        if budget is None and "parent" not in wire:
            plan.parent = None
        fit(row, plan, now=self.now, parent_of=self._sound_parent)
        self._describe(draft, row, wire)

    def _describe(self, draft: _Draft, row: Budget, wire: dict[str, Any]) -> None:
        budget, step = draft.budget, draft.step
        if budget is None:
            row.pk = draft.key
            step.values["name"] = f"new{draft.key}"
            if "start_date" not in wire:
                wire["start_date"] = row.starts_at.isoformat()
        before = {} if budget is None else self._cells(budget)
        step.differences = differences_of(before, self._cells(row), COLUMNS)
        if draft.like is not None:
            step.values["like"] = str(draft.like.uid)
            rules = f"those of {self.named.way_of(draft.like)}"
            step.differences.append(FieldDifference("rules", "", rules))
        step.values["wire"] = wire
        draft.row = row

    def _cells(self, row: Budget) -> dict[str, Cell]:
        return cells_of_budget(row, self._way(row.parent) if row.parent else "")

    def _way(self, row: Budget) -> str:
        draft = self._by_key.get(row.pk)
        if draft is not None and draft.budget is None:
            return draft.way
        return self.named.way_of(row)

    def _parent_of(self, draft: _Draft) -> Budget | None:
        """Return the parent that is wanted, looked at itself if it is in the sheet."""
        text = draft.wire.get("parent")
        if text in (None, "", EMPTY):
            if text is not None:
                draft.wire["parent"] = None
            return None
        found = self.named.find(str(text))
        if found is not None:
            draft.wire["parent"] = str(found.uid)
            above = self._by_key.get(found.pk)
            return found if above is None else self._looked(above, found)
        above = self._by_way.get(plain_way(str(text)))
        if above is None:
            self.named.named(str(text), "parent")
            return None
        draft.wire["parent"] = f"new{above.key}"
        return self._looked(above, None)

    def _looked(self, above: _Draft, row: Budget | None) -> Budget:
        self.look(above)
        if above.step.faults:
            detail = f"Line {above.line.number}, which is above it, can't be applied."
            raise Invalid.field("parent", detail)
        found = above.row or row
        if found is None:  # it is being looked at: it lies below itself
            raise Invalid.field("parent", "This leads in a circle.", code="cycle")
        return found

    def _sound_parent(self, budget: Budget, wanted: Budget | None) -> Budget | None:
        if wanted is not None:
            below = self._depths.get(budget.pk or 0, 0)
            check_parent(budget, wanted, self._path(wanted), below)
        return wanted

    def _path(self, row: Budget) -> list[int]:
        """Return the ids from *row* up to its root, as they would be by now."""
        path = [row.pk]
        while row.parent is not None and row.parent.pk not in path:
            draft = self._by_key.get(row.parent.pk)
            row = draft.row if draft and draft.row else row.parent
            path.append(row.pk)
        return path

    def _whole(self, draft: _Draft) -> dict[str, Any]:
        """Return the wire with the rest of what is replaced as a whole."""
        wire, like = dict(draft.wire), draft.budget or draft.like
        if like is None:
            return wire
        if "scope" in wire:
            wire["scope"] = {**like.scope, **wire["scope"]}
        if "rollover" in wire:
            cap = like.rollover_cap
            kept = {
                "mode": like.rollover_mode,
                "cap": None if cap is None else str(cap),
            }
            wire["rollover"] = {**kept, **wire["rollover"]}
        return wire

    def check_circles(self) -> None:
        """Make those faulty that would come to lie below themselves together."""
        for draft in self.drafts:
            row = draft.row
            seen: set[int] = set()
            while row is not None and row.pk not in seen:
                seen.add(row.pk)
                above = row.parent
                moved = self._by_key.get(above.pk) if above else None
                row = moved.row if moved and moved.row else above
            if row is not None and draft.row is not None and row.pk == draft.row.pk:
                message = "With the other lines this leads in a circle."
                draft.step.faults.append(Fault(draft.line.number, "parent", message))
                draft.step.action = StepAction.FAULTY
