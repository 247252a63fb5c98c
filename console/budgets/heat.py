"""When in the week a budget's money is spent: what each hour of a weekday costs."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from budgets.models import Budget
from console.drawings import Picture
from forecasts.history import spends_between
from lib.money import format_money
from lib.periods import day_of, start_of
from reports.charts import heat_chart
from reports.figures import HeatCell

WEEKS = 4  # whole ones; of each hour of the week their average is drawn
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_HOUR = timedelta(hours=1)
_ZERO = Decimal(0)
_HEIGHT = 290  # pixels, with axes and legend


def heat_picture(budget: Budget, now: datetime, locale: str) -> Picture | None:
    """Draw when *budget* spent in the last whole weeks; None: it spent nothing then.
    One query."""
    costs = _costs(budget, now)
    if not any(costs.values()):
        return None
    cells = list(_cells(budget, costs, locale))
    dearest = max(cells, key=lambda cell: cell.cost)
    return Picture(
        name="co-heat",
        title="When it is spent",
        words=(
            f"What each hour of the week costs on average, by the last {WEEKS} weeks "
            f"in {budget.timezone}. The dearest is {dearest.words}."
        ),
        spec=heat_chart(cells, currency=budget.currency),
        height=_HEIGHT,
        columns=("Hour", "Average"),
        rows=[cell.words.split(": ") for cell in cells],
    )


def _costs(budget: Budget, now: datetime) -> dict[tuple[int, int], Decimal]:
    """Return what was spent by weekday and hour, of the budget's zone."""
    zone = ZoneInfo(budget.timezone)
    today = day_of(now, zone)
    edges = _hours(
        start_of(today - timedelta(weeks=WEEKS), zone), start_of(today, zone)
    )
    found: Sequence[Decimal] = spends_between(
        budget.organization_id, [budget.pk], edges
    ).get(budget.pk, ())
    costs = {(day, hour): _ZERO for day in range(len(_DAYS)) for hour in range(24)}
    for (start, _), cost in zip(pairwise(edges), found, strict=False):
        local = start.astimezone(zone)
        costs[local.weekday(), local.hour] += cost
    return costs


def _hours(start: datetime, end: datetime) -> list[datetime]:
    count = (end - start) // _HOUR
    return [start + number * _HOUR for number in range(count + 1)]


def _cells(
    budget: Budget, costs: dict[tuple[int, int], Decimal], locale: str
) -> Iterator[HeatCell]:
    for (day, hour), cost in costs.items():
        each = cost / WEEKS
        money = format_money(each, budget.currency, locale)
        name = f"{_DAYS[day]}, {hour:02}:00 to {(hour + 1) % 24:02}:00"
        yield HeatCell(_DAYS[day][:3], f"{hour:02}", each, f"{name}: {money}")
