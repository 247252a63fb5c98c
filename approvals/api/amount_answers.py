"""What becomes of new amounts, as the API answers it."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from approvals.applying import Applied, Way
from budgets.reallotment import NewAmount
from lib.answers import Money, Out, choices, note
from lib.money import wire


class NewAmountOut(Out, frozen=True):
    """What becomes of one new amount, in the budget's currency."""

    budget: Annotated[str, note("Its id.")]
    name: str
    currency: str
    present_amount: Money
    amount: Money
    way: Annotated[
        str,
        choices(Way),
        note(
            "change: at once; request: people decide; asked: the same is asked for "
            "already; not_yours: it stays."
        ),
    ]


class NewAmountsOut(Out, frozen=True):
    """What becomes of new amounts; of a dry run: what would."""

    dry_run: bool
    amounts: Annotated[list[NewAmountOut], note("In the order they were sent.")]
    changed: int
    requests: Annotated[list[str], note("The ids of those that were opened.")]
    left: Annotated[int, note("How many stay as they are.")]


def new_amounts_out(
    wanted: Sequence[NewAmount], ways: Mapping[int, Way], done: Applied | None
) -> NewAmountsOut:
    """Tell what became of new amounts; *done* None: what would."""
    said = list(ways.values())
    return NewAmountsOut(
        dry_run=done is None,
        amounts=[
            NewAmountOut(
                budget=str(one.budget.uid),
                name=one.budget.name,
                currency=one.budget.currency,
                present_amount=wire(one.budget.amount),
                amount=wire(one.amount),
                way=ways[one.budget.pk],
            )
            for one in wanted
        ],
        changed=done.changed if done else said.count(Way.CHANGE),
        requests=[str(one.uid) for one in done.requests] if done else [],
        left=done.left if done else said.count(Way.ASKED) + said.count(Way.NOT_YOURS),
    )
