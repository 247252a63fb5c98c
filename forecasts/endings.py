"""What budgets come to by the ends of their periods, for many of them at once."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from accounts.models import Organization
from budgets.figures import Position
from budgets.models import Budget
from budgets.status import BudgetStatus
from forecasts.ahead import Present
from forecasts.models import StoredForecast
from forecasts.probabilities import outlooks
from lib.money import quantize
from lib.periods import day_of


def with_endings(
    organization: Organization, described: Mapping[int, BudgetStatus], now: datetime
) -> dict[int, BudgetStatus]:
    """Return how budgets stand, with the forecast of where their periods end.

    In place of the run rate; None where too little is known. Periods that are not
    running stay as they are. Queries: as `endings_of`.
    """
    running = {
        found.budget: found.position
        for found in described.values()
        if now in found.window
    }
    endings = endings_of(organization, running, now) if running else {}
    return {
        pk: replace(found, status=found.status.ending_at(endings[pk]))
        if pk in endings
        else found
        for pk, found in described.items()
    }


def endings_of(
    organization: Organization,
    budgets: Mapping[Budget, Position],
    now: datetime,
) -> dict[int, Decimal | None]:
    """Return by id what each budget's present period is expected to come to.

    What the day's sweep stored is carried on to *now*: with what is spent by now and
    what is left of today. Budgets it has not come to are looked at by themselves. None
    where too little is known. One query, and those of `outlooks` for the others.
    """
    found: dict[int, Decimal | None] = {}
    stored = _stored(organization, budgets, now)
    for budget, position in budgets.items():
        row = stored.get(budget.pk)
        if row is not None and row.starts_at == position.window.start:
            found[budget.pk] = _carried_on(row, budget, position, now)
    missing = {budget: at for budget, at in budgets.items() if budget.pk not in found}
    for budget in missing:
        budget.organization = organization  # it is known: no query
    if missing:
        positions = {budget.pk: at for budget, at in missing.items()}
        for pk, one in outlooks(missing, now, positions=positions).items():
            found[pk] = one.projected if one else None
    return found


def _stored(
    organization: Organization, budgets: Mapping[Budget, Position], now: datetime
) -> dict[int, StoredForecast]:
    """Return what was stored today, in each budget's zone."""
    today = {b.pk: day_of(now, ZoneInfo(b.timezone)) for b in budgets}
    rows = StoredForecast.objects.filter(
        organization=organization,
        budget__in=today,
        made_on__in=set(today.values()),
    ).order_by()
    return {row.budget_id: row for row in rows if row.made_on == today[row.budget_id]}


def _carried_on(
    row: StoredForecast, budget: Budget, position: Position, now: datetime
) -> Decimal | None:
    if row.today is None or row.rest is None:
        return None
    left = Present(now, ZoneInfo(budget.timezone), position.window).part
    today: Decimal = row.today * Decimal(left)
    return position.spent + quantize(today) + Decimal(row.rest)
