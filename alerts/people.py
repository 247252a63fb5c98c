"""Who stands above a budget: its path, the policy it follows, who is usually told."""

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.models import Membership
from accounts.scopes import Role
from alerts.models import EscalationPolicy
from budgets.models import Budget


@dataclass(frozen=True, slots=True)
class Above:
    """A budget's path to its root, with what alerts need of it."""

    path: tuple[Budget, ...]  # the budget first, the root last
    policy: EscalationPolicy | None  # the nearest one, switched off or not
    usual: tuple[str, ...]  # mail addresses of whoever is told when a rule names nobody


def above(budget: Budget) -> Above:
    """Return what stands above *budget*. Three queries at most."""
    path = path_of(budget)
    ids = [one.pk for one in path]
    policies = EscalationPolicy.objects.filter(organization=budget.organization_id)
    by_budget = {policy.budget_id: policy for policy in policies}
    nearest = next((by_budget[pk] for pk in ids if pk in by_budget), None)
    return Above(path, nearest or by_budget.get(None), _usual(path))


def path_of(budget: Budget) -> tuple[Budget, ...]:
    """Return *budget* and those above it, the root last, each with its owner."""
    rows = budget.get_ancestors(ascending=True, include_self=True)
    return tuple(rows.select_related("owner"))


def finance_admins(organization_id: int) -> tuple[str, ...]:
    """Return the mail addresses of those who look after the organization's money."""
    rows = Membership.objects.filter(
        organization=organization_id, role=Role.FINANCE_ADMIN, user__is_active=True
    )
    return tuple(rows.order_by("user__email").values_list("user__email", flat=True))


def _usual(path: Sequence[Budget]) -> tuple[str, ...]:
    for budget in path:
        if budget.owner is not None and budget.owner.is_active:
            return (budget.owner.email,)
    return finance_admins(path[0].organization_id)
