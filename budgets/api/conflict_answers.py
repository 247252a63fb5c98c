"""What does not fit together in budgets, as the API answers it."""

from budgets.conflicts import Clash, Kind
from lib.answers import Money, NamedOut, Out
from lib.money import wire


class BudgetConflictOut(Out, frozen=True):
    """Budgets that do not fit together, and by how much."""

    type: Kind
    message: str
    budgets: list[NamedOut]
    amount: Money | None
    currency: str | None


def conflict_out(clash: Clash) -> BudgetConflictOut:
    return BudgetConflictOut(
        type=clash.kind,
        message=clash.message,
        budgets=[NamedOut(str(budget.uid), budget.name) for budget in clash.budgets],
        amount=wire(clash.amount),
        currency=clash.currency,
    )
