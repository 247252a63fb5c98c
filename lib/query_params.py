"""Reading what a query asks for: moments, ranges of time, lists, numbers."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from lib.errors import Invalid
from lib.periods import Cadence, Calendar, Window, start_of

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MONTH = re.compile(r"\d{4}-\d{2}")
# A “+” that was not escaped in a URL arrives as a space.
_LOST_PLUS = re.compile(r"(T\S*) (\d{2}:?\d{2})\Z")
_UTC_ZONE = ZoneInfo("UTC")


def moment_of(text: str, attr: str, *, zone: ZoneInfo = _UTC_ZONE) -> datetime:
    """Return the moment *text* stands for, in UTC; a bare date is where it begins.

    A naive time is read as UTC, a bare date in *zone*.

    Raises:
        Invalid: not RFC 3339, or not between the years 1900 and 2199.
    """
    if _DAY.fullmatch(text):
        return _within(start_of(day_of_text(text, attr), zone), attr)
    try:
        moment = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid.field(
            attr, "Must be a date or time such as 2025-01-31T12:00:00Z."
        ) from error
    return _within(moment, attr)


def is_day(text: str) -> bool:
    """Tell whether *text* looks like a bare date."""
    return _DAY.fullmatch(text) is not None


def day_of_text(text: str, attr: str) -> date:
    """Return the date *text* stands for.

    Raises:
        Invalid: not a date, or not between the years 1900 and 2199.
    """
    try:
        # A four-digit year is all that is taken; Python itself reads more forms.
        day = date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError as error:
        raise Invalid.field(attr, "Must be a date such as 2025-01-31.") from error
    if not EARLIEST.year <= day.year < LATEST.year:
        raise _out_of_range(attr)
    return day


def range_of(
    query: Mapping[str, str], *, zone: ZoneInfo = _UTC_ZONE
) -> tuple[datetime | None, datetime | None]:
    """Return [start, end) of start_date and end_date; None leaves that side open.

    A bare end date includes that whole day.

    Raises:
        Invalid: one of them is no date or time, or the end is before the start.
    """
    start = end = None
    if text := query.get("start_date"):
        start = moment_of(text, "start_date", zone=zone)
    if text := query.get("end_date"):
        if _DAY.fullmatch(text):
            day = day_of_text(text, "end_date")
            end = start_of(day + timedelta(days=1), zone)
        else:
            end = moment_of(text, "end_date", zone=zone)
    if start and end and end < start:
        raise Invalid.field("end_date", "Must not be before start_date.")
    return start, end


def month_of(text: str, attr: str, *, zone: ZoneInfo = _UTC_ZONE) -> Window:
    """Return the calendar month *text* stands for, by the clocks of *zone*.

    Raises:
        Invalid: not a month such as 2025-01, or not between the years 1900 and 2199.
    """
    try:
        first = date.fromisoformat(f"{text}-01" if _MONTH.fullmatch(text) else "")
    except ValueError as error:
        raise Invalid.field(attr, "Must be a month such as 2025-01.") from error
    if not EARLIEST.year <= first.year < LATEST.year:
        raise _out_of_range(attr)
    return Calendar(Cadence.MONTHLY, zone).window_of(start_of(first, zone))


def listed(text: str | None) -> list[str]:
    """Return the values of a comma-separated list, each once, in their order."""
    return list(dict.fromkeys(part.strip() for part in (text or "").split(",") if part))


def known_words(asked: list[str], known: Iterable[str], attr: str) -> list[str]:
    """Return *asked*, all of which are among *known*.

    Raises:
        Invalid: one is not; the known ones are listed.
    """
    words = list(known)
    if unknown := [word for word in asked if word not in words]:
        detail = f"“{unknown[0]}” is unknown; there are {', '.join(words)}."
        raise Invalid.field(attr, detail)
    return asked


def whole_number(text: str, attr: str, *, least: int, most: int) -> int:
    """Return the number *text* stands for.

    Raises:
        Invalid: not a whole number from *least* to *most*.
    """
    number = int(text) if re.fullmatch(r"[0-9]{1,18}", text) else -1
    if not least <= number <= most:
        raise Invalid.field(attr, f"Must be a whole number from {least} to {most:,}.")
    return number


def truth(text: str | None, attr: str) -> bool:
    """Return whether *text* says yes; None and "" do not.

    Raises:
        Invalid: neither true nor false.
    """
    if text in {None, "", "false", "0", "no"}:
        return False
    if text in {"true", "1", "yes"}:
        return True
    raise Invalid.field(attr, "Must be true or false.")


def _within(moment: datetime, attr: str) -> datetime:
    if not EARLIEST <= moment < LATEST:
        raise _out_of_range(attr)
    return moment


def _out_of_range(attr: str) -> Invalid:
    detail = "Must lie between the years 1900 and 2199."
    return Invalid.field(attr, detail, code="out_of_range")
