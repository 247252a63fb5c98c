"""What budgets may spend over time, as the API answers it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from budgets.carrying import RolloverPreview
from budgets.grants import GrantStanding
from budgets.models import AmountLine, Budget, RolloverMode
from budgets.phasing import phases_of, year_around, year_of
from lib.answers import Exact, Moment, Money, Out, choices, note
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


class GrantedPeriodOut(Out, frozen=True):
    """What a grant had in one period, and what of it was used there."""

    start: Moment
    end: Annotated[Moment, note("Exclusive: of the period, or of the grant in it.")]
    had: Money
    used: Money


class BudgetGrantOut(Out, frozen=True):
    """Money that may be spent once; `used`, `left` and `expired` are its `amount`."""

    budget: Annotated[str, note("Its id.")]
    amount: Money
    currency: str
    begins_at: Moment
    until: Annotated[Moment, note("Exclusive.")]
    used: Money
    left: Money
    expired: Annotated[Money, note("Left when it ended.")]
    reason: str
    actor: str
    uses: Annotated[list[GrantedPeriodOut], note("Of each period, the oldest first.")]


def grant_out(budget: Budget, found: GrantStanding) -> BudgetGrantOut:
    grant = found.grant
    return BudgetGrantOut(
        budget=str(budget.uid),
        amount=wire(grant.amount),
        currency=budget.currency,
        begins_at=grant.begins_at,
        until=grant.until,
        used=wire(found.used),
        left=wire(found.left),
        expired=wire(found.expired),
        reason=grant.reason,
        actor=grant.actor,
        uses=[
            GrantedPeriodOut(window.start, window.end, wire(had), wire(used))
            for _, window, had, used in found.uses
        ],
    )


class PhaseOut(Out, frozen=True):
    """A period, and what is planned for it."""

    start: Moment
    end: Annotated[Moment, note("Exclusive.")]
    amount: Money


class RolloverPreviewOut(Out, frozen=True):
    """What would be carried over if the present period ended now."""

    budget: Annotated[str, note("Its id.")]
    currency: str
    mode: Annotated[str, choices(RolloverMode.values)]
    cap: Annotated[Exact | None, note("A share of the next period's amount.")]
    period_start: Moment
    period_end: Annotated[Moment, note("Exclusive.")]
    limit: Money
    adjusted: Annotated[Money, note("Of the limit: for a while, not carried over.")]
    spent: Money
    left: Annotated[Money, note("Without what is for a while; negative: overspend.")]
    most: Annotated[Money | None, note("Carried over at most; null: all of it.")]
    carries: Annotated[Money, note("Negative: overspend.")]
    into: Annotated[PhaseOut | None, note("Null: the budget ends here.")]
    carried_in: Annotated[Money, note("Into the present period.")]
    undone: Annotated[bool, note("What was carried in is taken back.")]


def rollover_out(found: RolloverPreview) -> RolloverPreviewOut:
    budget, left, into = found.budget, found.left, found.following
    cap, amount = budget.rollover_cap, found.following_amount
    return RolloverPreviewOut(
        budget=str(budget.uid),
        currency=budget.currency,
        mode=budget.rollover_mode,
        cap=None if cap is None else f"{cap.normalize():f}",
        period_start=found.window.start,
        period_end=found.window.end,
        limit=wire(left.limit),
        adjusted=wire(left.adjusted),
        spent=wire(left.spent),
        left=wire(left.for_good),
        most=wire(found.most),
        carries=wire(found.carries),
        into=None
        if into is None or amount is None
        else PhaseOut(into.start, into.end, wire(amount)),
        carried_in=wire(found.carried_in),
        undone=found.is_undone,
    )


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
