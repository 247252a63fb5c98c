"""The tree of an organization's budgets with where each stands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from accounts.models import Organization
from budgets.models import Budget
from budgets.status import ZERO, BudgetStatus, statuses


@dataclass(slots=True, eq=False)
class TreeNode:
    """One budget, where it stands, and those below it."""

    status: BudgetStatus
    at: datetime
    children: list["TreeNode"] = field(default_factory=list)

    @property
    def budget(self) -> Budget:
        return self.status.budget

    @property
    def allocated(self) -> Decimal:
        """What is promised now to the children that count as this budget does."""
        mine = self.budget
        return sum(
            (
                child.status.position.amount
                for child in self.children
                if child.budget.currency == mine.currency
                and child.budget.period == mine.period
                and child.budget.archived_at is None
                and self.at in child.status.window
            ),
            ZERO,
        )

    @property
    def unallocated(self) -> Decimal:
        """What is left to promise; negative: over-allocated."""
        return self.status.position.amount - self.allocated

    def walk(self) -> Iterator["TreeNode"]:
        """Yield this node and all below it, each before its children."""
        yield self
        for child in self.children:
            yield from child.walk()


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
    return _linked(list(budgets.order_by("name", "pk")), organization, at)


def _linked(
    budgets: Sequence[Budget], organization: Organization, at: datetime
) -> list[TreeNode]:
    found = statuses(budgets, organization, at=at)
    nodes = {budget.pk: TreeNode(found[budget.pk], at) for budget in budgets}
    roots: list[TreeNode] = []
    for budget in budgets:
        node = nodes[budget.pk]
        parent = nodes.get(budget.parent_id) if budget.parent_id else None
        (parent.children if parent else roots).append(node)
    return roots
