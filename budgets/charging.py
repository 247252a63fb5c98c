"""Charging what was booked: every budget on each record's path, in one statement."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from django.db import IntegrityError, connection, transaction

from accounts.models import Organization
from budgets.amounts import amounts_of
from budgets.errors import MoreThanSQLiteHolds
from budgets.index import (
    BudgetIndex,
    Charge,
    LockPlace,
    PeriodRef,
    cut,
    index_of,
    is_passed,
)
from budgets.models import Budget, BudgetPeriod, Coverage
from budgets.types import Crossing, Freed
from ledger.snapshot import Snapshot
from ledger.stored import array_of
from ledger.types import ChargedSpan, Cut, Dimensions, Tags, Totals
from lib.money import from_units
from lib.periods import Window

Charges = tuple[Charge, ...]  # of one attribution, root last
Span = ChargedSpan[PeriodRef]
ChargedSnapshot = Snapshot[Charges, PeriodRef]

_MOST_PERIODS = 200_000  # period ids remembered


_NONE = "{}"  # an empty array: what it stands beside gets null


@dataclass(slots=True)
class _Added:
    """What is to be added to one period; money in units of 10^-10."""

    spent: int = 0
    requests: int = 0
    unpriced: int = 0


@dataclass(slots=True)
class _Sums(_Added):
    """What is to be added to `period`."""

    period: PeriodRef = field(kw_only=True)


class Due(NamedTuple):
    """What is to be added to periods, in lock order, and how PostgreSQL takes it."""

    sums: Sequence[_Sums]
    arrays: Sequence[str]  # spent, requests, unpriced


class Charging:
    """Who is charged in one organization, as of one revision of its budgets.

    The ledger asks it how time is cut and whom a new attribution charges.
    """

    def __init__(self, organization: Organization) -> None:
        self.organization_id = organization.pk
        budgets = Budget.objects.filter(organization=organization)
        self.index: BudgetIndex = index_of(budgets, organization)
        self._period_ids: dict[tuple[int, datetime], int] = {}

    def charges_of(self, dimensions: Dimensions, tags: Tags) -> Charges:
        return self.index.charges_of(dimensions._asdict(), tags)

    def cut(self, charges: Charges, at: datetime) -> Cut[PeriodRef]:
        (start, end), targets = cut(charges, at)
        currencies = {period.currency for period in targets} - {""}
        return Cut(start, end, tuple(targets), tuple(sorted(currencies)))

    def cover(self, attribution_ids: Mapping[int, Charges]) -> None:
        """Keep which budgets new attributions charge, so that SQL can join by it."""
        Coverage.objects.bulk_create(
            [
                Coverage(
                    organization_id=self.organization_id,
                    attribution_id=attribution_id,
                    budget_id=charge.budget.id,
                    starts_at=charge.start,
                    ends_at=charge.end,
                    currency=charge.budget.currency,
                )
                for attribution_id, charges in sorted(attribution_ids.items())
                for charge in charges
            ],
            ignore_conflicts=True,
            batch_size=2_000,
        )

    def reckon(self, totals: Mapping[Span, Totals]) -> Due:
        """Return what *totals* charge to each period, in the order to lock them in.

        That is the deepest budget first and the root last, for every caller.
        """
        by_place = _sums_of(totals)
        sums = [by_place[place] for place in sorted(by_place)]
        return Due(sums, _arrays_of(sums))

    def charge(self, due: Due, freed: Mapping[int, Freed]) -> list[Crossing]:
        """Add what is due to the periods, opening those not yet there, and take off
        what reservations no longer hold of them: by period id.

        Returns the thresholds it took them past.
        """
        if not due.sums and not freed:
            return []
        ids = self.ids_of([of.period for of in due.sums])
        added = {ids[of.period.key]: of for of in due.sums}
        if freed:
            return _crossings(_add_and_free(added, freed), added)
        arrays = [array_of(list(added)), *due.arrays, _NONE]
        return _crossings(_add(added, arrays), added)

    def known_id(self, period: PeriodRef) -> int | None:
        """Return the id of a period that this process has met; None: ask `ids_of`."""
        return self._period_ids.get(period.key)

    def ids_of(self, wanted: list[PeriodRef]) -> dict[tuple[int, datetime], int]:
        """Return the ids of periods, opening those not yet there; in lock order."""
        known = self._period_ids
        missing = [period for period in wanted if period.key not in known]
        if not missing:
            return known
        opened = open_periods(
            self.organization_id,
            [(period.budget.id, period.window) for period in missing],
        )
        transaction.on_commit(lambda: self._remember(opened))
        return known | opened

    def _remember(self, ids: dict[tuple[int, datetime], int]) -> None:
        if len(self._period_ids) + len(ids) > _MOST_PERIODS:
            self._period_ids = {}
        self._period_ids.update(ids)


def open_periods(
    organization_id: int, wanted: list[tuple[int, Window]]
) -> dict[tuple[int, datetime], int]:
    """Return the ids of periods by (budget id, start), making those that are missing.

    One that is made late has the amount it had in its time, as the budget's lines say.
    *wanted* is in lock order, the organization held: no line is added meanwhile.
    """
    budget_ids = {budget_id for budget_id, _ in wanted}
    ids = _ids_in_database(organization_id, budget_ids, wanted)
    missing = [pair for pair in wanted if (pair[0], pair[1].start) not in ids]
    if missing:
        amounts = amounts_of({budget_id for budget_id, _ in missing})
        BudgetPeriod.objects.bulk_create(
            [
                BudgetPeriod(
                    organization_id=organization_id,
                    budget_id=budget_id,
                    starts_at=window.start,
                    ends_at=window.end,
                    amount=amounts[budget_id].of(window),
                )
                for budget_id, window in missing
            ],
            ignore_conflicts=True,
        )
        ids |= _ids_in_database(organization_id, budget_ids, missing)
    return ids


def _ids_in_database(
    organization_id: int, budget_ids: set[int], wanted: list[tuple[int, Window]]
) -> dict[tuple[int, datetime], int]:
    rows = BudgetPeriod.objects.filter(
        organization=organization_id,
        budget__in=budget_ids,
        starts_at__in={window.start for _, window in wanted},
    ).values_list("budget_id", "starts_at", "pk")
    return {(budget_id, start): pk for budget_id, start, pk in rows}


def _sums_of(totals: Mapping[Span, Totals]) -> dict[LockPlace, _Sums]:
    by_period: dict[PeriodRef, _Sums] = {}
    for span, added in totals.items():
        spent, requests, unpriced = added.cost, added.requests, added.unpriced
        for period in span.targets:
            of = by_period.get(period)
            if of is None:
                of = by_period[period] = _Sums(period=period)
            of.spent += spent
            of.requests += requests
            of.unpriced += unpriced
        if span.currencies:
            _exchange(by_period, span, added)
    sums: dict[LockPlace, _Sums] = {}
    for period, of in by_period.items():
        same = sums.setdefault(period.place, of)
        if same is not of:
            same.spent += of.spent
            same.requests += of.requests
            same.unpriced += of.unpriced
    return sums


def _exchange(by_period: Mapping[PeriodRef, _Sums], span: Span, added: Totals) -> None:
    """Put the amounts in their own currency into the sums of foreign budgets."""
    currencies = (currency for currency, _ in span.currencies)
    foreign = dict(zip(currencies, added.converted, strict=True))
    for period in span.targets:
        if period.currency:
            by_period[period].spent += foreign[period.currency] - added.cost


# FOR UPDATE takes the locks in the order of the arrays; a plain UPDATE .. FROM would
# take them in whatever order the planner likes.
_ADD = """
WITH added AS MATERIALIZED (
    SELECT * FROM unnest(
        %s::bigint[], %s::numeric[], %s::bigint[], %s::bigint[], %s::numeric[]
    ) WITH ORDINALITY AS added (id, spent, requests, unpriced, freed, place)
), locked AS MATERIALIZED (
    SELECT added.* FROM added JOIN budgets_budgetperiod AS period USING (id)
    ORDER BY added.place FOR UPDATE OF period
)
UPDATE budgets_budgetperiod AS period SET
    spent = period.spent + locked.spent,
    requests = period.requests + locked.requests,
    unpriced_requests = period.unpriced_requests + locked.unpriced,
    reserved = period.reserved - coalesce(locked.freed, 0),
    late_spend = period.late_spend
        + CASE WHEN period.closed_at IS NULL THEN 0 ELSE locked.spent END
