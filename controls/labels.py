"""What people and clients know budgets by, remembered with what decides."""

from typing import NamedTuple

from django.db.models import QuerySet

from accounts.models import Organization
from budgets.models import Budget


class BudgetLabel(NamedTuple):
    """What people and clients know a budget by."""

    uid: str
    name: str
    currency: str


class BudgetLabels(dict[int, BudgetLabel]):
    """The labels of an organization's budgets; those that templates make meanwhile are
    read when they are asked for."""

    def __init__(self, organization: Organization) -> None:
        super().__init__(_labels(Budget.objects.filter(organization=organization)))

    def __missing__(self, budget_id: int) -> BudgetLabel:
        self.update(_labels(Budget.objects.filter(pk=budget_id)))
        return self[budget_id]


def _labels(rows: QuerySet[Budget]) -> dict[int, BudgetLabel]:
    values = rows.values_list("pk", "uid", "name", "currency")
    return {pk: BudgetLabel(str(uid), *words) for pk, uid, *words in values}
