"""Forecasts, as the API answers them."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any

from budgets.models import Budget
from forecasts.ahead import Ahead
from forecasts.backtests import Accuracy
from forecasts.courses import RECOMMENDED, Course
from forecasts.outlooks import LEAST_DAYS
from forecasts.quiet import method_of
from forecasts.records import Judged
from lib.answers import Money, Out, note
from lib.money import quantize, wire


class ConfidenceOut(Out, frozen=True):
    """Where a cost lies, with the probability that was asked for."""

    lower: Money
    upper: Money
    level: Annotated[float, note("A share.")]


class DaysUntilOut(Out, frozen=True):
    """When the amount is passed, with the probability that was asked for."""

    earliest: Annotated[int | None, note("Days; null: not in these days.")]
    latest: Annotated[int | None, note("Days; null: not in these days.")]
    level: Annotated[float, note("A share.")]


class ForecastDataOut(Out, frozen=True):
    """What a forecast rests on."""

    days: Annotated[int, note("That are over, from the first with spend.")]
    enough: Annotated[bool, note("False: nothing is forecast.")]
    reason: Annotated[str, note("Why it is not enough; empty if it is.")]


class ForecastDayOut(Out, frozen=True):
    """One day's cost: what it was, or what is expected of it."""

    date: date
    actual: Money | None
    projected: Annotated[Money | None, note("Of today: of what is left of it.")]
    confidence_low: Money | None
    confidence_high: Money | None
    budget_limit: Annotated[
        Money | None, note("Of the whole period; null where there is none.")
    ]


class ForecastOut(Out, frozen=True):
    """What will be spent. All amounts are null where too little is known."""

    budget: Annotated[str | None, note("Its id; null: none has just this scope.")]
    currency: str
    days_ahead: Annotated[int, note("Days to come, today among them.")]
    forecasted_cost: Annotated[Money | None, note("As likely passed as not.")]
    daily_average: Annotated[Money | None, note("Of the days to come.")]
    confidence_interval: ConfidenceOut | None
    budget_limit: Annotated[Money | None, note("Null: there is none.")]
    projected_overrun: Annotated[Money | None, note("Never negative.")]
    probability_over_budget: Annotated[float | None, note("A share.")]
    days_until_exceeded: Annotated[int | None, note("Null: not in these days.")]
    days_until_interval: Annotated[
        DaysUntilOut | None, note("Null: not in these days, even at its dearest.")
    ]
    exceeded_on: Annotated[date | None, note("The day it is expected to.")]
    recommended_budget: Annotated[
        Money | None, note("Enough with the probability of recommended_quantile.")
    ]
    recommended_quantile: float
    method: str
    data: ForecastDataOut
    daily: list[ForecastDayOut]


class PastForecastOut(Out, frozen=True):
    """What was forecast once, and what came of it."""

    made_on: date
    days: Annotated[int, note("That it was about, the one it was made on among them.")]
    expected: Money
    lower_80: Money
    upper_80: Money
    lower_95: Money
    upper_95: Money
    actual: Annotated[Money, note("As it is known by now.")]
    held_80: bool
    held_95: bool


class AccuracyOut(Out, frozen=True):
    """How well some forecasts did."""

    count: int
    held_80: Annotated[int, note("How many came to lie where 80 % were to.")]
    held_95: Annotated[int, note("How many came to lie where 95 % were to.")]
    median_error: Annotated[
        float | None, note("A share of what came; null: nothing to tell it from.")
    ]
    forecasts: Annotated[list[PastForecastOut], note("Oldest first.")]


class ForecastAccuracyOut(Out, frozen=True):
    """How well a budget's forecasts do."""

    budget: Annotated[str, note("Its id.")]
    currency: str
    backtest: Annotated[
        AccuracyOut,
        note(
            "Made from its own history, each of what was known before; of as many days "
            "as the present one looks ahead, fewer in a short history."
        ),
    ]
    stored: Annotated[
        AccuracyOut,
        note("Told by the day; of each period that is over the one from its middle."),
    ]


