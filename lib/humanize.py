"""How one reader has numbers and times written."""

from collections.abc import Callable
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language_from_request, to_locale

from lib.periods import DAY, Window, day_of

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_MOMENT = timedelta(microseconds=1)


def locale_of(request: HttpRequest) -> str:
    """Return the locale of the reader's browser, for money and shares."""
    return to_locale(get_language_from_request(request))


_reader: ContextVar[HttpRequest | None] = ContextVar("reader", default=None)


def reader_locale() -> str:
    """Return the locale of whoever is being answered; outside requests English."""
    request = _reader.get()
    return "en_US" if request is None else locale_of(request)


class ReaderMiddleware:
    """Tells form fields, which see no request, whose numbers they read."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _reader.set(request)
        try:
            return self.get_response(request)
        finally:
            _reader.reset(token)


def ago(moment: datetime, now: datetime) -> str:
    """Say how long before *now* it was: "4 s ago", "12 min ago", "3 h ago"."""
    passed = now - moment
    if passed < timedelta(0):
        return "just now"
    if passed < _MINUTE:
        return f"{passed.seconds} s ago"
    if passed < _HOUR:
        return f"{passed // _MINUTE} min ago"
    if passed < 2 * DAY:
        return f"{passed // _HOUR} h ago"
    return f"{passed.days} days ago"


def lasting(length: timedelta) -> str:
    """Say how long *length* is: "40 s", "12 min", "3 h 40 min", "2 days"."""
    if length < _MINUTE:
        return f"{max(length // timedelta(seconds=1), 0)} s"
    if length < _HOUR:
        return f"{length // _MINUTE} min"
    if length < 2 * DAY:
        minutes = length % _HOUR // _MINUTE
        return f"{length // _HOUR} h" + (f" {minutes} min" if minutes else "")
    return f"{length.days} days"


def ahead(moment: datetime, now: datetime) -> str:
    """Say how far from *now* it is: "in 12 min", "now"."""
    return f"in {lasting(moment - now)}" if moment > now else "now"


def clock(moment: datetime, zone: ZoneInfo) -> str:
    """Say the minute of *moment*: "9 Nov 2026, 14:02"."""
    local = moment.astimezone(zone)
    return f"{date_words(local)}, {local:%H:%M}"


def exact_clock(moment: datetime, zone: ZoneInfo) -> str:
    """Say the second of *moment*: "9 Nov 2026, 14:02:07"."""
    return f"{clock(moment, zone)}:{moment:%S}"


def date_words(day: date) -> str:
    """Say a day: "9 Nov 2026"."""
    return f"{day.day} {day:%b %Y}"


def month_words(month: date) -> str:
    return f"{month:%B %Y}"


def stretch(window: Window, zone: ZoneInfo) -> str:
    """Say which days *window* has: "1 to 30 November 2026"."""
    first = day_of(window.start, zone)
    last = day_of(window.end - _MOMENT, zone)
    if first == last:
        return f"{first.day} {first:%B %Y}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {last.day} {last:%B %Y}"
    if first.year == last.year:
        return f"{first.day} {first:%B} to {last.day} {last:%B %Y}"
    return f"{first.day} {first:%B %Y} to {last.day} {last:%B %Y}"


def day_words(moment: datetime, zone: ZoneInfo, *, is_end: bool = False) -> str:
    """Say the day of *moment*, or, of an exclusive end, the last one before it."""
    return date_words(day_of(moment - _MOMENT if is_end else moment, zone))


def when(window: Window, zone: ZoneInfo) -> str:
    """Say *window* within a sentence: "in November 2026", "on 3 November 2026"."""
    first = day_of(window.start, zone)
    after = day_of(window.end, zone)
    if first.day == after.day == 1:
        months = (after.year - first.year) * 12 + after.month - first.month
        if months == 1:
            return f"in {first:%B %Y}"
        if months == 12 and first.month == 1:
            return f"in {first.year}"
    if after - first == DAY:
        return f"on {stretch(window, zone)}"
    return f"from {stretch(window, zone)}"
