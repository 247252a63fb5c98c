"""When a feed is due, and of which days its file then tells. Pure.

A feed is due on days of its organization's calendar, at an hour of its clocks. What is
missed while no worker runs is made up for once: by days and weeks in one file for all
of them, by months in a file for each.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from lib.periods import DAY, WEEK, Window, start_of

MOST_MONTHS = 12  # that are made up for, the latest ones
_UTC = ZoneInfo("UTC")
_LAST_DAY = 31  # of a month, whichever that is
_WEEKDAYS = (
    *("Monday", "Tuesday", "Wednesday", "Thursday"),
    *("Friday", "Saturday", "Sunday"),
)


class Every(StrEnum):
    """How often a feed is due."""

    MONTH = "month"
    WEEK = "week"
    DAY = "day"


# Which days there are to choose from; None: every one.
DAYS: dict[Every, range | None] = {
    Every.MONTH: range(1, _LAST_DAY + 1),
    Every.WEEK: range(1, 8),
    Every.DAY: None,
}


@dataclass(frozen=True, slots=True)
class DaySpan:
    """The days from *first* up to, but not including, *end*."""

    first: date
    end: date

    @property
    def is_month(self) -> bool:
        return self.first.day == 1 and self.end == _next_month(self.first)

    @property
    def last(self) -> date:
        return self.end - DAY

    def window(self, zone: ZoneInfo) -> Window:
        return Window(start_of(self.first, zone), start_of(self.end, zone))


@dataclass(frozen=True, slots=True)
class Timetable:
    """Days and an hour by the clocks of *zone*; the days told of begin in *days_in*.

    *day*: of a month, 1 to 31, its last where it is shorter; of a week, 1 for Monday;
    of no meaning where every day is one.
    """

    every: Every
    day: int
    hour: int  # 0 to 23
    zone: ZoneInfo
    days_in: ZoneInfo = _UTC  # where the days begin that are told of

    def span_of(self, due_on: date) -> DaySpan:
        """Return the whole days, week or month before the day it is due on."""
        if self.every is Every.MONTH:
            this = due_on.replace(day=1)
            return DaySpan((this - DAY).replace(day=1), this)
        return DaySpan(due_on - (WEEK if self.every is Every.WEEK else DAY), due_on)

    def due_at(self, due_on: date) -> datetime:
        """Return the moment, in UTC, at which it is due on that day.

        Of an hour that clocks show twice the first, of one that they skip what they
        show instead; and not before what it tells of is over.
        """
        at = datetime.combine(due_on, time(self.hour), self.zone).astimezone(UTC)
        return max(at, self.span_of(due_on).window(self.days_in).end)

    def next_on(self, after: datetime) -> date:
        """Return the first day on which it is due later than *after*."""
        # The day before: what it tells of may be over later than its hour.
        begin = after.astimezone(self.zone).date() - DAY
        return next(day for day in self._days(begin) if self.due_at(day) > after)

    def following(self, due_on: date) -> date:
        """Return the next day after *due_on* on which it is due."""
        return next(self._days(due_on + DAY))

    def due(self, since: date, now: datetime) -> list[date]:
        """Return on which days, from *since* on, it has been due by *now*."""
        found = []
        for day in self._days(since):
            if self.due_at(day) > now:
                break
            found.append(day)
        return found

    def spans_of(self, due_on: list[date]) -> list[DaySpan]:
        """Return of which days there are to be files, where it was due *due_on*."""
        spans = [self.span_of(day) for day in due_on]
        if self.every is Every.MONTH or not spans:
            return spans[-MOST_MONTHS:]
        return [DaySpan(spans[0].first, spans[-1].end)]

    def span_around(self, day: date) -> DaySpan:
        """Return the month, week or day that *day* is in, as it would be told of."""
        if self.every is Every.MONTH:
            first = day.replace(day=1)
            return DaySpan(first, _next_month(first))
        return self.span_of(next(self._days(day + DAY)))

    @property
    def words(self) -> str:
        """Return it for people, after "sent": "every Monday at 06:00"."""
        clock = f"at {self.hour:02}:00"
        if self.every is Every.DAY:
            return f"every day {clock}"
        if self.every is Every.WEEK:
            return f"every {_WEEKDAYS[self.day - 1]} {clock}"
        if self.day == _LAST_DAY:
            return f"on the last day of every month {clock}"
        return f"on day {self.day} of every month {clock}"

    def _days(self, begin: date) -> Iterator[date]:
        """Yield the days it is due on, from *begin* on."""
        if self.every is Every.DAY:
            day, step = begin, DAY
        elif self.every is Every.WEEK:
            day, step = begin + timedelta((self.day - begin.isoweekday()) % 7), WEEK
        else:
            yield from self._month_days(begin)
            return
        while True:
            yield day
            day += step

    def _month_days(self, begin: date) -> Iterator[date]:
        first = begin.replace(day=1)
        while True:
            last = _next_month(first) - DAY
            day = min(first.replace(day=1) + timedelta(self.day - 1), last)
            if day >= begin:
                yield day
            first = _next_month(first)


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)