def accuracy_out(budget: Budget, found: Judged) -> ForecastAccuracyOut:
    return ForecastAccuracyOut(
        budget=str(budget.uid),
        currency=budget.currency,
        backtest=_accuracy(found.tried),
        stored=_accuracy(found.told),
    )


def _accuracy(found: Accuracy) -> AccuracyOut:
    return AccuracyOut(
        count=len(found.forecasts),
        held_80=found.held,
        held_95=found.held_surely,
        median_error=None if found.error is None else round(found.error, 6),
        forecasts=[
            PastForecastOut(
                made_on=one.made_on,
                days=one.days,
                expected=wire(one.expected),
                lower_80=wire(one.likely[0]),
                upper_80=wire(one.likely[1]),
                lower_95=wire(one.surely[0]),
                upper_95=wire(one.surely[1]),
                actual=wire(one.came),
                held_80=one.held,
                held_95=one.held_surely,
            )
            for one in found.forecasts
        ],
    )


def forecast_out(found: Ahead) -> ForecastOut:
    """Return a forecast with the days it rests on, oldest first."""
    course = found.course
    shared: dict[str, Any] = {
        "budget": str(found.budget.uid) if found.budget else None,
        "currency": found.currency,
        "days_ahead": found.steps,
        "budget_limit": wire(found.limit),
        "recommended_quantile": RECOMMENDED,
        "data": data_out(found),
        "daily": [*_past(found), *_coming(found, course)],
    }
    if course is None:
        nothing: dict[str, Any] = dict.fromkeys(_OF_COURSE)
        return ForecastOut(**shared, **nothing, method="none")
    return ForecastOut(
        **shared,
        **_of_course(found, course),
        method=method_of(len(found.days), found.known.quiet),
    )


def data_out(found: Ahead) -> ForecastDataOut:
    days = len(found.days)
    reason = f"{LEAST_DAYS} days with spend are needed, not {days}."
    return ForecastDataOut(
        days=days, enough=found.is_enough, reason="" if found.is_enough else reason
    )


_OF_COURSE = (
    *("forecasted_cost", "daily_average", "confidence_interval", "projected_overrun"),
    *("probability_over_budget", "days_until_exceeded", "days_until_interval"),
    *("exceeded_on", "recommended_budget"),
)


def _of_course(found: Ahead, course: Course) -> dict[str, Any]:
    total, passing, limit = course.total, course.passing, found.limit
    coming = sum([day.middle for _, day in course.days], Decimal(0))
    return {
        "forecasted_cost": wire(total.middle),
        "daily_average": wire(quantize(coming / found.steps)),
        "confidence_interval": ConfidenceOut(
            lower=wire(total.lower), upper=wire(total.upper), level=found.confidence
        ),
        "projected_overrun": None
        if limit is None
        else wire(max(total.middle - limit, Decimal(0))),
        "probability_over_budget": None
        if course.probability is None
        else float(course.probability),
        "days_until_exceeded": days_until(passing.expected, found.today),
        "days_until_interval": DaysUntilOut(
            earliest=days_until(passing.earliest, found.today),
            latest=days_until(passing.latest, found.today),
            level=found.confidence,
        )
        if passing.earliest
        else None,
        "exceeded_on": passing.expected,
        "recommended_budget": wire(course.recommended),
    }


def days_until(day: date | None, today: date) -> int | None:
    return None if day is None else (day - today).days


def _past(found: Ahead) -> Iterator[ForecastDayOut]:
    for ago, cost in zip(range(len(found.days), 0, -1), found.days, strict=True):
        yield ForecastDayOut(
            date=found.today - timedelta(days=ago),
            actual=wire(cost),
            projected=None,
            confidence_low=None,
            confidence_high=None,
            budget_limit=wire(found.limit),
        )


def _coming(found: Ahead, course: Course | None) -> Iterator[ForecastDayOut]:
    for day, interval in course.days if course else ():
        yield ForecastDayOut(
            date=day,
            actual=None,
            projected=wire(interval.middle),
            confidence_low=wire(interval.lower),
            confidence_high=wire(interval.upper),
            budget_limit=wire(found.limit),
        )
