"""A ladder as it would run if an alert fired now, written out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from console.alerts.forms import DAYS
from console.alerts.wording import step_words
from lib.humanize import clock, lasting
from lib.periods import HOUR
from notifications.steps import LadderStep, at_of, steps_of

_MOST_SHOWN = 20  # steps of the ladder


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder as it would run if an alert fired now."""

    after: str  # "at once", "after 30 min"
    title: str
    to: str
    at: str
    note: str


def rungs_from(
    levels: Sequence[dict[str, Any]], now: datetime, *, timezone: str, **more: Any
) -> list[Rung]:
    """Return how *levels* would run from *now* on, written out."""
    steps = steps_of(now, levels, timezone=timezone, **more)
    return [_rung(step, now, ZoneInfo(timezone)) for step in steps[:_MOST_SHOWN]]


def _rung(step: LadderStep, now: datetime, zone: ZoneInfo) -> Rung:
    at = at_of(step)
    planned = now + timedelta(seconds=step["delay"])
    note = ""
    if step["hours"] is not None:
        hours = step["hours"]
        days = _days_words(hours["days"])
        note = f"only {days} {hours['from']} to {hours['until']}, {hours['timezone']}"
        if at > planned:
            note += f"; waits {lasting(at - planned)}"
    after = lasting(at - now) if at > now else ""
    return Rung(
        after=f"after {after}" if after else "at once",
        title=f"Level {step['level']}",
        to=step_words(step),
        at=clock(at, zone) if at - now > HOUR else f"{at.astimezone(zone):%H:%M}",
        note=note,
    )


def _days_words(days: Sequence[int]) -> str:
    """Say days of the week: "every day", "Mon to Fri", "Mon, Wed"."""
    ordered = sorted(days)
    names = [DAYS[day][:3] for day in ordered]
    if len(ordered) == len(DAYS):
        return "every day"
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{names[0]} to {names[-1]}"
    return ", ".join(names)
