"""When a person is to be told: not in quiet hours, or together with the rest. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAILY_AT = time(8)  # local time of those who get one mail a day


@dataclass(frozen=True, slots=True)
class MailWish:
    """What one person asked for. `quiet` begins and ends at these local times."""

    zone: ZoneInfo
    digest: str = "none"  # none, hourly, daily
    quiet: tuple[time, time] | None = None
    critical_at_once: bool = True


def is_together(wish: MailWish, severity: str) -> bool:
    """Tell whether the message waits to be sent in one mail with others."""
    return wish.digest != "none" and not _at_once(wish, severity)


def earliest(wish: MailWish, severity: str, at: datetime) -> datetime:
    """Return when a message of *at* may be sent; *at* itself where nothing is asked."""
    if _at_once(wish, severity):
        return at
    if wish.digest == "hourly":
        hour = at.replace(minute=0, second=0, microsecond=0)
        at = hour if hour == at else hour + timedelta(hours=1)
    elif wish.digest == "daily":
        at = _next_time(DAILY_AT, wish.zone, at)
    return _after_quiet(wish, at)


def _at_once(wish: MailWish, severity: str) -> bool:
    return severity == "critical" and wish.critical_at_once


def _after_quiet(wish: MailWish, at: datetime) -> datetime:
    if wish.quiet is None:
        return at
    begins, ends = wish.quiet
    local = at.astimezone(wish.zone).time()
    if begins <= ends:
        is_quiet = begins <= local < ends
    else:  # over midnight
        is_quiet = local >= begins or local < ends
    return _next_time(ends, wish.zone, at) if is_quiet else at


def _next_time(wanted: time, zone: ZoneInfo, at: datetime) -> datetime:
    """Return the first moment from *at* on at which clocks in *zone* show *wanted*."""
    day = at.astimezone(zone).date()
    while True:
        moment = datetime.combine(day, wanted, zone).astimezone(UTC)
        if moment >= at:
            return moment
        day += timedelta(days=1)
