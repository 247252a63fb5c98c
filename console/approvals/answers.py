"""What the buttons under a request say, by link and in the console alike."""

from decimal import Decimal
from typing import NamedTuple

from django.http import QueryDict

from approvals.models import Outcome
from lib.amounts import read_amount
from lib.errors import Invalid

_OUTCOMES = {
    "approve": Outcome.APPROVED,
    "lower": Outcome.APPROVED,
    "reject": Outcome.REJECTED,
    "changes": Outcome.CHANGES_REQUESTED,
}
_LONGEST = 4_000  # characters of a comment


class Answer(NamedTuple):
    """What somebody decided, as they pressed and wrote it."""

    outcome: Outcome
    amount: Decimal | None  # less than is asked
    comments: str


def answer_of(form: QueryDict, locale: str) -> Answer:
    """Read which button was pressed, with what was written beside it.

    Raises:
        Invalid: none was, a reason is missing, or the amount is no number.
    """
    button, comments = form.get("answer", ""), form.get("comments", "").strip()
    if button not in _OUTCOMES:
        raise Invalid.field("answer", "Choose one of the buttons.")
    if len(comments) > _LONGEST:
        raise Invalid.field("comments", f"Write at most {_LONGEST} characters.")
    outcome = _OUTCOMES[button]
    if outcome != Outcome.APPROVED and not comments:
        what = "reject it" if outcome == Outcome.REJECTED else "ask for changes"
        raise Invalid.field("comments", f"To {what}, say why in the comment.")
    amount = _amount(form.get("amount", ""), locale) if button == "lower" else None
    return Answer(outcome, amount, comments)


def _amount(text: str, locale: str) -> Decimal:
    try:
        return read_amount(text, locale)
    except ValueError as error:
        detail = "Write the lower amount as a number, 1500 or 1,500.00."
        raise Invalid.field("amount", detail) from error
