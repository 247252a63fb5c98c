"""How likely budgets are to be passed by the end of their periods."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from zoneinfo import ZoneInfo

from budgets.figures import Position
from budgets.models import Budget
from budgets.status import present_positions
from forecasts.history import midnight_of, since_first_spend, spends_between
from forecasts.outlooks import MOST_DAYS, Outlook, look_ahead
from lib.periods import Window, day_of


@dataclass(frozen=True, slots=True)
class _Past:
    now: datetime
    window: Window
    limit: Decimal
    spent: Decimal
    days: tuple[Decimal, ...]


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
    there is too little history, or no period at *now*. One query, and one for each time
    zone; give budgets with their organization, and *positions* where they are known.
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
    for name, group in by_zone.items():
        found |= _of_zone(ZoneInfo(name), group, positions, now, more)
    return found


def _of_zone(
    zone: ZoneInfo,
    group: Sequence[Budget],
    positions: Mapping[int, Position],
    now: datetime,
    more: Mapping[int, Decimal],
) -> dict[int, Outlook | None]:
    today = day_of(now, zone)
    ago = range(MOST_DAYS, -1, -1)
    midnights = [midnight_of(today - timedelta(days=days), zone) for days in ago]
    ids = [budget.pk for budget in group]
    spends = spends_between(group[0].organization_id, ids, midnights)
    none = [Decimal(0)] * MOST_DAYS
    found: dict[int, Outlook | None] = {}
    for budget in group:
        days = spends.get(budget.pk, none)[:MOST_DAYS]
        at = positions[budget.pk]
        known = since_first_spend(budget, midnights, days)
        limit = at.limit + more.get(budget.pk, Decimal(0))
        found[budget.pk] = look_ahead(_Past(now, at.window, limit, at.spent, known))
    return found
