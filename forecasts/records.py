"""What was forecast, held against what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from budgets.models import Budget, BudgetPeriod
from forecasts.ahead import BudgetAhead, ahead_of
from forecasts.backtests import MOST_FORECASTS, Accuracy, PastForecast, backtest
from forecasts.history import days_before
from forecasts.models import StoredForecast
from forecasts.outlooks import MOST_DAYS
from lib.periods import day_of

TRIED_DAYS = 182  # of history, in which forecasts are tried
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Judged:
    """How well a budget's forecasts do: by its own history, and as they were told."""

    tried: Accuracy
    told: Accuracy


def judged(budget: Budget, *, now: datetime) -> Judged:
    """Return how well forecasts of *budget* do. Five queries.

    Raises:
        NoPeriod: The budget has none at *now*.
    """
    ahead = ahead_of(budget, now=now, days=None, confidence=0.8)
    days = days_before([budget], TRIED_DAYS, now=now)[budget.pk]
    return Judged(tried_of(ahead, days), told_of(budget, now=now))


def tried_of(ahead: BudgetAhead, days: Sequence[Decimal]) -> Accuracy:
    """Return how forecasts as the present one would have done in *days* past."""
    return backtest(
        days,
        ahead.today,
        ahead.steps,
        lately=MOST_DAYS,
        holidays=ahead.budget.organization.holiday_calendar,
    )


def told_of(budget: Budget, *, now: datetime) -> Accuracy:
    """Return how the forecasts that were stored did, one for each period that is over:
    the one that was made in its middle. Two queries."""
    rows = StoredForecast.objects.filter(
        organization=budget.organization_id,
        budget=budget,
        ends_at__lte=now,
        expected__isnull=False,
    ).order_by("-starts_at", "made_at")
    middle: dict[datetime, StoredForecast] = {}
    for row in rows:
        best = middle.get(row.starts_at)
        if best is None and len(middle) == MOST_FORECASTS:
            break
        if best is None or _off_middle(row) < _off_middle(best):
            middle[row.starts_at] = row
    spent = dict(
        BudgetPeriod.objects.filter(
            organization=budget.organization_id, budget=budget, starts_at__in=middle
        ).values_list("starts_at", "spent")
    )
    zone = ZoneInfo(budget.timezone)
    return Accuracy(
        [
            PastForecast(
                row.made_on,
                (day_of(row.ends_at - _MOMENT, zone) - row.made_on).days + 1,
                row.expected,
                (row.lower_80, row.upper_80),
                (row.lower_95, row.upper_95),
                came=spent[start],
            )
            for start, row in sorted(middle.items())
            if start in spent
        ]
    )


def _off_middle(row: StoredForecast) -> timedelta:
    return abs(row.made_at - (row.starts_at + (row.ends_at - row.starts_at) / 2))
