"""What budgets may spend over time, as the API answers it."""

from collections.abc import Iterable
from typing import Annotated

from budgets.models import AmountLine
from lib.answers import Moment, Money, Out, choices, note
from lib.money import wire


class BudgetLineOut(Out, frozen=True):
    """One dated reason why a budget may spend more or less.

    `amount` is the difference.
    """

    budget: Annotated[str, note("Its id.")]
    at: Moment
    effective_from: Moment
    effective_to: Annotated[Moment | None, note("Exclusive; null: for good.")]
    amount: Money
    currency: str
    kind: Annotated[str, choices(AmountLine.Kind.values)]
    actor: str
    reason: str
    request: Annotated[str | None, note("The approved request.")]
    counterpart: Annotated[str | None, note("Of a transfer: the other budget.")]


class WrittenLinesOut(Out, frozen=True):
    """The dated lines that a change has written."""

    lines: list[BudgetLineOut]


def line_out(line: AmountLine) -> BudgetLineOut:
    """Return a line; its budget and counterpart are at hand."""
    return BudgetLineOut(
        budget=str(line.budget.uid),
        at=line.made_at,
        effective_from=line.effective_from or line.budget.starts_at,
        effective_to=line.effective_to,
        amount=wire(line.amount),
        currency=line.budget.currency,
        kind=line.kind,
        actor=line.actor,
        reason=line.reason,
        request=str(line.request) if line.request else None,
        counterpart=str(line.counterpart.uid) if line.counterpart else None,
    )


def written_out(lines: Iterable[AmountLine]) -> WrittenLinesOut:
    return WrittenLinesOut([line_out(line) for line in lines])
