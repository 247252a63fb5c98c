"""Charging on SQLite, which has one writer at a time and money in whole units."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import repeat

from django.db import IntegrityError, connection

from budgets.models import BudgetPeriod
from budgets.sql.portable import (
    DAYS,
    HOURS,
    Charged,
    Packed,
    hour_rows,
    quarter_rows,
)
from budgets.types import QUARTER_S, Added, HourSpend, Quarter
from ledger.models import SpendDelta
from lib.errors import OutOfRange
from lib.money import UNITS, from_units

_ADD = """
UPDATE budgets_budgetperiod SET
    spent = spent + %s, requests = requests + %s,
    unpriced_requests = unpriced_requests + %s, reserved = reserved - %s,
    late_spend = late_spend + CASE WHEN closed_at IS NULL THEN 0 ELSE %s END
WHERE id = %s
"""
_DAY = "substr(starts_at, 1, 10)"  # date() would round the last instant up
# Whole seconds only: SQLite would round 23:59:59.9996 up to the next day.
_SECONDS = "CAST(strftime('%%s', substr(record.timestamp, 1, 19)) AS INTEGER)"
_QUARTER = f"{_SECONDS} / {QUARTER_S}"


def packed(sums: Sequence[Added]) -> Packed:
    """Return *sums* as `add_to_periods` takes them."""
    return sums


def add_to_periods(
    ids: Sequence[int], sums: Packed, freed: Sequence[int] = ()
) -> list[Charged]:
    """Add *sums* to the periods *ids*, in lock order, and take off what is *freed*.

    *freed* is empty or has units of 10^-10 for each of them.
    """
    with connection.cursor() as cursor, _refusing_overflow():
        cursor.executemany(
            _ADD,
            [
                (of.spent, of.requests, of.unpriced, units, of.spent, period_id)
                for period_id, of, units in zip(
                    ids, sums, freed or repeat(0), strict=bool(freed)
                )
            ],
        )
    periods = BudgetPeriod.objects.filter(pk__in=ids)
    return list(periods.values_list("pk", "spent", "limit"))


@contextmanager
def _refusing_overflow() -> Iterator[None]:
    """Refuse what is more than SQLite's whole numbers hold; its CHECK found it."""
    try:
        yield
    except IntegrityError as error:
        raise OutOfRange("A budget period") from error


def roll_up(organization_id: int) -> None:
    """Bring the committed deltas into daily spend and budget hours."""
    taken = "ledger_spenddelta"
    days = DAYS.format(day=_DAY, taken=taken, mine="AND organization_id = %s")
    hours = HOURS.format(taken=taken, mine="AND delta.organization_id = %s")
    with connection.cursor() as cursor:
        cursor.execute(days, [organization_id])
        cursor.execute(hours, [organization_id])
    SpendDelta.objects.filter(organization=organization_id).delete()


def hours_between(
    organization_id: int,
    budget_ids: Sequence[int],
    start: datetime,
    end: datetime,
    *,
    summed: bool = False,
) -> list[HourSpend]:
    """Return what budgets spent in [start, end), by clock hour. One query.

    *summed*: in one sum for each, beginning with its first hour that was used.
    """
    rows = hour_rows(organization_id, budget_ids, start, end, summed=summed)
    return [
        HourSpend(budget_id, _moment(starts_at), from_units(spent), requests)
        for budget_id, starts_at, spent, requests in rows
    ]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def quarters_between(
    organization_id: int,
    budget_ids: Sequence[int],
    start: datetime,
    end: datetime,
    upto_id: int,
) -> list[Quarter]:
    """Add up, from the cost records alone, what budgets spent in [start, end)."""
    rows = quarter_rows(
        _QUARTER, str(UNITS), organization_id, budget_ids, start, end, upto_id
    )
    return [
        Quarter.numbered(budget_id, number, from_units(spent or 0), *counts)
        for budget_id, number, spent, *counts in rows
    ]
