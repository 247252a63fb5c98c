"""The trees of an organization's budgets: who is below whom, and what is promised."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import BooleanField, ExpressionWrapper, Q

from accounts.models import Organization
from budgets.figures import StatusName, status_name
from budgets.models import Budget
from budgets.status import ZERO, BudgetStatus, statuses


class Leaf(NamedTuple):
    """What is known of every budget of a tree, around a moment."""

    id: int
    parent_id: int | None
    name: str
    owner_id: int | None
    period: str
    currency: str
    amount: Decimal
    archived_at: datetime | None
    warning_threshold: Decimal
    critical_threshold: Decimal
    template_for_each: str
    template_of_id: int | None
    is_in_force: bool
    # Of the period at the moment; None: it is not open.
    current: Decimal | None  # its amount
    limit_then: Decimal | None
    spent_then: Decimal | None

    @property
    def promised(self) -> Decimal:
        return self.amount if self.current is None else self.current

    @property
    def limit(self) -> Decimal:
        return self.promised if self.limit_then is None else self.limit_then

    @property
    def spent(self) -> Decimal:
        return self.spent_then or ZERO

    @property
    def status(self) -> StatusName:
        return status_name(
            self.limit, self.spent, self.warning_threshold, self.critical_threshold
        )

    def counts_in(self, parent: "Leaf") -> bool:
        """Tell whether what this one is promised is taken from its *parent*'s."""
        return (
            self.currency == parent.currency
            and self.period == parent.period
            and self.archived_at is None
            and self.is_in_force
        )


class BudgetTree:
    """Budgets by who is below whom, in the order in which they were given.

    One whose parent is not among them is a root; these are the family of None.
    """

    def __init__(self, leaves: Iterable[Leaf]) -> None:
        self.leaves = {leaf.id: leaf for leaf in leaves}
        self.families: dict[int | None, list[int]] = {}
        for leaf in self.leaves.values():
            above = leaf.parent_id if leaf.parent_id in self.leaves else None
            self.families.setdefault(above, []).append(leaf.id)

    def path(self, budget_id: int) -> list[Leaf]:
        """Return the way from the root down to the budget."""
        way: list[Leaf] = []
        current: int | None = budget_id
        while current is not None and current in self.leaves:
            way.append(self.leaves[current])
            current = way[-1].parent_id
        return way[::-1]

    def below(self, budget_id: int) -> Iterator[int]:
        """Yield the budget and all below it."""
        yield budget_id
        for child in self.families.get(budget_id, ()):
            yield from self.below(child)

    def allocated(self, parent_id: int) -> Decimal | None:
        """Return what is promised to the children that count as the parent does.

        None: there are none of these.
        """
        parent = self.leaves[parent_id]
        children = map(self.leaves.__getitem__, self.families.get(parent_id, ()))
        amounts = [child.promised for child in children if child.counts_in(parent)]
        return sum(amounts, ZERO) if amounts else None

    def unallocated(self, parent_id: int) -> Decimal:
        """Return what is left to promise; negative: over-allocated."""
        return self.leaves[parent_id].promised - (self.allocated(parent_id) or ZERO)


def leaves_of(
    organization: Organization, *, at: datetime, now: datetime, archived: bool = False
) -> list[Leaf]:
    """Return all budgets of an organization around *at*, by name; for a moment that
    is over, only those that had begun.

    One query, two more for a moment that is over.
    """
    rows: Any = Budget.objects.filter(organization=organization)
    if not archived:
        rows = rows.active()
    if at < now:
        rows = rows.filter(starts_at__lte=at)
    period = "current__amount", "current__limit", "current__spent"
    in_force = Q(starts_at__lte=at) & (Q(ends_at=None) | Q(ends_at__gt=at))
    found = (
        rows.order_by("name", "pk")
        .annotate(in_force=ExpressionWrapper(in_force, output_field=BooleanField()))
        .with_period_at(at)
        .values_list(*Leaf._fields[:-4], "in_force", *period)
    )
    leaves = [Leaf(*row) for row in found]
    if at < now:
        leaves = _as_then(leaves, organization, at)
    return _with_sums(leaves)


def _with_sums(leaves: list[Leaf]) -> list[Leaf]:
    """Have templates be promised, and limited to, what all that they made are."""
    made: dict[int, list[Leaf]] = {
        leaf.id: [] for leaf in leaves if leaf.template_for_each
    }
    for leaf in leaves:
        if leaf.template_of_id in made and leaf.is_in_force:
            made[leaf.template_of_id].append(leaf)
    return [
        leaf._replace(
            current=sum((one.promised for one in made[leaf.id]), ZERO),
            limit_then=sum((one.limit for one in made[leaf.id]), ZERO),
        )
        if leaf.id in made
        else leaf
        for leaf in leaves
    ]


def _as_then(
    leaves: list[Leaf], organization: Organization, at: datetime
) -> list[Leaf]:
    """Give what nothing has opened the amount it had then. Two queries."""
    unopened = [leaf.id for leaf in leaves if leaf.current is None]
    found = statuses(Budget.objects.filter(pk__in=unopened), organization, at=at)
    return [
        leaf._replace(current=found[leaf.id].position.amount)
        if leaf.id in found
        else leaf
        for leaf in leaves
    ]


@dataclass(slots=True, eq=False)
class TreeNode:
    """One budget of a tree, where it stands, and those below it."""

    status: BudgetStatus
    tree: BudgetTree
    children: list["TreeNode"] = field(default_factory=list)

    @property
    def budget(self) -> Budget:
        return self.status.budget

    @property
    def allocated(self) -> Decimal:
        """What is promised now to the children that count as this budget does."""
        return self.tree.allocated(self.budget.pk) or ZERO

    @property
    def unallocated(self) -> Decimal:
        """What is left to promise; negative: over-allocated."""
        return self.tree.unallocated(self.budget.pk)

    def walk(self) -> Iterator["TreeNode"]:
        """Yield this node and all below it, each before its children."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += reversed(node.children)


def tree_of(
    organization: Organization,
    *,
    at: datetime,
    root: Budget | None = None,
    archived: bool = False,
) -> list[TreeNode]:
    """Return the roots of the organization's trees, or of *root*'s alone, by name.

    Three queries at most, however many budgets.
    """
    budgets = Budget.objects.filter(organization=organization).select_related("owner")
    if root is not None:
        budgets = budgets.filter(
            tree_id=root.tree_id, lft__gte=root.lft, rght__lte=root.rght
        )
    if not archived:
        budgets = budgets.active()
    found = statuses(budgets.order_by("name", "pk"), organization, at=at)
    tree = BudgetTree(_leaf_of(one, at) for one in found.values())
    nodes = {pk: TreeNode(one, tree) for pk, one in found.items()}
    for pk, node in nodes.items():
        node.children = [nodes[child] for child in tree.families.get(pk, ())]
    return [nodes[pk] for pk in tree.families.get(None, ())]


def _leaf_of(found: BudgetStatus, at: datetime) -> Leaf:
    budget, position = found.budget, found.position
    return Leaf(
        id=budget.pk,
        parent_id=budget.parent_id,
        name=budget.name,
        owner_id=budget.owner_id,
        period=budget.period,
        currency=budget.currency,
        amount=budget.amount,
        archived_at=budget.archived_at,
        warning_threshold=budget.warning_threshold,
        critical_threshold=budget.critical_threshold,
        template_for_each=budget.template_for_each,
        template_of_id=budget.template_of_id,
        is_in_force=at in found.window,
        current=position.amount,
        limit_then=position.limit,
        spent_then=position.spent,
    )
