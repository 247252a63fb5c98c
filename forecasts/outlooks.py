"""What a period will have cost at its end, from what its days cost so far. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Protocol

from forecasts.estimates import Estimate, fitted
from forecasts.quiet import method_of
from forecasts.series import Quiet
from lib.money import quantize
from lib.periods import Window

LEAST_DAYS = 3  # of history, without which nothing is said
MOST_DAYS = 56  # that are looked at: whole weeks
_WEEK = 7
_DAY = timedelta(days=1)
_TENTH = 0.1


class Past(Protocol):
    """What is known of a budget at one moment; amounts in its currency."""

    @property
    def now(self) -> datetime: ...

    @property
    def window(self) -> Window:
        """The period that contains `now`."""

    @property
    def limit(self) -> Decimal: ...

    @property
    def spent(self) -> Decimal:
        """In the period."""

    @property
    def days(self) -> Sequence[Decimal]:
        """Of the days that are over, oldest first, from the first with spend."""

    @property
    def quiet(self) -> Quiet:
        """The holidays; today is step 0."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """The spend projected to the period's end, with an 80 % interval."""

    projected: Decimal
    lower: Decimal
    upper: Decimal
    probability: Decimal  # share: that it passes the limit
    method: str  # for people: "forecast from the last 56 days"


class Method(Protocol):
    """A way to look ahead; None when there is too little to go by."""

    def __call__(self, past: Past, /) -> Outlook | None: ...


def look_ahead(past: Past) -> Outlook | None:
    """Forecast the days that are left, and what is left of today; `methods` says how.

    None when there are too few days to go by.
    """
    days = tuple(float(day) for day in past.days[-MOST_DAYS:])
    if len(days) < LEAST_DAYS:
        return None
    left = (past.window.end - past.now) / _DAY
    whole = ceil(left)
    ahead = fitted(days, whole, _WEEK, past.quiet).total(part=1 - (whole - left))
    spent = float(past.spent)
    return Outlook(
        projected=_money(spent + ahead.middle),
        lower=_money(spent + ahead.quantile(_TENTH)),
        upper=_money(spent + ahead.quantile(1 - _TENTH)),
        probability=_probability(past, ahead),
        method=method_of(len(days), past.quiet),
    )


def _probability(past: Past, ahead: Estimate) -> Decimal:
    if past.spent > past.limit:
        return Decimal(1)
    return quantize(Decimal(ahead.probability_above(float(past.limit - past.spent))))


def _money(estimate: float) -> Decimal:
    return quantize(Decimal(estimate))
