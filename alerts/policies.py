"""Who stands above a budget: its path, the policy it follows, who is usually told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from accounts.people import finance_admins
from alerts.models import EscalationPolicy
from budgets.models import Budget
from budgets.owners import owner_of, path_of, paths_of, usual_recipients


@dataclass(frozen=True, slots=True)
class Oversight:
    """A budget's path to its root, with what alerts need of it."""

    path: tuple[Budget, ...]  # the budget first, the root last
    policy: EscalationPolicy | None  # the nearest one, switched off or not
    usual: tuple[str, ...]  # mail addresses of whoever is told when a rule names nobody


def oversight_of(budget: Budget) -> Oversight:
    """Return what stands above *budget*. Three queries at most."""
    path = path_of(budget)
    policies = _policies(budget.organization_id)
    return Oversight(path, _nearest(path, policies), usual_recipients(path))


def oversights_of(budgets: Iterable[Budget]) -> dict[int, Oversight]:
    """Return what stands above each of *budgets*, all of one organization, by id.

    A query for each level of the tree, and two more.
    """
    paths = paths_of(budgets)
    if not paths:
        return {}
    organization_id = next(iter(paths.values()))[0].organization_id
    policies = _policies(organization_id)
    owners = {pk: owner_of(path) for pk, path in paths.items()}
    admins = () if all(owners.values()) else finance_admins(organization_id)
    return {
        pk: Oversight(
            path,
            _nearest(path, policies),
            (owner.email,) if (owner := owners[pk]) else admins,
        )
        for pk, path in paths.items()
    }


_Policies = Mapping[int | None, EscalationPolicy]  # by the budget's id


def _policies(organization_id: int) -> _Policies:
    rows = EscalationPolicy.objects.filter(organization=organization_id)
    return {policy.budget_id: policy for policy in rows}


def _nearest(path: Sequence[Budget], policies: _Policies) -> EscalationPolicy | None:
    ids = [budget.pk for budget in path]
    nearest = next((policies[pk] for pk in ids if pk in policies), None)
    return nearest or policies.get(None)