FROM locked WHERE period.id = locked.id
RETURNING period.id, period.spent, period."limit"
"""
_ADD_ONE = """
UPDATE budgets_budgetperiod SET
    spent = spent + %s, requests = requests + %s,
    unpriced_requests = unpriced_requests + %s, reserved = reserved - %s,
    late_spend = late_spend + CASE WHEN closed_at IS NULL THEN 0 ELSE %s END
WHERE id = %s
"""


def _arrays_of(sums: Sequence[_Added]) -> Sequence[str]:
    return (
        array_of([f"{of.spent}e-10" for of in sums]),
        array_of([of.requests for of in sums]),
        array_of([of.unpriced for of in sums]),
    )


def _add_and_free(
    added: Mapping[int, _Sums], freed: Mapping[int, Freed]
) -> list[tuple[int, Decimal, Decimal]]:
    """Do what `_add` does, and take off what is freed of these and other periods."""
    places = {period_id: of.period.place for period_id, of in added.items()}
    places |= {period_id: of.place for period_id, of in freed.items()}
    ordered = sorted(places, key=lambda period_id: places[period_id])
    zero = _Added()
    sums: list[_Added] = [added.get(period_id, zero) for period_id in ordered]
    units = [freed[pk].units if pk in freed else 0 for pk in ordered]
    arrays = _arrays_of(sums), array_of([f"{unit}e-10" for unit in units])
    return _add(
        dict(zip(ordered, sums, strict=True)),
        [array_of(ordered), *arrays[0], arrays[1]],
        dict(zip(ordered, units, strict=True)),
    )


def _add(
    added: Mapping[int, _Added],
    arrays: Sequence[str],
    freed: Mapping[int, int] = MappingProxyType({}),
) -> list[tuple[int, Decimal, Decimal]]:
    """Add to periods, by id and in lock order; return id, spent and limit of each."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_ADD, arrays)
            return list(cursor.fetchall())
    with connection.cursor() as cursor, refusing_overflow():
        cursor.executemany(
            _ADD_ONE,
            [
                (of.spent, of.requests, of.unpriced, freed.get(pk, 0), of.spent, pk)
                for pk, of in added.items()
            ],
        )
    periods = BudgetPeriod.objects.filter(pk__in=added)
    return list(periods.values_list("pk", "spent", "limit"))


@contextmanager
def refusing_overflow() -> Iterator[None]:
    """Refuse what is more than SQLite's whole numbers hold; its CHECK found it."""
    try:
        yield
    except IntegrityError as error:
        raise MoreThanSQLiteHolds(
            "A budget period would pass 922 million, more than the embedded database "
            "can hold exactly. Use PostgreSQL."
        ) from error


def _crossings(
    rows: Iterable[tuple[int, Decimal, Decimal]], added: Mapping[int, _Sums]
) -> list[Crossing]:
    crossings = []
    for period_id, spent, limit in rows:
        of = added.get(period_id)
        if of is None:
            continue  # something was only given back
        budget = of.period.budget
        if budget.may_cross(spent, limit):
            before = spent - from_units(of.spent)
            crossings += [
                Crossing(budget.id, period_id, threshold, spent, limit)
                for threshold in budget.thresholds
                if is_passed(spent, limit, threshold)
                and not is_passed(before, limit, threshold)
            ]
    return crossings
