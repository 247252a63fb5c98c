"""Trees of budgets, as the API answers them."""

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from budgets.api.answers import BudgetStatusOut, TemplateOut, standing, template_out
from budgets.tree import TreeNode
from budgets.validation import MOST_LEVELS
from lib.answers import Money, note
from lib.money import wire


class BudgetNodeOut(BudgetStatusOut, frozen=True, kw_only=True):
    """A budget of the tree, with what it has given to those below it."""

    id: str
    allocated: Money
    unallocated: Money
    template: Annotated[
        TemplateOut | None, note("Then its limit is that of all it has made.")
    ]
    template_value: str | None
    children: "list[BudgetNodeOut]"


def node_out(node: TreeNode) -> BudgetNodeOut:
    """Return a budget of the tree, and all below it."""
    return _node_out(node, [node_out(child) for child in node.children])


def is_deep(roots: Iterable[TreeNode]) -> bool:
    """Tell whether trees are too deep for `node_out`: from before there was a limit."""
    nodes = (node for root in roots for node in root.walk())
    return any(node.budget.level >= MOST_LEVELS for node in nodes)


def deep_trees_json(roots: Iterable[TreeNode]) -> bytes:
    """Return trees as JSON, of whatever depth: from the leaves up."""
    return b"[" + b",".join(map(_deep_tree_json, roots)) + b"]"


def _deep_tree_json(root: TreeNode) -> bytes:
    nodes = [root]
    for node in nodes:  # grows as it goes: each before its children
        nodes += node.children
    made: dict[int, msgspec.Raw] = {}
    for node in reversed(nodes):
        children: Any = [made.pop(id(child)) for child in node.children]
        made[id(node)] = msgspec.Raw(msgspec.json.encode(_node_out(node, children)))
    return bytes(made[id(root)])


def _node_out(node: TreeNode, children: list[BudgetNodeOut]) -> BudgetNodeOut:
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
        children=children,
    )
