"""How likely budgets are to be passed by the end of their periods."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from zoneinfo import ZoneInfo

from budgets.figures import Position
from budgets.models import Budget
from budgets.status import present_positions
from forecasts.coming import dues_of
from forecasts.history import days_before
from forecasts.outlooks import MOST_DAYS, Outlook, look_ahead
from forecasts.quiet import quiet_of
from forecasts.series import Quiet
from lib.periods import DAY, Window, day_of

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Past:
    now: datetime
    window: Window
    limit: Decimal
    spent: Decimal  # and what is due for certain until the period ends
    days: tuple[Decimal, ...]
    quiet: Quiet


def probabilities(
    budgets: Iterable[Budget], now: datetime
) -> dict[int, Decimal | None]:
    """Return by id how likely *budgets*, of one organization, pass their limits.

    As shares: 0.9 for 90 %. None, and queries: as `outlooks`.
    """
    found = outlooks(budgets, now)
    return {pk: one.probability if one else None for pk, one in found.items()}


def outlooks(
    budgets: Iterable[Budget],
    now: datetime,
    *,
    more: Mapping[int, Decimal] = MappingProxyType({}),
    positions: Mapping[int, Position] | None = None,
) -> dict[int, Outlook | None]:
    """Return by id what *budgets*, of one organization, come to by their periods' ends.

    *more*: how likely they pass limits that are higher by so much, by id. None where
    there is too little history, or no period at *now*. Two queries, one more where
    there are fixed charges, and one for each time zone; give budgets with their
    organization, and *positions* where they are known.
    """
    chosen = list(budgets)
    if not chosen:
        return {}
    if positions is None:
        positions = present_positions(chosen[0].organization, chosen, now)
    found: dict[int, Outlook | None] = {budget.pk: None for budget in chosen}
    by_zone: dict[str, list[Budget]] = defaultdict(list)
    for budget in chosen:
        if budget.pk in positions:
            by_zone[budget.timezone].append(budget)
    dues = dues_of(chosen, now=now)
    for zone, group in by_zone.items():
        today = day_of(now, ZoneInfo(zone))
        quiet = quiet_of(chosen[0].organization.holiday_calendar, today)
        for pk, days in days_before(group, MOST_DAYS, now=now).items():
            at = positions[pk]
            limit = at.limit + more.get(pk, Decimal(0))
            last = day_of(at.window.end - _MICROSECOND, ZoneInfo(zone))
            spent = at.spent + dues[pk].between(today, last + DAY)
            past = _Past(now, at.window, limit, spent, days, quiet)
            found[pk] = look_ahead(past)
    return found
