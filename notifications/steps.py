"""Telling step by step: levels with delays, laid out in absolute times. Pure.

A level is {"delay": seconds from the start, "recipients", "channels", "hours"}. Whom
its recipients and channels mean is up to who tells; what else a step carries goes with
it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_FAR = 400  # days looked ahead for the next one that is open


# When a level may be told, by the clocks of its time zone. A night's "until" is at or
# before its "from"; days are 0 (Monday) to 6; nothing begins on a holiday (ISO dates).
Hours = TypedDict(
    "Hours",
    {
        "from": str,  # "09:00"
        "until": str,
        "days": list[int],
        "timezone": str,
        "holidays": list[str],
    },
)


class LadderStep(TypedDict):
    """One moment at which people are told, as it is kept in JSON."""

    level: int  # from 1; 0: of who is told before the levels
    at: str  # ISO 8601, UTC
    delay: int  # seconds from the start of its run, before opening hours
    recipients: list[str]
    channels: list[str]
    hours: Hours | None
    run: int  # 0; one more whenever the telling began anew


def steps_of(
    start: datetime,
    levels: Sequence[Mapping[str, Any]],
    *,
    first: Iterable[LadderStep] = (),
    timezone: str,
    holidays: Sequence[str] = (),
    repeat: int = 0,
    repeat_after_s: int = 0,
) -> list[LadderStep]:
    """Lay out *levels* from *start* on, sorted by time: *first*, then the levels.

    All levels run *repeat* more times, each *repeat_after_s* after the last of them.
    Their hours are those of *timezone* where they name none; *holidays* are ISO dates.
    """
    steps = list(first)
    span = max((int(level["delay"]) for level in levels), default=0) + repeat_after_s
    for again in range(repeat + 1 if levels else 0):
        for number, level in enumerate(levels, start=1):
            hours = _hours_of(level.get("hours"), timezone, holidays)
            steps.append(
                LadderStep(
                    level=number,
                    at="",
                    delay=int(level["delay"]) + again * span,
                    recipients=list(level.get("recipients", ())),
                    channels=list(level.get("channels", ())),
                    hours=hours,
                    run=0,
                )
            )
    return _timed(steps, start, run=0)


def begun_anew(
    steps: Sequence[LadderStep], done: int, start: datetime
) -> list[LadderStep]:
    """Return the *done* steps, followed by all of them from *start* on."""
    kept = list(steps[:done])
    run = max((step["run"] for step in steps), default=0)
    whole = [step for step in steps if step["run"] == run]  # earlier ones were cut off
    return [*kept, *_timed(whole, start, run=run + 1)]


def at_of(step: Mapping[str, Any]) -> datetime:
    """Return when *step* is due."""
    return datetime.fromisoformat(step["at"])


def due(steps: Sequence[LadderStep], done: int, now: datetime) -> int:
    """Return how many steps are done once those due at *now* are."""
    while done < len(steps) and at_of(steps[done]) <= now:
        done += 1
    return done


def next_at(steps: Sequence[LadderStep], done: int) -> datetime | None:
    """Return when the next step is due; None: there is none."""
    return at_of(steps[done]) if done < len(steps) else None


def holiday(text: str) -> str:
    """Return the day that *text* names, an ISO date.

    Raises:
        ValueError: it names none.
    """
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise ValueError(f"“{text}” is not a day such as 2026-12-25.") from error


def next_open(moment: datetime, hours: Hours) -> datetime:
    """Return *moment*, or the next one that lies within *hours*, in UTC."""
    zone = ZoneInfo(hours["timezone"])
    opens, closes = time.fromisoformat(hours["from"]), _time(hours["until"])
    today = moment.astimezone(zone).date()
    for ahead in range(-1, _FAR):  # a night that began yesterday may still last
        day = today + ahead * _DAY
        if day.weekday() not in hours["days"] or day.isoformat() in hours["holidays"]:
            continue
        start = _moment(day, opens, zone)
        end = _moment(day if closes > opens else day + _DAY, closes, zone)
        if moment < end:
            return max(moment.astimezone(UTC), start)
    return moment.astimezone(UTC)


def _timed(
    steps: Iterable[LadderStep], start: datetime, *, run: int
) -> list[LadderStep]:
    timed = []
    for step in steps:
        at = start.astimezone(UTC) + timedelta(seconds=step["delay"])
        if step["hours"] is not None:
            at = next_open(at, step["hours"])
        timed.append(LadderStep(**{**step, "at": at.isoformat(), "run": run}))
    return sorted(timed, key=at_of)


def _hours_of(
    given: Mapping[str, Any] | None, timezone: str, holidays: Sequence[str]
) -> Hours | None:
    if not given:
        return None
    return {
        "from": given["from"],
        "until": given["until"],
        "days": list(given.get("days", range(7))),
        "timezone": given.get("timezone") or timezone,
        "holidays": list(holidays),
    }


def _time(text: str) -> time:
    return time(0) if text == "24:00" else time.fromisoformat(text)


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
