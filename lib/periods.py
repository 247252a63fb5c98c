"""Budget periods: half-open windows of time, cut along the clocks of a time zone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


class Cadence(StrEnum):
    """How often a budget starts afresh."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    ANNUAL = "annual"
    CUSTOM = "custom"


_MONTHS = {Cadence.MONTHLY: 1, Cadence.QUARTERLY: 3, Cadence.ANNUAL: 12}


@dataclass(frozen=True, slots=True)
class Window:
    """The time from *start* up to, but not including, *end*; both aware, in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(
                f"a window ends after it starts: {self.start} to {self.end}"
            )

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


_ALWAYS = Window(
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
)


@dataclass(frozen=True, slots=True)
class Calendar:
    """How the life of one budget, *starts_at* to *ends_at*, falls into windows.

    *fiscal_month*, 1 to 12, begins the fiscal year. None for *starts_at* or *ends_at*
    leaves that side open; a custom cadence needs both, as they are its only window.
    Weeks begin on Monday; days begin at midnight in *zone* (see `start_of`).
    """

    cadence: Cadence
    zone: ZoneInfo
    fiscal_month: int = 1
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.fiscal_month <= 12:
            raise ValueError(
                f"a fiscal year begins in month 1 to 12, not {self.fiscal_month}"
            )
        starts_at = self.starts_at and _utc(self.starts_at)
        ends_at = self.ends_at and _utc(self.ends_at)
        if starts_at and ends_at and starts_at >= ends_at:
            raise ValueError(f"a budget ends after it starts: {starts_at} to {ends_at}")
        if self.cadence is Cadence.CUSTOM and not (starts_at and ends_at):
            raise ValueError("a custom period needs a start and an end")
        object.__setattr__(self, "starts_at", starts_at)
        object.__setattr__(self, "ends_at", ends_at)

    def window_at(self, moment: datetime) -> Window | None:
        """Return the window that contains *moment*.

        None when *moment* lies outside the life of the budget.
        """
        moment = _utc(moment)
        if self.starts_at and moment < self.starts_at:
            return None
        if self.ends_at and moment >= self.ends_at:
            return None
        if self.cadence is Cadence.CUSTOM:
            return self._cut(_ALWAYS)
        day = day_of(moment, self.zone)
        return self._cut(_whole(self.cadence, self.zone, self.fiscal_month, day))

    def window_of(self, moment: datetime) -> Window:
        """Return what `window_at` does of a moment that is in the budget's life.

        Raises:
            LookupError: it is not.
        """
        window = self.window_at(moment)
        if window is None:
            raise LookupError(f"There is no period at {moment}.")
        return window

    def following(self, window: Window) -> Window | None:
        """Return the window that begins where *window* ends.

        None when the budget ends there too.
        """
        return self.window_at(window.end)

    def windows(self, from_: datetime, until: datetime) -> Iterator[Window]:
        """Yield, in order, the windows that overlap the time *from_* to *until*.

        The first and the last reach beyond it where the period does.
        """
        begin, until = _utc(from_), _utc(until)
        if begin >= until:
            return
        window = self.window_at(max(begin, self.starts_at or begin))
        while window is not None and window.start < until:
            yield window
            window = self.following(window)

    def day_of(self, moment: datetime) -> date:
        """Return the day in the budget's zone to which *moment* is counted."""
        return day_of(moment, self.zone)

    def day_start(self, day: date) -> datetime:
        """Return the instant, in UTC, at which *day* begins in the budget's zone."""
        return start_of(day, self.zone)

    def hour_at(self, moment: datetime) -> Window:
        """Return the hour of the zone's clocks that contains *moment*.

        Where the clocks are put forward or back inside an hour, it is cut there, so
        that an hour that is shown twice makes two windows, and so that no hour
        reaches across the beginning of a day. Not cut to the life of the budget.
        """
        second = _utc(moment).replace(microsecond=0)
        local = second.astimezone(self.zone)
        start = second - timedelta(minutes=local.minute, seconds=local.second)
        end = start + HOUR
        offset = local.utcoffset()
        if _offset(start, self.zone) != offset:
            start = _offset_change(start, second, self.zone)
        if _offset(end - SECOND, self.zone) != offset:
            end = _offset_change(second, end - SECOND, self.zone)
        return Window(start, end)

    def _cut(self, window: Window) -> Window:
        start, end = window.start, window.end
        if self.starts_at and start < self.starts_at:
            start = self.starts_at
        if self.ends_at and end > self.ends_at:
            end = self.ends_at
        if start is window.start and end is window.end:
            return window
        return Window(start, end)


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, at which *day* begins in *zone*.

    That is midnight: the first of two where the clocks go back over it, and the first
    instant after it where they skip it. A day that a zone skipped as a whole (Samoa,
    30 December 2011) begins and ends at once, when the next one begins.
    """
    midnight = datetime.combine(day, time.min, zone)  # fold=0: the first of two
    instant = midnight.astimezone(UTC)
    if instant.astimezone(zone) == midnight:  # one zone: compares what clocks show
        return instant
    return _offset_change(midnight.replace(fold=1).astimezone(UTC), instant, zone)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, at which *day* is over in *zone*; exclusive."""
    return start_of(day + DAY, zone)


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """Return the day in *zone* to which *moment* is counted.

    Always the day with `start_of(day) <= moment < end_of(day)`. This is what calendars
    in *zone* show, except where clocks that have passed midnight are put back before
    it (Newfoundland until 2011, for 59 minutes a year): a day that has begun goes on.
    """
    moment = _utc(moment)
    local = moment.astimezone(zone)
    day = local.date()
    if local.fold and start_of(day + DAY, zone) <= moment:
        return day + DAY
    return day


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:  # astimezone() would take it for the server's own time
        raise ValueError(f"a moment needs a time zone: {moment}")
    return moment.astimezone(UTC)


@lru_cache(maxsize=8_192)  # days x kinds of calendar
def _whole(cadence: Cadence, zone: ZoneInfo, fiscal_month: int, day: date) -> Window:
    first, next_first = _days_around(day, cadence, fiscal_month)
    return Window(start_of(first, zone), start_of(next_first, zone))


def _days_around(day: date, cadence: Cadence, fiscal_month: int) -> tuple[date, date]:
    """Return the first day of the period around *day*, and the first of the next."""
    if cadence is Cadence.DAILY:
        return day, day + DAY
    if cadence is Cadence.WEEKLY:
        monday = day - timedelta(days=day.weekday())
        return monday, monday + WEEK
    months = _MONTHS[cadence]
    months_into = (day.month - fiscal_month) % months
    return _first_of_month(day, -months_into), _first_of_month(
        day, months - months_into
    )


def _first_of_month(day: date, months_later: int) -> date:
    years, month_index = divmod(day.month - 1 + months_later, 12)
    return date(day.year + years, month_index + 1, 1)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()


def _offset_change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first second after *before* with another offset, *after* at latest.

    Both are whole seconds in UTC; the zone's offset differs between them.
    """
    old = _offset(before, zone)
    low, high = 0, (after - before) // SECOND
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(before + middle * SECOND, zone) == old:
            low = middle
        else:
            high = middle
    return before + high * SECOND
