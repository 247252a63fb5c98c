"""Who owns a budget, itself or by one above it, and is told what happens to it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from accounts.models import User
from accounts.people import finance_admins
from budgets.models import Budget


def path_of(budget: Budget) -> tuple[Budget, ...]:
    """Return *budget* and those above it, the root last, each with its owner."""
    rows = budget.get_ancestors(ascending=True, include_self=True)
    return tuple(rows.select_related("owner"))


def paths_of(budgets: Iterable[Budget]) -> Mapping[int, tuple[Budget, ...]]:
    """Return `path_of` each of *budgets*, by id. A query for each level."""
    wanted = {budget.pk for budget in budgets}
    known: dict[int, Budget] = {}
    missing = wanted
    while missing:
        rows = Budget.objects.select_related("owner").filter(pk__in=missing)
        known |= {budget.pk: budget for budget in rows.order_by()}
        above = {known[pk].parent_id for pk in missing if pk in known}
        missing = {pk for pk in above if pk} - known.keys()
    return {pk: tuple(_upwards(known, pk)) for pk in wanted}


def _upwards(known: Mapping[int, Budget], pk: int | None) -> Iterator[Budget]:
    while pk:
        yield known[pk]
        pk = known[pk].parent_id


def usual_recipients(path: Sequence[Budget]) -> tuple[str, ...]:
    """Return the mail address of whoever owns the first of *path* that is owned.

    Where nobody does: of those who look after the organization's money.
    """
    owner = owner_of(path)
    return (owner.email,) if owner else finance_admins(path[0].organization_id)


def owner_of(path: Sequence[Budget]) -> User | None:
    """Return who owns the first of *path* that is owned by somebody active."""
    owners = (budget.owner for budget in path)
    return next((owner for owner in owners if owner and owner.is_active), None)
