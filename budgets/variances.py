"""Reading what a budget's variance is made of."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from budgets import sql
from budgets.models import Budget
from budgets.status import BudgetStatus, calendar_of
from budgets.variance_parts import EXACT, Exchanged, VarianceParts, parts_of
from ledger.pricing import PriceBook
from lib.fields import MoneyField, RateField
from lib.measures import MONEY
from lib.periods import Window

_ONE, _ZERO = Decimal(1), Decimal(0)
_MOMENT = timedelta(microseconds=1)


def variance_parts(found: BudgetStatus, *, until: datetime | None) -> VarianceParts:
    """Return the parts of *found*'s variance, which counts what was spent before
    *until* (None: all of the period).

    Exact. By the records of the period and of the one before it: two queries, and those
    that the rates of the first day take. What is counted has no price and no currency.
    """
    budget, window = found.budget, found.window
    if budget.unit != MONEY:
        return VarianceParts(found.variance.absolute_variance, _ZERO, _ZERO)
    end = window.end if until is None else min(max(until, window.start), window.end)
    rates = _PlannedRates(budget, window.start.date())
    earlier = calendar_of(budget, budget.organization).window_at(window.start - _MOMENT)
    span = Window(window.start, end) if window.start < end else None
    now = list(_exchanged(budget, span, rates)) if span else []
    before = list(_exchanged(budget, earlier, rates)) if earlier else []
    return parts_of(found.variance.absolute_variance, now, before)


class _PlannedRates:
    """The rates of one day, from any currency to the budget's by the organization's."""

    def __init__(self, budget: Budget, day: date) -> None:
        self._own = budget.organization.currency
        self._budgets = budget.currency
        self._day = day
        self._book = PriceBook(budget.organization_id)
        self._known: dict[tuple[str, str], Decimal | None] = {}

    def of(self, source: str, rate: Decimal, converted: Decimal) -> Decimal:
        """Return the planned rate; what has none is planned as it was booked."""
        first = self._rate(source or self._own, self._own) or rate
        second = self._rate(self._own, self._budgets) or converted
        return EXACT.multiply(first, second)

    def _rate(self, base: str, quote: str) -> Decimal | None:
        if base == quote:
            return _ONE
        key = base, quote
        if key not in self._known:
            found = self._book.rate(base, quote, self._day)
            self._known[key] = found.rate if found else None
        return self._known[key]


def _exchanged(
    budget: Budget, window: Window, rates: _PlannedRates
) -> Iterator[Exchanged]:
    rows = sql.exchanged(budget.organization_id, budget.pk, window.start, window.end)
    for model, source, rate, converted, amounts, counts in rows:
        first, second = _rate(rate), _rate(converted)
        source_cost, own_cost, charged = map(_money, amounts)
        yield Exchanged(
            model=model,
            amount=source_cost if source else own_cost,
            charged=charged,
            rate=EXACT.multiply(first, second),
            planned_rate=rates.of(source, first, second),
            requests=int(counts[0] or 0),
            tokens=int(counts[1] or 0),
        )


def _money(stored: Decimal | int | None) -> Decimal:
    return _read(stored or 0, MoneyField.places)


def _rate(stored: Decimal | int | None) -> Decimal:
    return _ONE if stored is None else _read(stored, RateField.places)


def _read(stored: Decimal | int, places: int) -> Decimal:
    """Return a number as it is: SQLite keeps the units of the last place."""
    return stored if isinstance(stored, Decimal) else Decimal(stored).scaleb(-places)
