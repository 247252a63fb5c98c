"""Applying what a sheet of budgets was shown to do."""

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from rest_framework import serializers

from accounts.models import Organization
from budgets.api.schemas import BudgetIn
from budgets.models import Budget
from budgets.planting import planting
from budgets.reshaping import Reshaping
from budgets.services import BudgetPlan, change_budget, create_budget
from bulk.models import BulkStep
from bulk.named import NamedBudgets
from bulk.taken_rules import take_rules
from lib.errors import Invalid, NotFound


class BudgetApplying:
    """Budgets that are made and changed one by one, and charged anew in the end."""

    def __init__(self, organization: Organization, now: datetime, reason: str) -> None:
        self._organization, self._now, self._reason = organization, now, reason
        self._before = NamedBudgets(organization)
        self._made: dict[str, Budget] = {}  # by what lines call them
        self._later = Reshaping(organization)

    def together(self) -> AbstractContextManager[None]:
        """Return what writes the trees once, in the end."""
        return planting(self._organization)

    def apply(self, step: BulkStep) -> None:
        """Do what a step says, to the version that was looked at."""
        kept = self._later.suspects.copy(), self._later.redated.copy()
        is_done = False
        try:
            if step.target:
                self._change(step)
            else:
                self._make(step)
            is_done = True
        finally:
            if not is_done:  # what it made is not there any more
                self._later.suspects, self._later.redated = kept

    def _change(self, step: BulkStep) -> None:
        budget = self._budget(step.target)
        plan = self._plan(budget, step.values["wire"])
        change_budget(
            budget,
            plan,
            now=self._now,
            reason=self._reason,
            seen=[step.version],
            later=self._later,
        )

    def _make(self, step: BulkStep) -> None:
        if self._before.find(step.label) is not None:
            raise Invalid("Somebody has made it since.")
        asked = step.values.get("like")
        like = self._budget(asked) if asked else None
        wire = step.values["wire"]
        plan = self._plan(like, wire)
        if "parent" not in wire:
            plan.parent = None
        made = create_budget(
            self._organization,
            plan,
            now=self._now,
            reason=self._reason,
            later=self._later,
        )
        if like is not None:
            take_rules(made, like, now=self._now, reason=self._reason)
        self._made[step.values["name"]] = made

    def _plan(self, model: Budget | None, wire: dict[str, Any]) -> BudgetPlan:
        shape = BudgetIn(model, data=wire, partial=model is not None)
        try:
            shape.is_valid(raise_exception=True)
        except serializers.ValidationError as error:
            raise Invalid("It is no longer sound.") from error
        return shape.plan(self._organization, self._find)

    def _find(self, name: str) -> Budget | None:
        if name.startswith("new"):
            return self._made.get(name)
        rows = Budget.objects.filter(organization=self._organization, uid=name)
        return rows.first()

    def _budget(self, uid: str) -> Budget:
        rows = Budget.objects.filter(organization=self._organization, uid=uid)
        found = rows.select_related("organization", "parent", "owner").first()
        if found is None:
            raise NotFound("There is no such budget any more.")
        return found

    def end(self) -> None:
        """Charge anew what was made and changed."""
        self._later.end(now=self._now)
