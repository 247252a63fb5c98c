"""Who stands above a budget: its path, the policy it follows, who is usually told."""

from dataclasses import dataclass

from alerts.models import EscalationPolicy
from budgets.models import Budget
from budgets.owners import path_of, usual_recipients


@dataclass(frozen=True, slots=True)
class Oversight:
    """A budget's path to its root, with what alerts need of it."""

    path: tuple[Budget, ...]  # the budget first, the root last
    policy: EscalationPolicy | None  # the nearest one, switched off or not
    usual: tuple[str, ...]  # mail addresses of whoever is told when a rule names nobody


def oversight_of(budget: Budget) -> Oversight:
    """Return what stands above *budget*. Three queries at most."""
    path = path_of(budget)
    ids = [one.pk for one in path]
    policies = EscalationPolicy.objects.filter(organization=budget.organization_id)
    by_budget = {policy.budget_id: policy for policy in policies}
    nearest = next((by_budget[pk] for pk in ids if pk in by_budget), None)
    return Oversight(path, nearest or by_budget.get(None), usual_recipients(path))
