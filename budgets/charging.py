"""Charging what was booked: every budget on each record's path, in one statement."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from threading import Lock
from typing import NamedTuple

from django.db import transaction

from accounts.models import Organization
from budgets import sql
from budgets.amounts import lasting_and_temporary
from budgets.committed import note_committed
from budgets.errors import NotOpened
from budgets.index import (
    BudgetIndex,
    Charge,
    IndexedBudget,
    LockPlace,
    NewValue,
    PeriodRef,
    cut,
    index_of,
    is_passed,
)
from budgets.models import Budget, BudgetPeriod, Coverage
from budgets.sql.portable import Packed
from budgets.types import Added, Crossing, Freed
from ledger.snapshot import Snapshot
from ledger.types import ChargedSpan, Cut, Dimensions, Tags, Totals
from lib.money import from_units
from lib.periods import Window

Charges = tuple[Charge, ...]  # of one attribution, root last
Span = ChargedSpan[PeriodRef]
ChargedSnapshot = Snapshot[Charges, PeriodRef]

_MOST_PERIODS = 200_000  # period ids remembered
_learning = Lock()


@dataclass(slots=True)
class _Sums(Added):
    """What is to be added to `period`."""

    period: PeriodRef = field(kw_only=True)


class Due(NamedTuple):
    """What is to be added to periods, in lock order, and how the database takes it."""

    sums: Sequence[_Sums]
    packed: Packed


class Charging:
    """Who is charged in one organization, as of one revision of its budgets.

    The ledger asks it how time is cut and whom a new attribution charges.
    """

    def __init__(self, organization: Organization) -> None:
        self.organization, self.organization_id = organization, organization.pk
        budgets = Budget.objects.filter(organization=organization)
        self.index: BudgetIndex = index_of(budgets, organization)
        self.period_ids: dict[tuple[int, datetime], int] = {}

    def meet(self, attributions: Iterable[tuple[Dimensions, Tags]]) -> None:
        """See to it that all are known whom *attributions* charge.

        Raises:
            NotOpened: a template makes a budget that is not known here: begin anew with
                a snapshot that `opens`.
        """
        if self.new_values(attributions):
            raise NotOpened

    def new_values(
        self, attributions: Iterable[tuple[Dimensions, Tags]]
    ) -> list[NewValue]:
        """Return the budgets that *attributions* lack, as far as is known here."""
        if not self.index.templates:
            return []
        found = [
            one
            for dimensions, tags in attributions
            for one in self.index.new_values(dimensions._asdict(), tags)
        ]
        return list(dict.fromkeys(found))

    def charges_of(self, dimensions: Dimensions, tags: Tags) -> Charges:
        return self.index.charges_of(dimensions._asdict(), tags)

    def learn(
        self, made: Mapping[NewValue, IndexedBudget], full: Collection[int] = ()
    ) -> None:
        """Know the committed budgets *made* by templates, and which ones are full."""
        with _learning:  # one at a time: what two learn at once is known then
            self.index = self.index.plus(made, full)

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
        return Due(sums, sql.packed(sums))

    def charge(self, due: Due, freed: Mapping[int, Freed]) -> list[Crossing]:
        """Add what is due to the periods, opening those not yet there, and take off
        what reservations no longer hold of them: by period id.

        Returns the thresholds it took them past.
        """
        if not due.sums and not freed:
            return []
        if self.index.watches_committed:
            note_committed(self.organization_id)
        ids = self.ids_of([of.period for of in due.sums])
        added = {ids[of.period.key]: of for of in due.sums}
        if freed:
            return _crossings(_add_and_free(added, freed), added)
        return _crossings(sql.add_to_periods(list(added), due.packed), added)

    def known_id(self, period: PeriodRef) -> int | None:
        """Return the id of a period that this process has met; None: ask `ids_of`."""
        return self.period_ids.get(period.key)

    def ids_of(self, wanted: list[PeriodRef]) -> dict[tuple[int, datetime], int]:
        """Return the ids of periods, opening those not yet there; in lock order."""
        known = self.period_ids
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
        if len(self.period_ids) + len(ids) > _MOST_PERIODS:
            self.period_ids = {}
        self.period_ids.update(ids)


def open_periods(
    organization_id: int, wanted: list[tuple[int, Window]]
) -> dict[tuple[int, datetime], int]:
    """Return the ids of periods by (budget id, start), making those that are missing.

    One that is made late has the amount it had in its time, as the budget's lines say;
    of what is for a while, what was in force as it began: the sweep follows the rest.
    *wanted* is in lock order, the organization held: no line is added meanwhile.
    """
    budget_ids = {budget_id for budget_id, _ in wanted}
    ids = _ids_in_database(organization_id, budget_ids, wanted)
    missing = [pair for pair in wanted if (pair[0], pair[1].start) not in ids]
    if missing:
        for_these = {budget_id for budget_id, _ in missing}
        amounts, temporary = lasting_and_temporary(for_these)
        BudgetPeriod.objects.bulk_create(
            [
                BudgetPeriod(
                    organization_id=organization_id,
                    budget_id=budget_id,
                    starts_at=window.start,
                    ends_at=window.end,
                    amount=amounts[budget_id].of(window),
                    adjusted=temporary[budget_id].at(window.start),
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


def _add_and_free(
    added: Mapping[int, _Sums], freed: Mapping[int, Freed]
) -> list[tuple[int, Decimal, Decimal]]:
    """Add to periods, and take off what is freed of these and others, by id."""
    places = {period_id: of.period.place for period_id, of in added.items()}
    places |= {period_id: of.place for period_id, of in freed.items()}
    ordered = sorted(places, key=lambda period_id: places[period_id])
    zero = Added()
    sums: list[Added] = [added.get(period_id, zero) for period_id in ordered]
    units = [freed[pk].units if pk in freed else 0 for pk in ordered]
    return sql.add_to_periods(ordered, sql.packed(sums), units)


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
