"""What of a fixed charge belongs to which day. Pure.

An amount is spread evenly over the days of its interval. What belongs to the days
before a given one is cut off to whole units of 1e-10, and a day's part is the
difference of two such sums: so the parts of any days add up to what stands between
them, and those of a whole interval to its amount.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from lib.money import from_units, to_units

_DAY = timedelta(days=1)


class ChargeInterval(StrEnum):
    """How often the amount of a fixed charge falls due."""

    ONCE = "once"
    MONTHLY = "monthly"
    ANNUAL = "annual"


_MONTHS = {ChargeInterval.MONTHLY: 1, ChargeInterval.ANNUAL: 12}


@dataclass(frozen=True, slots=True)
class Amortization:
    """What a fixed charge comes to: *amount* in each interval from *start* on.

    *end* is its last day. What falls due once is spread over all days until then; of an
    interval that ends later, only the days until then are charged.
    """

    amount: Decimal
    interval: ChargeInterval
    start: date
    end: date | None = None  # None: it goes on; what falls due once is of one day

    @property
    def last(self) -> date | None:
        """The last day of it; None: it goes on."""
        if self.end is None and self.interval == ChargeInterval.ONCE:
            return self.start
        return self.end

    def before(self, day: date) -> Decimal:
        """Return what belongs to all its days before *day*."""
        day = max(day, self.start)
        if self.last is not None:
            day = min(day, self.last + _DAY)
        return from_units(self._units_before(day))

    def between(self, start: date, end: date) -> Decimal:
        """Return what belongs to the days from *start* until before *end*."""
        return self.before(max(start, end)) - self.before(start)

    def part_of(self, day: date) -> Decimal:
        """Return what belongs to *day*."""
        return self.between(day, day + _DAY)

    def days(self, start: date, end: date) -> Iterator[date]:
        """Yield its days from *start* until before *end*."""
        day = max(start, self.start)
        if self.last is not None:
            end = min(end, self.last + _DAY)
        while day < end:
            yield day
            day += _DAY

    @property
    def whole(self) -> Decimal | None:
        """What it comes to in all; None: it goes on."""
        return None if self.last is None else self.before(self.last + _DAY)

    def _units_before(self, day: date) -> int:
        amount = to_units(self.amount)
        if self.interval == ChargeInterval.ONCE:
            days = ((self.last or self.start) - self.start).days + 1
            return amount * (day - self.start).days // days
        months = _MONTHS[self.interval]
        since = (day.year - self.start.year) * 12 + day.month - self.start.month
        passed = since // months
        if months_after(self.start, passed * months) > day:
            passed -= 1
        begun = months_after(self.start, passed * months)
        ended = months_after(self.start, (passed + 1) * months)
        part = amount * (day - begun).days // (ended - begun).days
        return passed * amount + part


def months_after(day: date, months: int) -> date:
    """Return *day* some *months* later; the month's last where it has no such day."""
    years, place = divmod(day.month - 1 + months, 12)
    first = date(day.year + years, place + 1, 1)
    last = (first + timedelta(days=32)).replace(day=1) - _DAY
    return first.replace(day=min(day.day, last.day))
