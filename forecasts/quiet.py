"""Which days are public holidays, as forecasts count days. Pure."""

from datetime import date, timedelta
from functools import lru_cache

from forecasts.series import ALL_ALIKE, Quiet
from lib.public_holidays import holidays_of, weekend_of

_FAR = 400  # days, looked back and ahead
_WEEK = 7


@lru_cache(maxsize=512)  # places x days; a day's backtests ask for 20 of them
def quiet_of(place: str, today: date) -> Quiet:
    """Return the holidays of *place* around *today*, which is the first step ahead.

    They are like its weekend; one that falls on a weekend is none. No *place*: none.
    """
    if not place:
        return ALL_ALIKE
    weekend = weekend_of(place)
    first, last = today - timedelta(_FAR), today + timedelta(_FAR)
    return Quiet(
        frozenset(
            (day - today).days
            for year in range(first.year, last.year + 1)
            for day in holidays_of(place, year)
            if first <= day <= last and day.weekday() not in weekend
        ),
        tuple(
            phase
            for phase in range(_WEEK)
            if (today + timedelta(phase)).weekday() in weekend
        ),
    )


def method_of(days: int, quiet: Quiet) -> str:
    """Say for people what a forecast from *days* days rests on."""
    made = f"forecast from the last {days} days"
    return f"{made}, public holidays as quiet days" if quiet.steps else made


def holidays_ahead(quiet: Quiet, today: date, steps: int) -> list[date]:
    """Return which of the *steps* days from *today* on are holidays, in their order."""
    return [
        today + timedelta(step) for step in sorted(quiet.steps) if 0 <= step < steps
    ]
