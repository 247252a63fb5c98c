"""What is to come for certain: days of fixed charges that are not booked. Pure."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from ledger.amortization import Amortization
from lib.money import quantize


@dataclass(frozen=True, slots=True)
class DueLine:
    """A charge, the days of it that count, and what its currency is worth."""

    terms: Amortization
    start: date
    before: date
    rate: Decimal | None  # None: it is in the right one

    def between(self, start: date, before: date) -> Decimal:
        start, before = max(start, self.start), min(before, self.before)
        due = self.terms.between(start, before) if start < before else Decimal(0)
        return due if self.rate is None else quantize(due * self.rate)


@dataclass(frozen=True, slots=True)
class Dues:
    """What budgets will be charged by fixed charges, whatever is used."""

    lines: tuple[DueLine, ...] = ()

    def between(self, start: date, before: date) -> Decimal:
        """Return what falls on the days from *start* until before *before*."""
        return sum((one.between(start, before) for one in self.lines), Decimal(0))

    def times(self, rate: Decimal) -> "Dues":
        """Return the same in a currency of which one of its own is *rate*."""
        if rate == 1:
            return self
        lines = [
            replace(one, rate=(Decimal(1) if one.rate is None else one.rate) * rate)
            for one in self.lines
        ]
        return Dues(tuple(lines))


NO_DUES = Dues()
