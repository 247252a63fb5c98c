"""The budgets of an organization as charging sees them: pure, and held in memory.

A record charges every budget whose scope matches it and whose dates contain its time,
and all their ancestors whose dates contain it too; each once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from budgets.scopes import BudgetScope
from budgets.thresholds import Basis, shares_of
from lib.periods import Cadence, Calendar, Window

FOREVER = datetime(2200, 1, 1, tzinfo=UTC)  # the end of what has none
ALWAYS = datetime(1900, 1, 1, tzinfo=UTC)

Interval = tuple[datetime, datetime]  # [start, end)
# The lock order of periods: deepest budget first, the root last; then id and start.
LockPlace = tuple[int, int, datetime]


@dataclass(slots=True, eq=False)
class IndexedBudget:
    """One budget: what it matches, when it lives, how it counts time."""

    id: int
    parent_id: int | None
    scope: BudgetScope
    calendar: Calendar
    currency: str  # "" when it is the organization's
    thresholds: tuple[Decimal, ...] = ()  # shares of the limit, ascending
    hard: bool = False  # no authorization passes its limit
    alerts: tuple[Decimal, ...] = ()  # shares that those below may inherit
    committed: bool = False  # what is set aside is held against its limit, too
    level: int = 0  # depth: 0 for a root
    # The period and clock hour last asked for: most questions come close together.
    period: "PeriodRef | None" = None
    hour: Window | None = None

    @property
    def life(self) -> Interval:
        return self.calendar.starts_at or ALWAYS, self.calendar.ends_at or FOREVER

    def window_at(self, at: datetime) -> Window:
        """Return the period that contains *at*, which is in the budget's life."""
        return self.period_at(at).window

    def period_at(self, at: datetime) -> "PeriodRef":
        """Return what `window_at` does, as what is charged."""
        period = self.period
        if period is None or at not in period.window:
            period = self.period = PeriodRef(self, self.calendar.window_of(at))
        return period

    def hour_at(self, at: datetime) -> Window:
        hour = self.hour
        if hour is None or at not in hour:
            hour = self.hour = self.calendar.hour_at(at)
        return hour

    def may_cross(self, spent: Decimal, limit: Decimal) -> bool:
        """Tell quickly whether *spent* can have come to any threshold at all."""
        return bool(self.thresholds) and is_passed(spent, limit, self.thresholds[0])


@dataclass(frozen=True, slots=True)
class Charge:
    """That *budget* is charged for one attribution during [start, end)."""

    budget: IndexedBudget
    start: datetime
    end: datetime


@dataclass(slots=True, eq=False)
class PeriodRef:
    """One period of one budget, as a stretch of time charges it.

    Two may mean the same period, though mostly they are one: then `place` is the same.
    Told apart by identity, for hashing two datetimes costs more than charging.
    """

    budget: IndexedBudget
    window: Window
    currency: str = field(init=False)
    key: tuple[int, datetime] = field(init=False)  # budget id, start
    place: LockPlace = field(init=False)
    starts_at: str = field(init=False)  # ISO 8601

    def __post_init__(self) -> None:
        self.currency = self.budget.currency
        self.starts_at = self.window.start.isoformat()
        self.key = self.budget.id, self.window.start
        self.place = -self.budget.level, *self.key


