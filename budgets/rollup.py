"""Rolling spend deltas up into daily spend and budget hours, and reading both as one.

Ingest only appends deltas, which is fast. The worker rolls them up; until then whoever
reads adds them up, in one statement, so that no delta is seen twice or not at all.
Where no worker runs, whoever writes rolls them up now and then.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from django.db import DatabaseError, transaction

from accounts.locks import hold_shared
from budgets import sql
from budgets.models import Budget
from budgets.types import HourSpend
from ledger.models import SpendDelta

LOOK_EVERY = 2_500  # records that a process writes of one organization
MOST_WAITING = 5_000  # deltas that are left to the worker, who comes every minute

_written: dict[int, int] = {}  # by organization, since this process looked
logger = logging.getLogger("budgets")


@transaction.atomic
def roll_up(organization_id: int) -> None:
    """Roll up the deltas that are committed; safe beside ingest and other workers."""
    hold_shared(organization_id)
    sql.roll_up(organization_id)


def keep_up(organization_id: int, written: int) -> None:
    """Roll up what waits if it is more than a worker would have left.

    For who has just committed *written* records: it takes a look now and then, and no
    fault of it is a fault of theirs.
    """
    count = _written.get(organization_id, 0) + written
    _written[organization_id] = 0 if count >= LOOK_EVERY else count
    if count < LOOK_EVERY:
        return
    waiting = SpendDelta.objects.filter(organization=organization_id).order_by()
    try:
        if waiting[MOST_WAITING : MOST_WAITING + 1].exists():
            roll_up(organization_id)
    except DatabaseError as error:
        logger.warning("What was spent could not be rolled up: %s", error)


def roll_up_all() -> int:
    """Roll up every organization that has deltas; return how many had."""
    waiting = SpendDelta.objects.order_by().values_list("organization_id", flat=True)
    ids = sorted(set(waiting.distinct()))
    for organization_id in ids:
        roll_up(organization_id)
    return len(ids)


def hours_of(
    budgets: Sequence[Budget], start: datetime, end: datetime
) -> Sequence[HourSpend]:
    """Return what *budgets* of one organization spent in [start, end), by clock hour.

    Exact, rolled up or not. An hour may come in parts. One query.
    """
    if not budgets:
        return []
    ids = [budget.pk for budget in budgets]
    return sql.hours_between(budgets[0].organization_id, ids, start, end)


def sums_of(
    organization_id: int, budget_ids: Sequence[int], start: datetime, end: datetime
) -> dict[int, HourSpend]:
    """Return the sum of `hours_of` for each budget that was used, with its first hour.

    One query.
    """
    if not budget_ids:
        return {}
    found = sql.hours_between(organization_id, budget_ids, start, end, summed=True)
    return {one.budget_id: one for one in found}


def total_of(hours: Iterable[HourSpend]) -> Decimal:
    return sum((hour.spent for hour in hours), Decimal(0))
