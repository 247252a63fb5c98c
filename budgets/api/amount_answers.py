"""What budgets may spend over time, as the API answers it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from budgets.models import AmountLine, Budget
from budgets.phasing import phases_of, year_around, year_of
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


class PhaseOut(Out, frozen=True):
    """One month or quarter, and what is planned for it."""

    start: Moment
    end: Annotated[Moment, note("Exclusive.")]
    amount: Money


class PhasingOut(Out, frozen=True):
    """What each month or quarter of a budget's fiscal year is to have."""

    budget: Annotated[str, note("Its id.")]
    currency: str
    fiscal_year_start_month: int
    amounts: Annotated[
        list[Money], note("From the first of the fiscal year on; empty: not phased.")
    ]
    total: Annotated[
        Money | None, note("Of a year; null: its periods are no months or quarters.")
    ]
    periods: Annotated[list[PhaseOut], note("Of the present fiscal year.")]
    lines: Annotated[list[BudgetLineOut], note("That this change has written.")]


def phasing_out(
    budget: Budget, lines: Iterable[AmountLine], now: datetime
) -> PhasingOut:
    """Return how *budget* is phased, with the *lines* that were written of it."""
    return PhasingOut(
        budget=str(budget.uid),
        currency=budget.currency,
        fiscal_year_start_month=budget.organization.fiscal_year_start_month,
        amounts=[wire(amount) for amount in phases_of(budget)],
        total=wire(year_of(budget)),
        periods=[
            PhaseOut(phase.window.start, phase.window.end, wire(phase.amount))
            for phase in year_around(budget, now)
        ],
        lines=[line_out(line) for line in lines],
    )


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
