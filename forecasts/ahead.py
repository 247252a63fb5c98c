"""What will have been spent: in the days to come, or by a period's end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

from budgets.errors import NoPeriod
from budgets.figures import Position
from budgets.models import Budget
from budgets.status import present_positions
from forecasts.coming import dues_of
from forecasts.courses import Course, Known, course_of
from forecasts.dues import NO_DUES, Dues
from forecasts.history import days_before, midnight_of
from forecasts.outlooks import LEAST_DAYS, MOST_DAYS
from forecasts.quiet import quiet_of
from lib.periods import DAY, Window, day_of

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Present:
    """A moment of a zone's clocks, and what is to come of *window*; None: of today."""

    now: datetime
    zone: ZoneInfo
    window: Window | None

    @property
    def today(self) -> date:
        return day_of(self.now, self.zone)

    @property
    def part(self) -> float:
        """How much of today is to come, as far as it counts: a share."""
        gone = (self.now - midnight_of(self.today, self.zone)) / DAY
        part = 1 - min(gone, 1.0)
        return min(part, (self.window.end - self.now) / DAY) if self.window else part

    @property
    def steps(self) -> int:
        """The days to come, today among them."""
        if self.window is None:
            return 1
        last = day_of(self.window.end - _MICROSECOND, self.zone)
        return (last - self.today).days + 1

    def known(
        self,
        history: Sequence[Decimal],
        spent: Decimal,
        limit: Decimal | None,
        holidays: str,
        dues: Dues = NO_DUES,
    ) -> Known:
        """Return what a course begins with; *holidays*: of which place."""
        quiet = quiet_of(holidays, self.today)
        return Known(history, self.today, self.part, spent, limit, quiet, dues)


@dataclass(frozen=True)
class Ahead:
    """A forecast; there is no course where too little is known."""

    budget: Budget | None  # whose limit it is held against
    currency: str
    known: Known
    steps: int  # days to come, today among them
    confidence: float  # of the intervals, a share

    @property
    def limit(self) -> Decimal | None:
        return self.known.limit

    @property
    def today(self) -> date:
        return self.known.today

    @property
    def days(self) -> Sequence[Decimal]:
        """What was spent on the days that are over, as far as they are looked at."""
        return self.known.days

    @property
    def is_enough(self) -> bool:
        """Tell whether enough is known for a course."""
        return len(self.days) >= LEAST_DAYS

    @cached_property
    def course(self) -> Course | None:
        if not self.is_enough:
            return None
        return course_of(self.known, self.steps, confidence=self.confidence)


@dataclass(frozen=True)
class BudgetAhead(Ahead):
    """A budget's forecast, held against its present period."""

    budget: Budget
    position: Position

    @property
    def limit(self) -> Decimal:
        return self.position.limit


def ahead_of(
    budget: Budget, *, now: datetime, days: int | None, confidence: float
) -> BudgetAhead:
    """Forecast the coming *days* alone; None: all of the present period.

    Three queries, and one more where there are fixed charges.

    Raises:
        NoPeriod: The budget has none at *now*.
    """
    position = present_positions(budget.organization, [budget], now).get(budget.pk)
    if position is None:
        raise NoPeriod(f"“{budget.name}” has no period now: there is none to forecast.")
    zone = ZoneInfo(budget.timezone)
    history = days_before([budget], MOST_DAYS, now=now)[budget.pk]
    dues = dues_of([budget], now=now)[budget.pk]
    holidays = budget.organization.holiday_calendar
    if days is None:
        known, steps = known_of_period(position, history, zone, now, holidays, dues)
    else:
        present = Present(now, zone, None)
        known = present.known(history, Decimal(0), position.limit, holidays, dues)
        steps = days
    return BudgetAhead(budget, budget.currency, known, steps, confidence, position)


def known_of_period(
    position: Position,
    history: Sequence[Decimal],
    zone: ZoneInfo,
    now: datetime,
    holidays: str,
    dues: Dues = NO_DUES,
) -> tuple[Known, int]:
    """Return what is known of a period, and how many of its days are to come, today
    among them. *holidays*: of which place."""
    present = Present(now, zone, position.window)
    spent, limit = position.spent, position.limit
    known = present.known(history, spent, limit, holidays, dues)
    return known, present.steps