@dataclass(slots=True)
class BudgetIndex:
    """All budgets of one organization that can be charged."""

    budgets: Mapping[int, IndexedBudget]
    # Whether anybody is to be told of what is spent and set aside.
    watches_committed: bool = field(init=False)
    _anywhere: list[IndexedBudget] = field(init=False, default_factory=list)
    _by_value: dict[tuple[str, str], list[IndexedBudget]] = field(
        init=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        self.watches_committed = any(one.committed for one in self.budgets.values())
        for budget in self.budgets.values():
            above = list(self.ancestors(budget))
            budget.level = len(above)
            # Shares of those above may be rules that this one inherits: alerts know.
            if inherited := {share for one in above for share in one.alerts}:
                budget.thresholds = tuple(sorted(inherited.union(budget.thresholds)))
            finders = budget.scope.finders()
            if finders is None:
                self._anywhere.append(budget)
                continue
            for finder in finders:
                self._by_value.setdefault(finder, []).append(budget)

    def ancestors(self, budget: IndexedBudget) -> Iterable[IndexedBudget]:
        """Walk up from the parent of *budget* to the root."""
        while budget.parent_id is not None:
            budget = self.budgets[budget.parent_id]
            yield budget

    def matched(
        self, dimensions: Mapping[str, str], tags: Mapping[str, str] | Iterable[str]
    ) -> list[IndexedBudget]:
        """Return the budgets whose own scope matches, whatever their dates."""
        candidates = list(self._anywhere)
        for dimension, value in dimensions.items():
            candidates += self._by_value.get((dimension, value), ())
        # A model and its version may both lead to one.
        once = dict.fromkeys(candidates)
        return [budget for budget in once if budget.scope.matches(dimensions, tags)]

    def charges_of(
        self, dimensions: Mapping[str, str], tags: Mapping[str, str] | Iterable[str]
    ) -> tuple[Charge, ...]:
        """Return who is charged for an attribution and when, root last.

        The stretches of one budget neither overlap nor touch.
        """
        lives: dict[int, list[Interval]] = {}
        for budget in self.matched(dimensions, tags):
            own = budget.life
            lives.setdefault(budget.id, []).append(own)
            for ancestor in self.ancestors(budget):
                lives.setdefault(ancestor.id, []).append(_common(own, ancestor.life))
        charges = [
            Charge(self.budgets[budget_id], start, end)
            for budget_id, intervals in lives.items()
            for start, end in union(intervals)
        ]
        # The lock order of periods: deepest first, the root last.
        charges.sort(key=lambda charge: (-charge.budget.level, charge.budget.id))
        return tuple(charges)


def is_passed(spent: Decimal, limit: Decimal, share: Decimal) -> bool:
    """Tell whether *spent* has come to *share* of *limit*.

    By multiplying: a division would round what is exactly there. Of a limit of nothing,
    or of less, there are no shares: what passes it passes all of them.
    """
    return spent >= share * limit if limit > 0 else spent > limit


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Join intervals that overlap or touch; drop empty ones; sorted by start."""
    joined: list[Interval] = []
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _common(one: Interval, other: Interval) -> Interval:
    return max(one[0], other[0]), min(one[1], other[1])


def cut(charges: Iterable[Charge], at: datetime) -> tuple[Interval, list[PeriodRef]]:
    """Return what is charged at a moment, and how long around it that stays the same.

    Within the returned stretch every budget has one period and one clock hour.
    """
    start, end = ALWAYS, FOREVER
    periods = []
    for charge in charges:
        if at < charge.start:
            end = min(end, charge.start)
        elif at >= charge.end:
            start = max(start, charge.end)
        else:
            period, hour = charge.budget.period_at(at), charge.budget.hour_at(at)
            start = max(start, charge.start, period.window.start, hour.start)
            end = min(end, charge.end, period.window.end, hour.end)
            periods.append(period)
    return (start, end), periods


def index_of(rows: Iterable[Any], organization: Any) -> BudgetIndex:
    """Build the index from *rows* of budgets and their *organization*."""
    budgets = {}
    for row in rows:
        calendar = Calendar(
            cadence=Cadence(row.period),
            zone=ZoneInfo(row.timezone),
            fiscal_month=organization.fiscal_year_start_month,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
        )
        currency = "" if row.currency == organization.currency else row.currency
        alerts = shares_of(row.alerts, Basis.SPENT)
        built_in = row.warning_threshold, row.critical_threshold, Decimal(1)
        budgets[row.pk] = IndexedBudget(
            row.pk,
            row.parent_id,
            BudgetScope.of(row.scope),
            calendar,
            currency,
            tuple(sorted({*built_in, *alerts})),
            row.enforcement == "hard",
            alerts,
            bool(shares_of(row.alerts, Basis.COMMITTED)),
        )
    return BudgetIndex(budgets)
