"""Why an amount is recommended, and why none can be, in plain words. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from budgets.models import Budget, Priority
from forecasts.courses import RECOMMENDED
from forecasts.needs import Need
from forecasts.outlooks import LEAST_DAYS, MOST_DAYS
from forecasts.recommendations import DoesNotFit, Share
from lib.errors import Invalid
from lib.money import format_money, smallest_unit, units_up
from lib.periods import Cadence

NOUNS = {
    Cadence.DAILY: "day",
    Cadence.WEEKLY: "week",
    Cadence.MONTHLY: "month",
    Cadence.QUARTERLY: "quarter",
    Cadence.ANNUAL: "year",
    Cadence.CUSTOM: "period",
}
_NUMBERS = {1: "one", 2: "two", 3: "three"}
_MOST_NAMED = 5
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What somebody wants a budget to get at least, and at most; None: no matter."""

    floor: Decimal | None = None
    cap: Decimal | None = None


def reason_of(
    budget: Budget, need: Need, share: Share, bounds: Bounds, *, has_below: bool
) -> str:
    """Say why *budget* gets its *share*."""
    money = _Money(budget.currency)
    said = [_needed(budget, need, money)]
    if has_below:
        given = money.words(share.amount - share.kept)
        said.append(f"Those below it get {given} of it")
    said += _bound(need, share, bounds, money)
    short, extra = share.wanted - share.amount, share.kept - money.up(need.kept)
    if short > 0:
        words = f"That is {money.words(short)} less than it needs: there is not enough"
        is_usual = budget.priority == Priority.NORMAL
        said.append(words + ("" if is_usual else _at_priority(budget)))
    elif has_below and extra > 0:
        said.append(f"{money.words(extra)} more than is needed stays unallocated")
    return ". ".join(said) + "."


class _Money:
    """How amounts of one currency are written and rounded up."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.unit = smallest_unit(currency)

    def words(self, amount: Decimal) -> str:
        return format_money(amount, self.currency)

    def up(self, amount: Decimal) -> Decimal:
        return units_up(amount, self.unit) * self.unit


def _needed(budget: Budget, need: Need, money: _Money) -> str:
    noun = NOUNS[Cadence(budget.period)]
    if need.expected is None:
        days = "1 day" if need.days == 1 else f"{need.days} days"
        return (
            f"{days} with spend are too few to forecast, {LEAST_DAYS} are needed: "
            "what it has now counts as its need"
        )
    if not need.days:
        return f"Spent nothing in {MOST_DAYS} days"
    past = f"No {noun} is over yet"
    if need.average is not None:
        spent = money.words(need.average)
        over = f"{_NUMBERS[need.periods]} {noun}{'s' if need.periods > 1 else ''}"
        past = f"Spent {spent} a {noun} over {over}"
    expected, enough = money.words(need.expected), money.words(need.amount)
    return (
        f"{past}, forecast {expected}; a {RECOMMENDED:.0%} {noun} needs {enough}"
    ).replace("%", "\N{NO-BREAK SPACE}%", 1)


def _bound(need: Need, share: Share, bounds: Bounds, money: _Money) -> list[str]:
    """Say which of the bounds made the share what it is."""
    if bounds.floor and share.amount == money.up(bounds.floor) > need.amount:
        return [f"At least {money.words(bounds.floor)} was asked for"]
    if bounds.cap is not None and share.amount == share.wanted < need.amount:
        return [f"At most {money.words(bounds.cap)} was asked for"]
    return []


def _at_priority(budget: Budget) -> str:
    return f" for all, and its priority is {Priority(budget.priority).label.lower()}"


def refusal_of(
    refused: DoesNotFit,
    budgets: Mapping[int, Budget],
    bounds: Mapping[int, Bounds],
    currency: str,
) -> Invalid:
    """Return what is told of bounds that contradict each other, or the sum."""
    money = _Money(currency)
    least, most = money.words(refused.least), money.words(refused.most)
    named = _listed(budgets[one].name for one in refused.below)
    if refused.claim_id is None:
        detail = (
            f"The total of {most} is less than the floors of {named} add up to: "
            f"{least}. Raise it, or lower a floor."
        )
        return Invalid.field("total", detail, code="does_not_fit")
    name = budgets[refused.claim_id].name
    if refused.below:
        detail = (
            f"“{name}” is to get at most {most}, and the floors below it, of {named}, "
            f"add up to {least}. Raise its cap, or lower a floor."
        )
        return Invalid.field("cap", detail, code="does_not_fit")
    floor = bounds.get(refused.claim_id, Bounds()).floor
    if floor is not None and floor > refused.most:
        detail = f"“{name}” is to get at least {least}, and at most {most}."
        return Invalid.field("floor", detail, code="does_not_fit")
    detail = f"“{name}” is to get at most {most}, and the total is {least}."
    return Invalid.field("total", detail, code="does_not_fit")


def _listed(names: Iterable[str]) -> str:
    quoted = [f"“{name}”" for name in names]
    more = len(quoted) - _MOST_NAMED
    shown = ", ".join(quoted[:_MOST_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown
