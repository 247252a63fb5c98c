"""How far budgets' spend is from an even pace, as the API answers it."""

from datetime import datetime
from typing import Annotated

from budgets.api.answers import share_out
from budgets.drivers import DIMENSIONS, Driver, currency_of, drivers_of
from budgets.figures import VarianceCategory
from budgets.status import BudgetStatus
from budgets.variance_parts import VarianceParts
from lib.answers import Moment, Money, Out, choices, note
from lib.money import wire


class DriverOut(Out, frozen=True):
    """A model, project or user that explains a variance."""

    dimension: Annotated[str, choices(DIMENSIONS)]
    name: Annotated[str, note("Empty where none was given.")]
    cost: Annotated[Money, note("Of a day that is not over: what it is so far.")]
    previous: Annotated[Money, note("In as many whole UTC days before.")]
    share: Annotated[float | None, note("Of what all cost.")]
    change: Money


class VariancePartsOut(Out, frozen=True):
    """Why spend is not as expected; the parts add up to the absolute variance."""

    volume: Annotated[Money, note("More or other use than expected.")]
    price: Annotated[
        Money,
        note("A token of a model (a request without tokens) costs another amount."),
    ]
    currency: Annotated[Money, note("Rates are not those of the period's first day.")]


class VarianceOut(Out, frozen=True):
    """How far spend is from an even pace."""

    budget: Annotated[str, note("Its id.")]
    currency: str
    expected_spend: Money
    actual_spend: Money
    absolute_variance: Money
    variance_percent: Annotated[float | None, note("Null: nothing is expected.")]
    variance_category: VarianceCategory
    elapsed_percent: float
    period_start: Moment
    period_end: Annotated[Moment, note("Exclusive.")]
    parts: Annotated[
        VariancePartsOut | None, note("Null: spend is still being charged anew.")
    ]
    drivers_currency: str
    drivers: list[DriverOut]


def variance_out(
    found: BudgetStatus, at: datetime, parts: VarianceParts | None
) -> VarianceOut:
    """Return a variance with its parts, and the models, projects and users that
    explain it.
    """
    variance, window = found.variance, found.window
    end = max(min(at, window.end), window.start)
    has_begun = end > window.start
    drivers = drivers_of(found.budget, window.start, end) if has_begun else []
    return VarianceOut(
        budget=str(found.budget.uid),
        currency=found.budget.currency,
        expected_spend=wire(variance.expected_spend),
        actual_spend=wire(variance.actual_spend),
        absolute_variance=wire(variance.absolute_variance),
        variance_percent=share_out(variance.variance_percent),
        variance_category=variance.variance_category,
        elapsed_percent=float(variance.elapsed_percent),
        period_start=window.start,
        period_end=window.end,
        parts=None
        if parts is None
        else VariancePartsOut(
            wire(parts.volume), wire(parts.price), wire(parts.currency)
        ),
        drivers_currency=currency_of(found.budget),
        drivers=[_driver_out(driver) for driver in drivers],
    )


def _driver_out(driver: Driver) -> DriverOut:
    return DriverOut(
        dimension=driver.dimension,
        name=driver.name,
        cost=wire(driver.cost),
        previous=wire(driver.previous),
        share=share_out(driver.share),
        change=wire(driver.change),
    )
