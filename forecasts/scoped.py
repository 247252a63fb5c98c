"""What any part of an organization's costs will have come to, budget or not.

In the organization's currency, and by the days and periods of its own zone and year.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import dropwhile, pairwise
from operator import not_
from typing import Any
from zoneinfo import ZoneInfo

from budgets.models import Budget
from budgets.scopes import DIMENSION_OF, clean
from budgets.status import present_positions
from forecasts.ahead import Ahead, Present
from forecasts.history import midnight_of
from forecasts.outlooks import MOST_DAYS
from ledger.analytics import lines_of
from ledger.costs import CostQuery
from lib.periods import Cadence, Calendar, Window

PERIODS = {
    "day": Cadence.DAILY,
    "week": Cadence.WEEKLY,
    "month": Cadence.MONTHLY,
    "quarter": Cadence.QUARTERLY,
    "year": Cadence.ANNUAL,
}


def ahead_of_costs(
    question: CostQuery,
    cadence: Cadence,
    *,
    now: datetime,
    confidence: float,
    limit: Decimal | None = None,
) -> Ahead:
    """Forecast what the costs *question* is about come to in the present period.

    Its range of time is not looked at. Held against *limit*, or else that of the
    tightest budget of just this scope, period and currency; where there is none,
    against nothing. At most five queries.
    """
    organization = question.organization
    zone = ZoneInfo(organization.timezone)
    window = Calendar(cadence, zone, organization.fiscal_year_start_month).window_of(
        now
    )
    present = Present(now, zone, window)
    ago = range(MOST_DAYS, -1, -1)
    midnights = [midnight_of(present.today - timedelta(days), zone) for days in ago]
    *days, spent = spent_in(
        question, [*pairwise(midnights), (window.start, window.end)]
    )
    budget = None
    if limit is None:
        budget, limit = _budget_of(question, cadence, window, now)
    history = tuple(dropwhile(not_, days))
    known = present.known(history, spent, limit, organization.holiday_calendar)
    return Ahead(budget, organization.currency, known, present.steps, confidence)


def spent_in(
    question: CostQuery, stretches: Iterable[tuple[datetime, datetime]]
) -> list[Decimal]:
    """Return what was spent in each of *stretches*, exactly; at most three queries.

    By UTC days, which are kept as sums; only what lies between their ends and those of
    a stretch is read from the records. A stretch may begin and end at once.
    """
    ends = list(stretches)
    near = {edge: _nearest_midnight(edge) for pair in ends for edge in pair}
    whole = [(near[start], near[end]) for start, end in ends]
    beside = [tuple(sorted(pair)) for pair in near.items()]
    asked = [pair for pair in dict.fromkeys((*whole, *beside)) if pair[0] < pair[1]]
    sums = dict.fromkeys((*whole, *beside), Decimal(0))
    windows = [Window(start, end) for start, end in asked]
    for line in lines_of(question, (), windows):
        sums[asked[line.bucket]] += line.sums.cost

    def since_midnight(edge: datetime) -> Decimal:
        """Return what was spent from the midnight next to it; before it: taken off."""
        midnight = near[edge]
        if edge < midnight:
            return -sums[edge, midnight]
        return sums[midnight, edge]

    return [
        sums[near[start], near[end]] + since_midnight(end) - since_midnight(start)
        for start, end in ends
    ]


def _nearest_midnight(moment: datetime) -> datetime:
    """Return the UTC midnight that is next to *moment*, before it or after."""
    later = moment.astimezone(UTC) + timedelta(hours=12)
    return later.replace(hour=0, minute=0, second=0, microsecond=0)


def _budget_of(
    question: CostQuery, cadence: Cadence, window: Window, now: datetime
) -> tuple[Budget | None, Decimal | None]:
    """Return the budget of just this scope with the least limit, and that."""
    scope = _scope_of(question.values, question.tags)
    if scope is None:
        return None, None
    organization = question.organization
    budgets = list(
        Budget.objects.active().filter(
            organization=organization,
            currency=organization.currency,
            period=cadence,
            scope=scope,
        )
    )
    found = {
        pk: position
        for pk, position in present_positions(organization, budgets, now).items()
        if position.window == window
    }
    fitting = [(found[one.pk].limit, one.pk, one) for one in budgets if one.pk in found]
    limit, _, budget = min(fitting, default=(None, 0, None))
    return budget, limit


def _scope_of(values: Any, tags: Sequence[Sequence[str]]) -> dict[str, Any] | None:
    """Return the scope that means what a question asks for; None: none can."""
    if any(len(group) > 1 for group in tags):
        return None
    named = dict(tag.partition(":")[::2] for (tag,) in tags)
    scope: dict[str, Any] = {
        name: list(values[dimension])
        for name, dimension in DIMENSION_OF.items()
        if dimension in values
    }
    try:
        return clean({**scope, "tags": named})
    except ValueError:  # a model with a * inside
        return None
