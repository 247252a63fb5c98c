"""Repricing: usage that is booked already is charged at what is known today.

The pipeline of corrections: assessed, appended to the ledger, charged, all in one
transaction a chunk.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.locks import hold_repricing
from accounts.models import Organization
from alerts import services as alerts
from budgets import runs
from budgets.charging import Charging, Span
from budgets.index import PeriodRef
from budgets.models import Budget, BudgetPeriod
from budgets.snapshots import hold_snapshot
from ledger.costs import Cursor
from ledger.models import Repricing
from ledger.repricing import (
    Assessor,
    PriceChange,
    Selection,
    append,
    page_of,
    records_of,
)
from ledger.restating import Restatement
from ledger.types import Totals
from lib.errors import Invalid
from lib.money import from_units, to_units, wire

CHUNK = 1_000  # records in one transaction
MOST_AT_ONCE = 50_000  # records in one request


class TooManyRecords(Invalid):
    """More usage is selected than one request goes through."""

    code = "too_many_records"


@dataclass(slots=True)
class _Period:
    """What a repricing adds to one budget period; in units of its currency."""

    budget_id: int
    start: datetime
    end: datetime
    difference: int = 0


@dataclass(slots=True)
class RepricingOutcome:
    """What a repricing changes, or would change; money in units of 10^-10."""

    organization: Organization
    selection: Selection
    records: int = 0  # corrected
    priced: int = 0  # of them, those that had no price
    unpriced: int = 0  # those that still have none
    old: int = 0  # what the corrected ones cost before
    new: int = 0
    repricing: Repricing | None = None  # None: nothing was booked
    periods: dict[tuple[int, datetime], _Period] = field(default_factory=dict)

    def add(self, correction: PriceChange[PeriodRef]) -> None:
        self.records += len(correction.rows)
        self.priced += correction.priced
        self.unpriced += correction.unpriced
        self.old += correction.old
        self.new += correction.new
        for span, sums in correction.totals.items():
            self._add_to_periods(span, sums)

    def count_undone(self, restated: Restatement[PeriodRef]) -> None:
        """Add what takes corrections back."""
        self.records += len(restated.costs)
        self.unpriced += sum(cost is None for cost in restated.costs.values())
        self.old += restated.old
        self.new += restated.new
        for span, sums in restated.totals.items():
            self._add_to_periods(span, sums)

    def _add_to_periods(self, span: Span, sums: Totals) -> None:
        amounts = {"": sums.cost}
        for (currency, _), amount in zip(span.currencies, sums.converted, strict=True):
            amounts[currency] = amount
        for target in span.targets:
            budget, window = target.budget, target.window
            period = self.periods.setdefault(
                (budget.id, window.start), _Period(budget.id, window.start, window.end)
            )
            period.difference += amounts[budget.currency]


def preview(
    organization: Organization, selection: Selection, *, most: int | None = None
) -> RepricingOutcome:
    """Tell what repricing would change; changes nothing.

    Raises:
        TooManyRecords: more than *most* are selected.
    """
    with transaction.atomic():
        snapshot, _ = hold_snapshot(organization.pk, opens=True)
    assessor, outcome = Assessor(snapshot), RepricingOutcome(organization, selection)
    rows = records_of(organization, selection)
    _refuse_if_more(rows, most)
    place: Cursor | None = None
    while page := page_of(rows, place, CHUNK):
        outcome.add(assessor.assess(page))
        place = Cursor(page[-1].timestamp, page[-1].pk)
    return outcome


def reprice(
    organization: Organization,
    selection: Selection,
    *,
    reason: str,
    tell: Callable[[int], object] = int,
) -> RepricingOutcome:
    """Correct what is selected, chunk by chunk; *tell* how many records each was.

    A chunk is durable and charged when it is told of. Safe to repeat, to break off,
    and beside ingest and other repricings: what costs what it should is left as it is.
    """
    outcome = RepricingOutcome(organization, selection)
    place: Cursor | None = None
    while True:
        with transaction.atomic():
            seen, place = _correct(outcome, reason, place, CHUNK)
        tell(seen)
        if seen < CHUNK:
            return outcome


@transaction.atomic
def reprice_at_once(
    organization: Organization, selection: Selection, *, reason: str
) -> RepricingOutcome:
    """Correct what is selected, all or nothing.

    Raises:
        TooManyRecords: more than MOST_AT_ONCE are selected.
    """
    _refuse_if_more(records_of(organization, selection), MOST_AT_ONCE)
    outcome = RepricingOutcome(organization, selection)
    # Periods are locked in one order within a transaction: it may charge only once.
    _correct(outcome, reason, None, None)
    return outcome


def _correct(
    outcome: RepricingOutcome, reason: str, place: Cursor | None, size: int | None
) -> tuple[int, Cursor | None]:
    """Correct one chunk; return how many records were looked at, and the last one."""
    organization = outcome.organization
    snapshot, charging = hold_snapshot(organization.pk, opens=True)
    # Only now may records be read: another repricing may just have corrected them.
    hold_repricing(organization.pk)
    page = page_of(records_of(organization, outcome.selection), place, size)
    correction = Assessor(snapshot).assess(page)
    if correction.rows:
        _book(outcome, correction, charging, reason)
    outcome.add(correction)
    if not page:
        return 0, place
    return len(page), Cursor(page[-1].timestamp, page[-1].pk)


def _book(
    outcome: RepricingOutcome,
    correction: PriceChange[PeriodRef],
    charging: Charging,
    reason: str,
) -> None:
    if outcome.repricing is None:
        outcome.repricing = Repricing.objects.create(
            organization=outcome.organization,
            reason=reason,
            filters=outcome.selection.described(),
            difference=Decimal(0),
        )
    repricing = outcome.repricing
    append(outcome.organization.pk, correction, repricing.pk)
    runs.charge(outcome.organization.pk, correction.runs, {}, now=timezone.now())
    crossings = charging.charge(charging.reckon(correction.totals), {})
    if crossings:
        alerts.observe(outcome.organization.pk, crossings, now=timezone.now())
    repricing.records += len(correction.rows)
    repricing.difference = from_units(
        to_units(repricing.difference) + correction.new - correction.old
    )
    repricing.save(update_fields=["records", "difference"])


def _refuse_if_more(rows: Any, most: int | None) -> None:
    if most is not None and rows[: most + 1].count() > most:
        raise TooManyRecords(
            f"More than {most:,} records are selected: narrow the time or the model, "
            "or run manage.py reprice."
        )


def body_of(outcome: RepricingOutcome) -> dict[str, Any]:
    """Return the outcome as the API answers it. Two queries."""
    return {
        "organization_id": outcome.organization.slug,
        "filters": outcome.selection.described(),
        "currency": outcome.organization.currency,
        "records": outcome.records,
        "newly_priced": outcome.priced,
        "still_unpriced": outcome.unpriced,
        "old": _wire(outcome.old),
        "new": _wire(outcome.new),
        "difference": _wire(outcome.new - outcome.old),
        "budgets": list(_periods_of(outcome)),
    }


def _periods_of(outcome: RepricingOutcome) -> Iterator[dict[str, Any]]:
    """Yield what changes for each budget period, the dearest change first.

    What is booked already is in a period's `spent`; what a preview shows is not.
    """
    budgets = Budget.objects.in_bulk(
        {found.budget_id for found in outcome.periods.values()}
    )
    rows = BudgetPeriod.objects.filter(
        organization=outcome.organization, budget__in=budgets
    ).values_list("budget_id", "starts_at", "spent")
    spent = {(budget_id, start): to_units(amount) for budget_id, start, amount in rows}
    booked = outcome.repricing is not None
    for key, found in sorted(
        outcome.periods.items(), key=lambda item: -abs(item[1].difference)
    ):
        budget = budgets[found.budget_id]
        now = spent.get(key, 0)
        old = now - found.difference if booked else now
        yield {
            "budget": str(budget.uid),
            "name": budget.name,
            "currency": budget.currency,
            "period_start": found.start,
            "period_end": found.end,
            "old": _wire(old),
            "new": _wire(old + found.difference),
            "difference": _wire(found.difference),
        }


def _wire(units: int) -> str | None:
    return wire(from_units(units))
