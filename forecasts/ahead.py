"""What a budget will have spent: in the days to come, or by its period's end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from budgets.errors import NoPeriod
from budgets.figures import Position
from budgets.models import Budget
from budgets.status import present_positions
from forecasts.courses import Course, Known, course_of
from forecasts.history import days_before, midnight_of
from forecasts.outlooks import LEAST_DAYS, MOST_DAYS
from lib.periods import DAY, day_of

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Ahead:
    """A budget's forecast; there is no course where too little is known."""

    budget: Budget
    position: Position  # in the present period
    known: Known
    steps: int  # days to come, today among them
    course: Course | None

    @property
    def limit(self) -> Decimal:
        return self.position.limit

    @property
    def today(self) -> date:
        return self.known.today

    @property
    def days(self) -> Sequence[Decimal]:
        """That are over, as far as they are looked at."""
        return self.known.days


def ahead_of(
    budget: Budget, *, now: datetime, days: int | None, confidence: float
) -> Ahead:
    """Forecast the coming *days* alone; None: all of the present period.

    Two queries.

    Raises:
        NoPeriod: The budget has none at *now*.
    """
    position = present_positions(budget.organization, [budget], now).get(budget.pk)
    if position is None:
        raise NoPeriod(f"“{budget.name}” has no period now: there is none to forecast.")
    zone = ZoneInfo(budget.timezone)
    today = day_of(now, zone)
    history = days_before([budget], MOST_DAYS, now=now)[budget.pk]
    part = 1 - min((now - midnight_of(today, zone)) / DAY, 1.0)
    spent, steps = Decimal(0), days or 0
    if days is None:
        end = position.window.end
        spent, part = position.spent, min(part, (end - now) / DAY)
        steps = (day_of(end - _MICROSECOND, zone) - today).days + 1
    known = Known(history, today, part, spent, position.limit)
    course = None
    if len(history) >= LEAST_DAYS:
        course = course_of(known, steps, confidence=confidence)
    return Ahead(budget, position, known, steps, course)
