"""Trees of budgets, as the API answers them."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any

import msgspec

from budgets.api.answers import BudgetStatusOut, TemplateOut, standing, template_out
from budgets.consolidated import ConsolidatedTree
from budgets.status import ZERO
from budgets.tree import TreeNode
from budgets.validation import MOST_LEVELS
from lib.answers import Exact, Money, Out, note
from lib.money import COUNTED, wire


class ConsolidatedOut(Out, frozen=True, kw_only=True):
    """A budget of the tree in the currency that was asked for.

    `rate` is what 1 of the budget's currency is worth, as known on `rate_date`, the
    last such day up to the moment; null, and amounts with it, where no rate is known.
    Children in other currencies count in `allocated`.
    """

    currency: str
    rate: Exact | None
    rate_date: date | None
    limit: Money | None
    total_spend: Money | None
    reserved: Money | None
    remaining_budget: Money | None
    allocated: Money | None
    unallocated: Money | None
    without_rate: Annotated[
        list[str],
        note("Currencies, of the budget and of what is allocated, without a rate."),
    ]


class BudgetNodeOut(BudgetStatusOut, frozen=True, kw_only=True):
    """A budget of the tree, with what it has given to those below it."""

    id: str
    allocated: Money
    unallocated: Money
    template: Annotated[
        TemplateOut | None, note("Then its limit is that of all it has made.")
    ]
    template_value: str | None
    consolidated: Annotated[
        ConsolidatedOut | None,
        note("Null unless a currency was asked for, and of tokens and requests."),
    ]
    children: "list[BudgetNodeOut]"


def node_out(node: TreeNode, sums: ConsolidatedTree | None = None) -> BudgetNodeOut:
    """Return a budget of the tree, and all below it; *sums*: in one currency too."""
    return _node_out(node, [node_out(child, sums) for child in node.children], sums)


def is_deep(roots: Iterable[TreeNode]) -> bool:
    """Tell whether trees are too deep for `node_out`: from before there was a limit."""
    nodes = (node for root in roots for node in root.walk())
    return any(node.budget.level >= MOST_LEVELS for node in nodes)


def deep_trees_json(
    roots: Iterable[TreeNode], sums: ConsolidatedTree | None = None
) -> bytes:
    """Return trees as JSON, of whatever depth: from the leaves up."""
    return b"[" + b",".join(_deep_tree_json(root, sums) for root in roots) + b"]"


def _deep_tree_json(root: TreeNode, sums: ConsolidatedTree | None) -> bytes:
    nodes = [root]
    for node in nodes:  # grows as it goes: each before its children
        nodes += node.children
    made: dict[int, msgspec.Raw] = {}
    for node in reversed(nodes):
        children: Any = [made.pop(id(child)) for child in node.children]
        answer = _node_out(node, children, sums)
        made[id(node)] = msgspec.Raw(msgspec.json.encode(answer))
    return bytes(made[id(root)])


def _node_out(
    node: TreeNode, children: list[BudgetNodeOut], sums: ConsolidatedTree | None
) -> BudgetNodeOut:
    return BudgetNodeOut(
        **standing(node.status),
        id=str(node.budget.uid),
        allocated=wire(node.allocated),
        unallocated=wire(node.unallocated),
        template=template_out(
            node.budget,
            sum(one.budget.archived_at is None for one in node.children),
        )
        if node.budget.is_template
        else None,
        template_value=node.budget.template_value or None,
        consolidated=_consolidated_out(node, sums)
        if sums is not None and node.budget.currency not in COUNTED
        else None,
        children=children,
    )


def _consolidated_out(node: TreeNode, sums: ConsolidatedTree) -> ConsolidatedOut:
    pk = node.budget.pk
    rate = sums.consolidation.rate_of(node.budget.currency)
    status = rate and sums.consolidation.status(node.status.status, rate)
    lacking = sums.lacking(pk)
    return ConsolidatedOut(
        currency=sums.consolidation.currency,
        rate=f"{rate.rate:f}" if rate else None,
        rate_date=rate.date if rate else None,
        limit=wire(status.limit) if status else None,
        total_spend=wire(status.total_spend) if status else None,
        reserved=wire(status.reserved) if status else None,
        remaining_budget=wire(status.remaining_budget) if status else None,
        allocated=None if lacking else wire(sums.allocated(pk) or ZERO),
        unallocated=None if lacking else wire(sums.unallocated(pk)),
        without_rate=lacking,
    )
