"""What a budget may spend at which moment: the sum of its dated lines."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from django.db.models import F, Max, QuerySet, Sum, Value

from budgets.models import AmountLine, Budget, BudgetPeriod, Grant
from ledger.pricing import PriceBook
from lib.fields import MoneyField, RateField
from lib.money import quantize
from lib.periods import Window

ZERO = Decimal(0)
_MOMENT = timedelta(microseconds=1)
_LEAST = Decimal("1E-10")  # that is something
_AT_ONCE = 200  # rows of one statement
Kind = AmountLine.Kind
_Stretch = tuple[str, datetime | None, datetime | None]  # kind, from, to
TEMPORARY = (
    Kind.TRANSFER,
    Kind.RAISE,
    Kind.GRANT,
)  # they stand in `adjusted` of periods


class Dated(NamedTuple):
    """By how much the amount is more in [start, end); None: always, for good."""

    amount: Decimal
    start: datetime | None
    end: datetime | None

    def holds(self, at: datetime) -> bool:
        begun = self.start is None or self.start <= at
        return begun and (self.end is None or at < self.end)


@dataclass(slots=True)
class Amounts:
    """The amount of one budget, without what is carried over, as it was and is."""

    lines: list[Dated] = field(default_factory=list)

    def at(self, moment: datetime) -> Decimal:
        return sum((line.amount for line in self.lines if line.holds(moment)), ZERO)

    def of(self, window: Window) -> Decimal:
        """Return the amount of a period: the one it has at its last moment.

        So a change holds for the period in which it is made and those to come.
        """
        return self.at(window.end - _MOMENT)

    @property
    def for_good(self) -> Decimal:
        """What is left once all that ends has ended."""
        return sum((line.amount for line in self.lines if line.end is None), ZERO)


def amounts_of(budget_ids: Collection[int]) -> Mapping[int, Amounts]:
    """Return what budgets may spend, by id. One query."""
    return _by_budget(_own(budget_ids))


def temporary_of(
    budget_ids: Collection[int], *, but: Collection[str] = ()
) -> Mapping[int, Amounts]:
    """Return what budgets have more or less for a while, by id. One query."""
    return _by_budget(_temporary(budget_ids).exclude(kind__in=but))


def lasting_and_temporary(
    budget_ids: Collection[int],
) -> tuple[Mapping[int, Amounts], Mapping[int, Amounts]]:
    """Return `amounts_of` and `temporary_of` together. One query."""
    lasting: dict[int, Amounts] = defaultdict(Amounts)
    temporary: dict[int, Amounts] = defaultdict(Amounts)
    rows = AmountLine.objects.filter(budget__in=budget_ids)
    for kind, budget_id, *dated in (
        rows.exclude(kind=Kind.ROLLOVER)
        .order_by()
        .values_list("kind", "budget_id", "amount", "effective_from", "effective_to")
    ):
        found = temporary if kind in TEMPORARY else lasting
        found[budget_id].lines.append(Dated(*dated))
    return lasting, temporary


def _by_budget(rows: QuerySet[AmountLine]) -> Mapping[int, Amounts]:
    found: dict[int, Amounts] = defaultdict(Amounts)
    for budget_id, *dated in rows.order_by().values_list(
        "budget_id", "amount", "effective_from", "effective_to"
    ):
        found[budget_id].lines.append(Dated(*dated))
    return found


def last_made(budget_ids: Collection[int]) -> Mapping[int, datetime]:
    """Return when the newest line of what is planned was made, by id. One query."""
    rows = _own(budget_ids).order_by().values_list("budget_id")
    return dict(rows.annotate(last=Max("made_at")))


class PastLimits:
    """What one budget may spend in each of its periods, whether they are open or not.

    One query, and one more for the first that is not.
    """

    def __init__(self, budget: Budget, *, since: datetime | None = None) -> None:
        self._budget = budget
        rows = BudgetPeriod.objects.filter(budget=budget)
        if since is not None:
            rows = rows.filter(ends_at__gt=since)
        self._rows = {row.starts_at: row for row in rows}

    def of(self, window: Window) -> Decimal:
        row = self._rows.get(window.start)
        return self._amounts.of(window) if row is None else row.limit

    def with_amount(self, window: Window, amount: Decimal) -> Decimal:
        """Return what it could spend there if its amount had been another."""
        row = self._rows.get(window.start)
        return amount if row is None else row.limit - row.amount + amount

    @cached_property
    def _amounts(self) -> Amounts:
        return amounts_of([self._budget.pk])[self._budget.pk]


def plan_amount(
    budget: Budget, *, now: datetime, reason: str = "", request: UUID | None = None
) -> None:
    """Write down the first line of a new budget: it holds from its start."""
    AmountLine.objects.create(
        organization_id=budget.organization_id,
        budget=budget,
        kind=Kind.PLANNED,
        amount=budget.amount,
        reason=reason,
        request=request,
        made_at=now,
    )


def change_amount(
    budget: Budget,
    currency: str,
    *,
    now: datetime,
    reason: str = "",
    request: UUID | None = None,
) -> None:
    """Write down that *budget*, so far in *currency*, may spend what it now says.

    The periods that are not over get the difference. Call it with the organization
    held alone: whoever opens a period late meanwhile reads the lines before or after.
    """
    if budget.currency != currency:
        _restate(budget, currency, now=now)
    more = budget.amount - amounts_of([budget.pk])[budget.pk].for_good
    if not more:
        return
    lines = _own([budget.pk])
    # Clocks of several machines differ, and a change never comes before another.
    changes = lines.filter(effective_to=None)
    last = changes.aggregate(last=Max("effective_from"))["last"]
    since = max(now, last or now)
    lines.create(
        organization_id=budget.organization_id,
        budget=budget,
        kind=Kind.CHANGE,
        amount=more,
        effective_from=since,
        reason=reason,
        request=request,
        made_at=now,
    )
    difference = Value(more, output_field=MoneyField())
    BudgetPeriod.objects.filter(budget=budget, ends_at__gt=since).update(
        amount=F("amount") + difference
    )


def change_amounts(budgets: Collection[Budget], *, now: datetime, reason: str) -> None:
    """Write down that *budgets*, all of one currency as before, may spend what they now
    say. As `change_amount`, in four queries for a few hundred.
    """
    ids = [budget.pk for budget in budgets]
    before, lines = amounts_of(ids), _own(ids).order_by()
    last = lines.filter(effective_to=None).aggregate(last=Max("effective_from"))["last"]
    since = max(now, last or now)
    more = {one.pk: one.amount - before[one.pk].for_good for one in budgets}
    AmountLine.objects.bulk_create(
        AmountLine(
            organization_id=one.organization_id,
            budget=one,
            kind=Kind.CHANGE,
            amount=more[one.pk],
            effective_from=since,
            reason=reason,
            made_at=now,
        )
        for one in budgets
        if more[one.pk]
    )
    periods = BudgetPeriod.objects.filter(budget__in=ids, ends_at__gt=since)
    rows = list(periods.order_by("pk"))
    for row in rows:
        row.amount += more[row.budget_id]
    BudgetPeriod.objects.bulk_update(rows, ["amount"], batch_size=_AT_ONCE)


def take_back_rollover(budget: Budget, *, now: datetime) -> None:
    """Write down that nothing is carried over any more: its periods are made anew."""
    carried = AmountLine.objects.filter(budget=budget, kind=Kind.ROLLOVER)
    sums = carried.order_by().values_list("effective_from", "effective_to")
    AmountLine.objects.bulk_create(
        AmountLine(
            organization_id=budget.organization_id,
            budget=budget,
            kind=Kind.ROLLOVER,
            amount=-total,
            effective_from=start,
            effective_to=end,
            reason="Taken back: its periods are cut anew",
            made_at=now,
        )
        for start, end, total in sums.annotate(total=Sum("amount"))
        if total
    )


def _restate(budget: Budget, currency: str, *, now: datetime) -> None:
    """Have all lines so far mean the same in the budget's new currency.

    Each stretch is corrected by what the day's rate makes of it. Lines of grants are
    not: they follow from the grants.
    """
    rate = rate_between(budget, currency, now)
    for grant in Grant.objects.filter(budget=budget):
        grant.amount = max(quantize(grant.amount * rate), _LEAST)
        grant.save(update_fields=["amount"])
    sums: dict[_Stretch, Decimal] = defaultdict(Decimal)
    for line in amounts_of([budget.pk])[budget.pk].lines:
        sums[Kind.CORRECTION, line.start, line.end] += line.amount
    columns = "kind", "amount", "effective_from", "effective_to"
    for kind, *dated in (
        _temporary([budget.pk]).exclude(kind=Kind.GRANT).values_list(*columns)
    ):
        line = Dated(*dated)
        sums[kind, line.start, line.end] += line.amount
    corrected = {when: quantize(amount * rate) for when, amount in sums.items()}
    AmountLine.objects.bulk_create(
        AmountLine(
            organization_id=budget.organization_id,
            budget=budget,
            kind=kind,
            amount=corrected[kind, start, end] - amount,
            effective_from=start,
            effective_to=end,
            reason=f"{currency} became {budget.currency} at {rate.normalize():f}",
            made_at=now,
        )
        for (kind, start, end), amount in sums.items()
        if corrected[kind, start, end] != amount
    )


def rate_between(budget: Budget, currency: str, now: datetime) -> Decimal:
    """Return what one of *currency* is worth in the budget's; known to be there."""
    book, own = PriceBook(budget.organization_id), budget.organization.currency
    day = now.astimezone(UTC).date()
    old, new = (
        (book.rate(own, code, day) or book.first_rate(own, code)).rate
        for code in (currency, budget.currency)
    )
    return round(new / old, RateField.places)


def _own(budget_ids: Collection[int]) -> QuerySet[AmountLine]:
    """Return the lines of what is planned: not those that carry over or are for a
    while."""
    rows = AmountLine.objects.filter(budget__in=budget_ids)
    return rows.exclude(kind__in=[Kind.ROLLOVER, *TEMPORARY])


def _temporary(budget_ids: Collection[int]) -> QuerySet[AmountLine]:
    return AmountLine.objects.filter(budget__in=budget_ids, kind__in=TEMPORARY)
