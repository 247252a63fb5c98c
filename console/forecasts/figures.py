"""What the page of a budget's forecast is made of, read once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from budgets.models import Budget
from forecasts.ahead import BudgetAhead, ahead_of
from forecasts.courses import Course, Interval, ends_of
from forecasts.history import days_since
from lib.humanize import date_words
from lib.money import format_money, format_percent
from lib.periods import DAY, Window, day_of

CONFIDENCE = 0.8
SURER = 0.95
_MOST_DAYS = 182  # of history, for what was forecast before
_MOST_POINTS = 40  # of what is to come, in the picture of a period
_money = lru_cache(maxsize=2_048)(format_money)  # a table says what a chart says
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class ForecastWriter:
    """Writes amounts and days as one reader has them."""

    currency: str
    locale: str

    def money(self, amount: Decimal | None) -> str:
        return "" if amount is None else _money(amount, self.currency, self.locale)

    def share(self, share: float | Decimal) -> str:
        return format_percent(Decimal(str(share)), self.locale)

    def day(self, day: date) -> str:
        return date_words(day)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A budget's present period: what was spent day by day, and what is to come."""

    ahead: BudgetAhead
    now: datetime
    zone: ZoneInfo
    first: date  # of the days
    days: Sequence[Decimal]  # today is the last, as far as it is
    ends: Sequence[tuple[date, Interval]]  # what is spent by the ends of days to come
    writer: ForecastWriter

    @property
    def budget(self) -> Budget:
        return self.ahead.budget

    @property
    def course(self) -> Course | None:
        return self.ahead.course

    @property
    def window(self) -> Window:
        return self.ahead.position.window

    @property
    def last_day(self) -> date:
        """The last day of the period."""
        return day_of(self.window.end - _MOMENT, self.zone)

    @property
    def of_period(self) -> Sequence[Decimal]:
        """What each day of the period cost so far."""
        begun = (day_of(self.window.start, self.zone) - self.first).days
        return self.days[max(begun, 0) :]


def foreseen(budget: Budget, now: datetime, locale: str) -> Foreseen:
    """Return what there is to say of *budget*. Three queries.

    Raises:
        NoPeriod: The budget has none at *now*.
    """
    ahead = ahead_of(budget, now=now, days=None, confidence=CONFIDENCE)
    zone = ZoneInfo(budget.timezone)
    begun = day_of(ahead.position.window.start, zone)
    first = min(begun, ahead.today - _MOST_DAYS * DAY)
    ends: Sequence[tuple[date, Interval]] = ()
    if ahead.course:
        ends = ends_of(
            ahead.known, ahead.steps, confidence=CONFIDENCE, most=_MOST_POINTS
        )
    return Foreseen(
        ahead=ahead,
        now=now,
        zone=zone,
        first=first,
        days=days_since(budget, first, now=now),
        ends=ends,
        writer=ForecastWriter(budget.currency, locale),
    )
