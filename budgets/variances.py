"""Reading what a budget's variance is made of."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from budgets import sql
from budgets.covered import stretches_of
from budgets.models import Budget
from budgets.status import BudgetStatus, calendar_of
from budgets.variance_parts import EXACT, Exchanged, VarianceParts, parts_of
from ledger.analytics import Sums, lines_of
from ledger.costs import CostQuery
from ledger.pricing import PriceBook
from lib.fields import MoneyField, RateField
from lib.measures import MONEY
from lib.periods import Window

_ONE, _ZERO = Decimal(1), Decimal(0)
_MOMENT = timedelta(microseconds=1)
MOST_STRETCHES = 8  # in which a budget covers something else; more take the records


def variance_parts(found: BudgetStatus, *, until: datetime | None) -> VarianceParts:
    """Return the parts of *found*'s variance, which counts what was spent before
    *until* (None: all of the period).

    Exact. What is counted has no price and no currency.

    By daily spend, where the budget has the organization's currency: of the records
    only those are read that came with another one, or have no price, and those of days
    that the two periods have a part of. Else by all records of both.
    """
    budget, window = found.budget, found.window
    if budget.unit != MONEY:
        return VarianceParts(found.variance.absolute_variance, _ZERO, _ZERO)
    end = window.end if until is None else min(max(until, window.start), window.end)
    rates = _PlannedRates(budget, window.start.date())
    earlier = calendar_of(budget, budget.organization).window_at(window.start - _MOMENT)
    span = Window(window.start, end) if window.start < end else None
    of = _of_days if budget.currency == budget.organization.currency else _of_records
    now = list(of(budget, span, rates)) if span else []
    before = list(of(budget, earlier, rates)) if earlier else []
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


def _of_records(
    budget: Budget, window: Window, rates: _PlannedRates
) -> Iterator[Exchanged]:
    where = budget.organization_id, budget.pk, window.start, window.end
    for row in sql.exchanged(*where, among="priced"):
        yield _of_row(row, rates)


def _of_days(
    budget: Budget, window: Window, rates: _PlannedRates
) -> Iterator[Exchanged]:
    """Yield what `_of_records` does, all that was not exchanged of a model as one."""
    stretches = {
        Window(first, last): ids
        for (start, end), ids in stretches_of(budget).items()
        if (first := max(start, window.start)) < (last := min(end, window.end))
    }
    if len(stretches) > MOST_STRETCHES:
        yield from _of_records(budget, window, rates)
        return
    sums: dict[str, Sums] = defaultdict(Sums)
    for stretch, ids in stretches.items():
        question = CostQuery(budget.organization, only=tuple(ids))
        for line in lines_of(question, ("model",), [stretch]):
            sums[line.group[0]].add(line.sums)
    where = budget.organization_id, budget.pk, window.start, window.end
    for row in sql.exchanged(*where, among="foreign"):
        found = _of_row(row, rates)
        yield found
        _take_off(sums[found.model], found)
    # Looking for those without a price reads the period's records on SQLite.
    if any(of_model.unpriced for of_model in sums.values()):
        for row in sql.exchanged(*where, among="unpriced"):
            found = _of_row(row, rates)
            _take_off(sums[found.model], found)
    for model, rest in sums.items():
        tokens = rest.input_tokens + rest.output_tokens
        yield Exchanged(model, rest.cost, rest.cost, _ONE, _ONE, rest.requests, tokens)


def _take_off(sums: Sums, part: Exchanged) -> None:
    sums.cost -= part.charged
    sums.requests -= part.requests
    sums.input_tokens -= part.tokens  # of which kind makes no difference here


def _of_row(row: sql.ExchangedSums, rates: _PlannedRates) -> Exchanged:
    first, second = _rate(row.exchange_rate), _rate(row.converted_rate)
    source_cost, own_cost, charged = map(_money, row.amounts)
    return Exchanged(
        model=row.model,
        amount=source_cost if row.source_currency else own_cost,
        charged=charged,
        rate=EXACT.multiply(first, second),
        planned_rate=rates.of(row.source_currency, first, second),
        requests=int(row.counts[0] or 0),
        tokens=int(row.counts[1] or 0),
    )


def _money(stored: Decimal | int | None) -> Decimal:
    return _read(stored or 0, MoneyField.places)


def _rate(stored: Decimal | int | None) -> Decimal:
    return _ONE if stored is None else _read(stored, RateField.places)


def _read(stored: Decimal | int, places: int) -> Decimal:
    """Return a number as it is: SQLite keeps the units of the last place."""
    return stored if isinstance(stored, Decimal) else Decimal(stored).scaleb(-places)
