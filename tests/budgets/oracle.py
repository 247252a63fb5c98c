"""What budgets should have been charged, worked out slowly and obviously.

Nothing here is shared with the product: no SQL, no calendars, no scopes of its own. It
reads the fields of rows and walks local days with zoneinfo. What a name means it knows
from whoever wrote it: see `tests.spellings`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests import spellings

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
FIELDS = {
    "departments": "department",
    "teams": "team",
    "projects": "project",
    "environments": "environment",
    "users": "user",
    "providers": "provider",
    "models": "model",
}
RateOf = Callable[[str, date], Decimal]  # currency, UTC day: for one of the own


@dataclass(slots=True)
class Sums:
    """What one budget was charged in one stretch of time."""

    spent: Decimal = Decimal(0)
    requests: int = 0
    unpriced: int = 0

    def add(self, amount: Decimal | None, record: Any) -> None:
        self.spent += amount or 0
        self.requests += record.requests
        self.unpriced += record.unpriced


class Hour(NamedTuple):
    """An hour as the clocks of a zone show it; shown twice, it differs by offset."""

    shown: datetime
    offset: timedelta


@dataclass(slots=True)
class Account:
    """Everything one budget was charged: by (start, end) of the period, and by hour."""

    periods: dict[tuple[datetime, datetime], Sums] = field(default_factory=dict)
    hours: dict[Hour, Sums] = field(default_factory=dict)


def accounts_of(
    budgets: Iterable[Any],
    records: Iterable[Any],
    *,
    own_currency: str,
    fiscal_month: int,
    rate_of: RateOf,
) -> dict[int, Account]:
    """Charge every record to every budget; return the accounts by budget id."""
    by_id = {budget.pk: budget for budget in budgets}
    accounts = {pk: Account() for pk in by_id}
    for record in records:
        for budget in charged_by(record, by_id):
            amount = record.total_cost
            if budget.currency == "tokens":
                amount = Decimal(record.input_tokens + record.output_tokens)
            elif budget.currency == "requests":
                amount = Decimal(record.requests)
            elif amount is not None and budget.currency != own_currency:
                rate = rate_of(budget.currency, record.timestamp.date())
                amount = converted(amount, rate)
            account = accounts[budget.pk]
            period = period_of(record.timestamp, budget, fiscal_month)
            account.periods.setdefault(period, Sums()).add(amount, record)
            hour = hour_of(record.timestamp, budget.timezone)
            account.hours.setdefault(hour, Sums()).add(amount, record)
    return accounts


def charged_by(record: Any, by_id: Mapping[int, Any]) -> list[Any]:
    """Return the budgets that match, and those above them, that live at the time."""
    charged = set()
    for budget in by_id.values():
        if not lives(budget, record.timestamp) or not matches(budget, record):
            continue
        one = budget
        while one is not None:
            if lives(one, record.timestamp):
                charged.add(one.pk)
            one = by_id[one.parent_id] if one.parent_id else None
    return [by_id[pk] for pk in sorted(charged)]


def lives(budget: Any, at: datetime) -> bool:
    return budget.starts_at <= at and (budget.ends_at is None or at < budget.ends_at)


def matches(budget: Any, record: Any) -> bool:
    what = record.attribution
    for plural, name in FIELDS.items():
        wanted = budget.scope.get(plural)
        if wanted and not any(is_meant(name, text, what) for text in wanted):
            return False
    for name, value in budget.scope.get("tags", {}).items():
        if not has_tag(what.tags, name, value):
            return False
    return True


def is_meant(dimension: str, wanted: str, what: Any) -> bool:
    """Tell whether a value of a scope means what was sent."""
    if dimension == "model":
        return spellings.reaches(wanted, what.sent_model)
    if dimension == "provider":
        meant = spellings.provider_meant
        return meant(wanted) == meant(what.sent_provider)
    if dimension == "user":
        return spellings.person_meant(wanted) == spellings.person_meant(what.sent_user)
    return bool(wanted == getattr(what, dimension))


def has_tag(tags: Any, name: str, value: str) -> bool:
    if isinstance(tags, dict):
        return name in tags and (value == "" or tags[name] == value)
    if value == "":
        return name in tags
    return f"{name}:{value}" in tags or f"{name}={value}" in tags


def converted(cost: Decimal, rate: Decimal) -> Decimal:
    exact = Context(prec=60)
    product = exact.multiply(cost, rate)
    return product.quantize(Decimal("1E-10"), ROUND_HALF_EVEN, exact)


def period_of(
    at: datetime, budget: Any, fiscal_month: int
) -> tuple[datetime, datetime]:
    """Return when the period around *at* begins and ends, cut to the budget's life."""
    if budget.period == "custom":
        return budget.starts_at, budget.ends_at
    first = local_day(at, budget.timezone)
    while not begins_period(first, budget.period, fiscal_month):
        first -= DAY
    following = first + DAY
    while not begins_period(following, budget.period, fiscal_month):
        following += DAY
    start = max(day_start(first, budget.timezone), budget.starts_at)
    end = day_start(following, budget.timezone)
    return start, min(end, budget.ends_at) if budget.ends_at else end


def begins_period(day: date, cadence: str, fiscal_month: int) -> bool:
    months_in = (day.month - fiscal_month) % 12
    return {
        "daily": True,
        "weekly": day.strftime("%A") == "Monday",
        "monthly": day.day == 1,
        "quarterly": day.day == 1 and months_in in {0, 3, 6, 9},
        "annual": day.day == 1 and months_in == 0,
    }[cadence]


def local_day(at: datetime, zone: str) -> date:
    """Return the last day that has begun: one that has goes on when clocks go back."""
    day = at.astimezone(ZoneInfo(zone)).date() + DAY
    while day_start(day, zone) > at:
        day -= DAY
    return day


@cache
def day_start(day: date, zone: str) -> datetime:
    """Walk minute by minute to the first at which the zone's calendar shows *day*.

    Or a later one: Samoa once left out a day.
    """
    where = ZoneInfo(zone)
    at = datetime.combine(day, time(), UTC) - 26 * 60 * MINUTE
    step = 60 * MINUTE
    while at.astimezone(where).date() < day:
        at += step
    at -= 3 * step  # clocks that go back may show it twice
    while at.astimezone(where).date() < day:
        at += MINUTE
    return at


def hour_of(at: datetime, zone: str) -> Hour:
    local = at.astimezone(ZoneInfo(zone))
    shown = local.replace(minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
    return Hour(shown, local.utcoffset() or timedelta())
