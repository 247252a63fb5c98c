"""What admins of rows that belong to a budget build on: who may change the budget so
may change the row."""

from typing import Any, ClassVar

from django.db.models import ForeignKey
from django.forms import ModelChoiceField
from django.http import HttpRequest

from accounts.access import organizations_of
from accounts.permissions import Action, Relation, may_somewhere, relations_for
from accounts.tenants import TenantModelAdmin, person
from accounts.tenants import may as may_scope
from budgets.models import Budget
from budgets.permissions import budgets_for, may


class OfBudgetAdmin(TenantModelAdmin):
    """Shows the rows of a person's organizations, and lets those be changed whose
    budget they may do `write_action` to.

    A row without a budget is for all of its organization: not an owner's to change.
    """

    write_action: ClassVar[Action]

    def budget_of(self, row: Any) -> Budget | None:
        budget: Budget | None = row.budget
        return budget

    def _may(self, request: HttpRequest, scope: str | None, row: Any) -> bool:
        if scope is None or scope != self.write_scope:
            return super()._may(request, scope, row)
        if not may_scope(request, scope, None):
            return False
        someone, action = person(request), self.write_action
        if row is None:
            return may_somewhere(someone, action)
        budget = self.budget_of(row)
        if budget is None:
            allowed = relations_for(someone, action, row.organization_id)
            return Relation.ELSEWHERE in allowed
        return may(someone, action, budget)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        """Offer only budgets that the person may do it to; who may not do it to all
        has to choose one."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None and db_field.remote_field.model is Budget:
            someone = person(request)
            field.queryset = budgets_for(someone, self.write_action)
            field.required = field.required or not any(
                Relation.ELSEWHERE in relations_for(someone, self.write_action, one)
                for one in organizations_of(someone)
            )
        return field
