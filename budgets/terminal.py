"""The tree of budgets as lines of text, 80 columns wide."""

from collections.abc import Iterator
from decimal import Decimal

from budgets.tree import TreeNode
from lib.money import format_money, format_percent

WIDTH = 80
_BAR = 26
_COLORS = {"OK": "32", "WARNING": "33", "CRITICAL": "31", "EXCEEDED": "1;31"}


def lines_of(roots: list[TreeNode], *, color: bool) -> Iterator[str]:
    """Yield a line for each budget: amount, bar, share, status, where it ends."""
    named = [(node, depth) for root in roots for node, depth in _indented(root, 0)]
    name_width = min(max((len(n.budget.name) + 2 * d for n, d in named), default=0), 24)
    amounts = {id(node): _money(node) for node, _ in named}
    amount_width = max((len(amount) for amount in amounts.values()), default=0)
    for node, depth in named:
        name = _fitted("  " * depth + node.budget.name, name_width)
        yield _line(node, name, amounts[id(node)].rjust(amount_width), color=color)


def _indented(node: TreeNode, depth: int) -> Iterator[tuple[TreeNode, int]]:
    yield node, depth
    for child in node.children:
        yield from _indented(child, depth + 1)


def _money(node: TreeNode) -> str:
    return format_money(node.status.status.limit, node.budget.currency)


def _line(node: TreeNode, name: str, amount: str, *, color: bool) -> str:
    status = node.status.status
    word = status.status.lower()
    if color:
        word = f"\x1b[{_COLORS[status.status]}m{word:<8}\x1b[0m"
    used = status.utilization
    projected = _whole(status.projected_spend, node.budget.currency)
    percent = format_percent(used).rjust(8)
    return f"{name}  {amount}  [{bar(used)}] {percent}  {word:<8}  {projected}".rstrip()


def bar(share: object, width: int = _BAR) -> str:
    """Return how much of *share* is used, as signs; full from 1 on, and for None."""
    filled = width if share is None else int(min(max(float(str(share)), 0), 1) * width)
    return "#" * filled + "\N{MIDDLE DOT}" * (width - filled)


def _whole(projected: Decimal | None, currency: str) -> str:
    if projected is None:
        return ""
    return "-> " + format_money(projected, currency).partition(".")[0]


def _fitted(name: str, width: int) -> str:
    return name.ljust(width) if len(name) <= width else name[: width - 1] + "…"
