"""Keeping what is forecast: once a day of each budget's zone."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef

from accounts.models import Organization
from budgets.models import Budget
from budgets.status import present_positions
from forecasts.ahead import known_of_period
from forecasts.coming import dues_of
from forecasts.courses import said_of
from forecasts.history import days_before
from forecasts.models import StoredForecast
from forecasts.outlooks import LEAST_DAYS, MOST_DAYS
from lib.periods import day_of

KEPT_FOR = timedelta(days=400)
_AT_ONCE = 500  # budgets whose history is in memory


def store_due(now: datetime) -> int:
    """Store the forecasts that were not yet made today; return how many.

    Safe to repeat, and to run twice at once. Six queries at most for each 500 budgets
    of one organization and zone, whatever their history.
    """
    stored = 0
    for organization in Organization.objects.filter(budgets__isnull=False).distinct():
        zones = Budget.objects.filter(organization=organization).active()
        for name in zones.order_by().values_list("timezone", flat=True).distinct():
            for budgets in _due(organization, name, now):
                stored += _store(organization, budgets, now)
    return stored


def forget_old(now: datetime) -> None:
    """Delete what was forecast so long ago that nobody is told of it."""
    StoredForecast.objects.filter(made_on__lt=(now - KEPT_FOR).date()).delete()


def _due(
    organization: Organization, zone: str, now: datetime
) -> Iterator[Sequence[Budget]]:
    today = StoredForecast.objects.filter(
        organization=organization,
        budget=OuterRef("pk"),
        made_on=day_of(now, ZoneInfo(zone)),
    )
    ids = list(
        Budget.objects.filter(organization=organization, timezone=zone)
        .active()
        .exclude(Exists(today))
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    for start in range(0, len(ids), _AT_ONCE):
        part = ids[start : start + _AT_ONCE]
        yield list(Budget.objects.filter(pk__in=part).order_by("pk"))


def _store(organization: Organization, budgets: Sequence[Budget], now: datetime) -> int:
    zone = ZoneInfo(budgets[0].timezone)
    positions = present_positions(organization, budgets, now)
    running = [budget for budget in budgets if budget.pk in positions]
    if not running:
        return 0
    histories = days_before(running, MOST_DAYS, now=now)
    dues = dues_of(running, now=now)
    rows = []
    for budget in running:
        position, history = positions[budget.pk], histories[budget.pk]
        row = StoredForecast(
            organization=organization,
            budget=budget,
            made_on=day_of(now, zone),
            made_at=now,
            starts_at=position.window.start,
            ends_at=position.window.end,
            limit=position.limit,
            spent=position.spent,
            days=len(history),
        )
        if len(history) >= LEAST_DAYS:
            known, steps = known_of_period(
                *(position, history, zone, now),
                holidays=organization.holiday_calendar,
                dues=dues[budget.pk],
            )
            said = said_of(known, steps)
            row.expected, row.probability = said.expected, said.probability
            row.lower_80, row.upper_80 = said.likely
            row.lower_95, row.upper_95 = said.surely
            row.today, row.rest = said.today, said.rest
        rows.append(row)
    StoredForecast.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)
