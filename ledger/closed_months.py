"""Where usage is booked whose month is closed. Pure.

Months are those of UTC, as the days of daily spend are.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time

# Of the day on which what belongs to closed months is booked: by then it has begun in
# every time zone, so that months of no budget before it are charged.
_NOON = time(12, tzinfo=UTC)


def month_of(at: datetime) -> date:
    """Return the first day of the month of *at*, an aware UTC datetime."""
    return date(at.year, at.month, 1)


def month_after(month: date) -> date:
    """Return the first day of the month after the one that *month* lies in."""
    years, place = divmod(month.month, 12)
    return date(month.year + years, place + 1, 1)


class ClosedMonths:
    """The months in which nothing of an organization may be booked any more."""

    def __init__(self, months: Iterable[date] = ()) -> None:
        """*months*: their first days."""
        self._months = frozenset(months)

    def __contains__(self, at: datetime) -> bool:
        return bool(self._months) and month_of(at) in self._months

    def adjustment_of(self, at: datetime) -> datetime | None:
        """Return when that is booked which belongs to the moment *at*; None: at it.

        At noon of the first day of the first open month after it. It depends on nothing
        else, so what is sent again, or half an hour later, is booked there too.
        """
        if at not in self:
            return None
        month = month_of(at)
        while month in self._months:
            month = month_after(month)
        return datetime.combine(month, _NOON)
