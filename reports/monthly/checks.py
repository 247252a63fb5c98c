"""Whether a report's totals add up. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from lib.money import wire
from reports.monthly.errors import UnsoundReport
from reports.monthly.figures import MonthlyFigures, PlanAndSpend

_ZERO = Decimal(0)
_MOST_NAMED = 5  # budgets


def check(figures: MonthlyFigures) -> None:
    """Refuse *figures* whose totals don't add up.

    Raises:
        UnsoundReport: it says all that does not.
    """
    wrong = list(differences(figures))
    if wrong:
        raise UnsoundReport(
            f"The report of {figures.month:%B %Y} is not made, for its totals don't "
            f"add up: {' '.join(wrong)} Run manage.py verify."
        )


def check_periods(periods: Sequence[tuple[str, Decimal, Decimal]], month: date) -> None:
    """Refuse a report where budget periods say otherwise: each with the budget's name,
    what the period has as spent, and what the report has.

    Raises:
        UnsoundReport: it names the budgets.
    """
    wrong = [
        f"“{name}” has {wire(spent)} in its period, {wire(found)} by the ledger."
        for name, spent, found in periods
        if spent != found
    ]
    if wrong:
        raise UnsoundReport(
            f"The report of {month:%B %Y} is not made: {' '.join(wrong[:_MOST_NAMED])} "
            "Wait until they are charged anew, or run manage.py verify."
        )


def differences(figures: MonthlyFigures) -> Iterator[str]:
    """Yield what does not add up, a sentence each."""
    yield from _of_bridge(figures)
    yield from _of_ledger(figures)
    yield from _of_tops(figures)
    yield from _of_charts(figures)


def _of_bridge(figures: MonthlyFigures) -> Iterator[str]:
    bridge, total = figures.bridge, figures.total
    causes = sum((cause.amount for cause in bridge.causes), bridge.budgeted)
    yield from _differ("the bridge leads to", causes, "it ends at", bridge.spent)
    yield from _differ(
        "the bridge begins at", bridge.budgeted, "budgeted is", total.budgeted
    )
    yield from _differ("the bridge ends at", bridge.spent, "spent is", total.spent)


def _of_ledger(figures: MonthlyFigures) -> Iterator[str]:
    if figures.ledger is None:
        yield from _differ(
            "a subtree leaves", figures.uncounted, "uncounted; it can be", _ZERO
        )
        return
    counted = figures.total.spent + figures.uncounted
    yield from _differ(
        "budgets and what none counts are", counted, "the ledger has", figures.ledger
    )


def _of_tops(figures: MonthlyFigures) -> Iterator[str]:
    tops = [row for row in figures.rows if not row.depth]
    pairs = (
        ("the month", figures.total, [row.month for row in tops]),
        (
            "the year to date",
            figures.total_year_to_date,
            [t.year_to_date for t in tops],
        ),
        ("the year", figures.total_full_year, [row.full_year for row in tops]),
    )
    for name, total, parts in pairs:
        budgeted = sum((one.budgeted for one in parts), _ZERO)
        yield from _differ(
            f"the tops have for {name}", budgeted, "their total", total.budgeted
        )
    if len(tops) == 1:
        for name, total, (top,) in pairs:
            yield from _differ(
                f"the top spent in {name}", top.spent, "the total is", total.spent
            )


def _of_charts(figures: MonthlyFigures) -> Iterator[str]:
    spent = [day.spent for day in figures.days if day.spent is not None]
    if spent:
        yield from _differ(
            "the days come to", spent[-1], "the month has", figures.total.spent
        )
    months = [point for point in figures.year if point.month <= figures.month]
    so_far = PlanAndSpend(
        sum((point.budgeted for point in months), _ZERO),
        sum((point.spent or _ZERO for point in months), _ZERO),
    )
    to_date = figures.total_year_to_date
    yield from _differ("the months come to", so_far.spent, "to date is", to_date.spent)
    yield from _differ(
        "the months have", so_far.budgeted, "to date is", to_date.budgeted
    )


def _differ(one: str, amount: Decimal, other: str, expected: Decimal) -> Iterator[str]:
    if amount != expected:
        yield f"{one} {wire(amount)}, {other} {wire(expected)}."
