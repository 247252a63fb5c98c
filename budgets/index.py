"""The budgets of an organization as charging sees them: pure, and held in memory.

A record charges every budget whose scope matches it and whose dates contain its time,
and all their ancestors whose dates contain it too; each once.
"""

from collections import Counter
from collections.abc import (
    Collection,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from budgets.scopes import TAG_SIGNS, BudgetScope, Tags, tags_as_listed
from budgets.templates import ForEach
from budgets.thresholds import Basis, shares_of
from ledger.usage import KEY_TAG
from lib.measures import mark_of
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
    currency: str  # "" when it is the organization's; or what it counts, see measures
    thresholds: tuple[Decimal, ...] = ()  # shares of the limit, ascending
    hard: bool = False  # no authorization passes its limit
    alerts: tuple[Decimal, ...] = ()  # shares that those below may inherit
    committed: bool = False  # what is set aside is held against its limit, too
    level: int = 0  # depth: 0 for a root
    # The period and clock hour last asked for: most questions come close together.
    period: "PeriodRef | None" = None
    hour: Window | None = None
    is_rule: bool = False  # a template: it matches nothing itself

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


class NewValue(NamedTuple):
    """That a template makes a budget for a value, and has none yet."""

    template_id: int
    value: str


@dataclass(frozen=True, slots=True)
class IndexedTemplate:
    """A budget that makes budgets: for what, and for which values it has."""

    budget_id: int
    each: ForEach
    scope: BudgetScope
    hard: bool
    values: frozenset[str]  # that have a budget, as far as is known
    is_full: bool = False  # it makes no more, and `values` are all

    def lacking(self, dimensions: Mapping[str, str], tags: Tags) -> list[str]:
        """Return the values of a cost that are not known to have a budget."""
        if not self.scope.matches(dimensions, tags):
            return []
        found = self.each.values(dimensions, tags)
        return [value for value in found if value not in self.values]

    def plus(self, made: Iterable[NewValue], full: Collection[int]) -> Self:
        """Return it as it is once there are budgets *made* for further values."""
        mine = {value for maker, value in made if maker == self.budget_id}
        return replace(
            self,
            values=self.values | mine,
            is_full=self.is_full or self.budget_id in full,
        )


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
    """All budgets of one organization that can be charged.

    What templates make may be known of in part: see `new_values` and `plus`.
    """

    budgets: Mapping[int, IndexedBudget]
    templates: Sequence[IndexedTemplate] = ()
    # Whether anybody is to be told of what is spent and set aside.
    watches_committed: bool = field(init=False)
    # By what whatever they match has: a dimension's value, a tag as lists write it.
    # By None: what matches them may have anything.
    _by_value: "_Finders" = field(init=False, default_factory=dict)
    _by_tag: "_Finders" = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.watches_committed = any(one.committed for one in self.budgets.values())
        for budget in self.budgets.values():
            self._place(budget)
            for finders, key in self._finders(budget):
                finders.setdefault(key, []).append(budget)

    def plus(
        self, made: Mapping[NewValue, IndexedBudget], full: Collection[int] = ()
    ) -> "BudgetIndex":
        """Return an index that knows more budgets, *made* by templates, and that those
        with an id in *full* make no more; this one stays as it is."""
        more = copy(self)
        more.templates = [template.plus(made, full) for template in self.templates]
        more.add([one for one in made.values() if one.id not in self.budgets])
        return more

    def add(self, new: Collection[IndexedBudget]) -> None:
        """Know *new* budgets too. What was handed out before stays as it is."""
        self.budgets = {**self.budgets, **{budget.id: budget for budget in new}}
        self.watches_committed |= any(budget.committed for budget in new)
        self._by_value, self._by_tag = dict(self._by_value), dict(self._by_tag)
        for budget in new:
            self._place(budget)
            for finders, key in self._finders(budget):
                finders[key] = [*finders.get(key, ()), budget]

    def _place(self, budget: IndexedBudget) -> None:
        above = list(self.ancestors(budget))
        budget.level = len(above)
        # Shares of those above may be rules that this one inherits: alerts know.
        inherited = {share for one in above for share in one.alerts}
        if inherited and budget.thresholds:
            budget.thresholds = tuple(sorted(inherited.union(budget.thresholds)))

    def _finders(self, budget: IndexedBudget) -> Iterator[tuple["_Finders", Hashable]]:
        """Yield where *budget* is looked for: a template nowhere, for it makes those
        that match."""
        if budget.is_rule:
            return
        found = budget.scope.finders()
        if found is not None:
            yield from ((self._by_value, finder) for finder in found)
        elif valued := next((tag for tag in budget.scope.tags if tag[1]), None):
            yield from ((self._by_tag, sign.join(valued)) for sign in TAG_SIGNS)
        else:
            yield self._by_value, None

    def new_values(self, dimensions: Mapping[str, str], tags: Tags) -> list[NewValue]:
        """Return the budgets that a cost lacks, as far as is known here.

        Until they are made, or found, nobody may say whom it charges.
        """
        return self._lacking(dimensions, tags, is_full=False)

    @property
    def counts_by_key(self) -> bool:
        """Tell whether it matters which API key usage comes by."""
        return any(template.each.tag == KEY_TAG for template in self.templates)

    def barred(self, dimensions: Mapping[str, str], tags: Tags) -> list[NewValue]:
        """Return for which values a hard template makes no budget, for it is full."""
        found = self._lacking(dimensions, tags, is_full=True)
        return [one for one in found if one.template_id in self._hard_templates]

    def hard_limits_of(
        self, dimensions: Mapping[str, str], tags: Tags
    ) -> set[Hashable]:
        """Return what stands for the hard limits of a cost, those to be made too."""
        charges = self.charges_of(dimensions, tags)
        there = {charge.budget.id for charge in charges if charge.budget.hard}
        lacking = self.new_values(dimensions, tags)
        return {
            *there,
            *(one for one in lacking if one.template_id in self._hard_templates),
        }

    @property
    def _hard_templates(self) -> set[int]:
        return {template.budget_id for template in self.templates if template.hard}

    def _lacking(
        self, dimensions: Mapping[str, str], tags: Tags, *, is_full: bool
    ) -> list[NewValue]:
        return [
            NewValue(template.budget_id, value)
            for template in self.templates
            if template.is_full is is_full
            for value in template.lacking(dimensions, tags)
        ]

    def ancestors(self, budget: IndexedBudget) -> Iterable[IndexedBudget]:
        """Walk up from the parent of *budget* to the root."""
        while budget.parent_id is not None:
            budget = self.budgets[budget.parent_id]
            yield budget

    def matched(self, dimensions: Mapping[str, str], tags: Tags) -> list[IndexedBudget]:
        """Return the budgets whose own scope matches, whatever their dates."""
        candidates = list(self._by_value.get(None, ()))
        for dimension, value in dimensions.items():
            candidates += self._by_value.get((dimension, value), ())
        if self._by_tag:
            for text in tags_as_listed(tags):
                candidates += self._by_tag.get(text, ())
        # A model and its version may both lead to one, and so may several tags.
        once = dict.fromkeys(candidates)
        return [budget for budget in once if budget.scope.matches(dimensions, tags)]

    def charges_of(
        self, dimensions: Mapping[str, str], tags: Tags
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


_Finders = dict[Hashable, list[IndexedBudget]]


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
    budgets, templates = {}, list[Any]()
    values: dict[int, set[str]] = {}
    in_use: Counter[int] = Counter()
    for row in rows:
        budgets[row.pk] = indexed(row, organization)
        if row.template_for_each and not row.archived_at:
            templates.append(row)
        if row.template_of_id:
            values.setdefault(row.template_of_id, set()).add(row.template_value)
            in_use[row.template_of_id] += not row.archived_at
    return BudgetIndex(
        budgets,
        [
            IndexedTemplate(
                row.pk,
                each := ForEach.of(row.template_for_each),
                BudgetScope.of(row.scope),
                row.enforcement == "hard",
                frozenset(map(each.one_name, values.get(row.pk, ()))),
                is_full=in_use[row.pk] >= row.template_most,
            )
            for row in templates
        ],
    )


def indexed(row: Any, organization: Any) -> IndexedBudget:
    """Return the *row* of a budget as charging sees it, not placed in a tree yet."""
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
    is_rule = bool(row.template_for_each)
    return IndexedBudget(
        row.pk,
        row.parent_id,
        BudgetScope.of(row.scope),
        calendar,
        mark_of(currency),
        # A template's amount is each of its budgets', so it has nothing to pass.
        () if is_rule else tuple(sorted({*built_in, *alerts})),
        row.enforcement == "hard" and not is_rule,
        alerts,
        committed=bool(shares_of(row.alerts, Basis.COMMITTED)) and not is_rule,
        is_rule=is_rule,
    )
