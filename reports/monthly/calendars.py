"""The months that a report is about. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from lib.periods import Cadence, Calendar, Window, day_of, start_of

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class ReportedMonth:
    """A month of an organization's zone, within its fiscal year."""

    first: date
    zone: ZoneInfo
    window: Window
    before: Window  # the month before
    year: Window  # fiscal
    firsts: tuple[date, ...]  # first days of all months of the year

    @classmethod
    def of(cls, first: date, zone: ZoneInfo, fiscal_month: int) -> "ReportedMonth":
        """Return the month that begins with *first*."""
        months = Calendar(Cadence.MONTHLY, zone)
        window = months.window_of(start_of(first, zone))
        year = Calendar(Cadence.ANNUAL, zone, fiscal_month).window_of(window.start)
        firsts = [
            day_of(one.start, zone) for one in months.windows(year.start, year.end)
        ]
        return cls(
            first,
            zone,
            window,
            months.window_of(window.start - _MICROSECOND),
            year,
            tuple(firsts),
        )

    @property
    def place(self) -> int:
        """Which month of the year it is, from 0."""
        return self.firsts.index(self.first)

    @property
    def days(self) -> list[date]:
        count = (self.after(self.first) - self.first).days
        return [self.first + timedelta(days=ahead) for ahead in range(count)]

    def window_in(self, first: date, zone: ZoneInfo) -> Window:
        """Return the month from *first* on, as the clocks of *zone* have it."""
        return Window(start_of(first, zone), start_of(self.after(first), zone))

    def month(self, first: date) -> Window:
        """Return the month from *first* on."""
        return self.window_in(first, self.zone)

    def day(self, day: date) -> Window:
        next_day = day + timedelta(days=1)
        return Window(start_of(day, self.zone), start_of(next_day, self.zone))

    @staticmethod
    def after(first: date) -> date:
        """Return the first day of the month after that of *first*."""
        return date(first.year + first.month // 12, first.month % 12 + 1, 1)

    def is_over(self, now: datetime) -> bool:
        return now >= self.window.end
