"""The budget tree as people see it: which rows are drawn, and in which order."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from accounts.models import Organization
from budgets.consolidated import ConsolidatedTree, Consolidation
from budgets.figures import StatusName, status_of
from budgets.models import Budget
from budgets.scopes import BudgetScope
from budgets.status import ZERO, BudgetStatus, statuses
from budgets.tree import BudgetTree, leaves_of
from console.budgets.lines import (
    Branch,
    BudgetRow,
    More,
    Rest,
    TreeLine,
    Writer,
    kind_of,
)
from forecasts.endings import with_endings
from lib.money import COUNTED, format_money, share
from lib.periods import Window

MOST_ROWS = 150  # drawn at once; more are fetched in place
DEPTH = 2  # levels below the roots that are open at first
FAMILY = 100  # children fetched at once


@dataclass(frozen=True, slots=True)
class Filters:
    """What the reader looks for; empty: everything."""

    q: str = ""
    status: str = ""
    owner: str = ""
    period: str = ""

    @property
    def any(self) -> bool:
        return bool(self.q or self.status or self.owner or self.period)


@dataclass(frozen=True, slots=True)
class Total:
    """The sums of roots of one currency and period that share no costs."""

    limit: Decimal
    spent: Decimal
    projected: Decimal | None
    currency: str
    window: Window

    @property
    def left(self) -> Decimal:
        return self.limit - self.spent

    @property
    def used(self) -> Decimal | None:
        return share(self.spent, self.limit)


class Outline(BudgetTree):
    """The budgets of one organization around a moment, to be drawn for one reader.

    Given a *currency*, with amounts in it. One query to make, two more for a moment
    that is over, and two for rates.
    """

    def __init__(
        self,
        organization: Organization,
        at: datetime,
        now: datetime,
        locale: str,
        *,
        archived: bool = False,
        currency: str = "",
    ) -> None:
        super().__init__(leaves_of(organization, at=at, now=now, archived=archived))
        self.organization, self.at, self.now = organization, at, now
        self.locale = locale
        self.common: Window | None = None  # that most have
        self.consolidated = (
            ConsolidatedTree(self, Consolidation(organization, currency, at))
            if currency
            else None
        )
        self.shown: BudgetTree = self.consolidated or self  # whose sums are drawn

    # -- Which

    def opened(self, roots: list[int]) -> set[int]:
        """Return which budgets are open at first: whole levels, as long as they fit."""
        opened: set[int] = set()
        level, drawn = roots, len(roots)
        for _ in range(DEPTH):
            # A template is one row, until it is unfolded.
            level = [one for one in level if not self.leaves[one].template_for_each]
            below = [child for one in level for child in self.families.get(one, ())]
            if drawn + len(below) > MOST_ROWS:
                break
            opened.update(one for one in level if one in self.families)
            level, drawn = below, drawn + len(below)
        return opened

    def found(self, filters: Filters, among: Iterable[int]) -> set[int]:
        """Return the budgets that *filters* keep. For a status: two queries."""
        words = filters.q.casefold().split()
        kept = {
            one
            for one in among
            if all(word in self.leaves[one].name.casefold() for word in words)
            and filters.owner in {"", str(self.leaves[one].owner_id or "none")}
            and filters.period in {"", self.leaves[one].period}
        }
        if not filters.status:
            return kept
        described = self.describe(kept)
        return {one for one in kept if kind_of(described[one]) == filters.status}

    def troubled(self, among: Iterable[int]) -> Counter[StatusName]:
        """Count the budgets that are past a threshold in the period at the moment."""
        names = (
            self.leaves[one].status
            for one in among
            if self.leaves[one].archived_at is None
        )
        return Counter(name for name in names if name != "OK")

    # -- How they stand

    def describe(self, ids: Iterable[int]) -> dict[int, BudgetStatus]:
        """Return where budgets stand, judged as of the present. Two queries."""
        # With all that are above them, for these are read as a whole tree.
        whole = {leaf.id for one in ids for leaf in self.path(one)}
        budgets = Budget.objects.filter(pk__in=whole).select_related(
            "owner", "backfill"
        )
        described = statuses(budgets, self.organization, at=self.at)
        if self.at == self.now:
            return described
        return {
            pk: replace(found, status=status_of(found.position, self.now))
            for pk, found in described.items()
        }

    def foreseen(self, ids: Iterable[int]) -> dict[int, BudgetStatus]:
        """Return where budgets stand, and where they are forecast to end.

        Three queries, more when the day's forecasts are not stored yet.
        """
        described = self.describe(ids)
        shown = {one: described[one] for one in ids}
        if self.at != self.now:
            return shown
        return with_endings(self.organization, shown, self.now)

    def lines(
        self, roots: list[int], opened: set[int], kept: set[int] | None = None
    ) -> list[TreeLine]:
        """Return the lines from *roots* down: of *kept* and what is above them."""
        shown = kept and {leaf.id for one in kept for leaf in self.path(one)}
        plan = list(_plan(self, roots, opened, shown))
        if kept is not None:
            plan = [
                replace(step, is_found=step.id in kept)
                if isinstance(step, Branch)
                else step
                for step in plan
            ]
        return self._written(plan)

    def children(self, parent_id: int, *, level: int, after: int = 0) -> list[TreeLine]:
        """Return the lines of one family, from its member number *after* on."""
        family = self.families.get(parent_id, [])
        part = family[after : after + FAMILY]
        plan: list[Branch | More | Rest | None] = [
            self.place(one, level, number, len(family))
            for number, one in enumerate(part, start=after + 1)
        ]
        left = len(family) - after - len(part)
        if left:
            plan.append(More(parent_id, level, left, after + len(part)))
        else:
            plan.append(self.rest(parent_id, level))
        return self._written(plan)

    def place(self, budget_id: int, level: int, number: int, siblings: int) -> Branch:
        path = " / ".join(leaf.name for leaf in self.path(budget_id))
        children = len(self.families.get(budget_id, ()))
        return Branch(budget_id, level, number, siblings, path, children)

    def _written(self, plan: Iterable[Branch | More | Rest | None]) -> list[TreeLine]:
        steps = [step for step in plan if step is not None]
        ids = [step.id for step in steps if isinstance(step, Branch)]
        described = self.foreseen(ids)
        if self.common is None:
            self.common = _most_common(described)
        writer = Writer(
            self.now,
            self.locale,
            self.common,
            self.organization.slug,
            self.consolidated.consolidation if self.consolidated else None,
        )
        return [
            writer.row(step, described[step.id], self._allocated_shown(step.id))
            if isinstance(step, Branch)
            else step
            for step in steps
        ]

    def _allocated_shown(self, budget_id: int) -> Decimal | None:
        """Return what is promised below; None of a template (it is all it has), and
        where that is not known."""
        if self.leaves[budget_id].template_for_each or self._lacking(budget_id):
            return None
        return self.shown.allocated(budget_id)

    def _lacking(self, budget_id: int) -> list[str]:
        """Return the currencies without a rate that the sums of a budget take."""
        return self.consolidated.lacking(budget_id) if self.consolidated else []

    def rest(self, parent_id: int, level: int) -> Rest | None:
        parent = self.shown.leaves[parent_id]
        if lacking := self._lacking(parent_id):
            if not self.families.get(parent_id):
                return None
            text = f"no rate for {', '.join(lacking)}: what is unallocated is not known"
            return Rest(parent_id, level, text, parent.name, is_over=False)
        allocated = self.shown.allocated(parent_id)
        if allocated is None or allocated == parent.promised:
            return None
        rest = parent.promised - allocated
        shown = self.money(abs(rest), parent.currency)
        word = "unallocated" if rest > 0 else "over-allocated by"
        return Rest(parent_id, level, f"{word} {shown}", parent.name, rest < 0)

    def money(self, amount: Decimal, currency: str) -> str:
        return format_money(amount, currency, self.locale)


def total_of(rows: list[BudgetRow]) -> Total | None:
    """Return the sums of roots; None where they would mean nothing.

    Of those that count money, if any does.
    """
    rows = [row for row in rows if row.currency not in COUNTED] or rows
    if not rows:
        return None
    first = rows[0]
    alike = {(row.window, row.currency) for row in rows}
    scopes = [BudgetScope.of(row.budget.scope) for row in rows]
    if len(alike) > 1 or any(
        one.overlaps(other)
        for number, one in enumerate(scopes)
        for other in scopes[:number]
    ):
        return None
    projected = [row.shown.projected_spend for row in rows]
    known = [amount for amount in projected if amount is not None]
    return Total(
        sum((row.shown.limit for row in rows), ZERO),
        sum((row.shown.total_spend for row in rows), ZERO),
        sum(known, ZERO) if len(known) == len(rows) else None,
        first.currency,
        first.window,
    )


def _plan(
    outline: Outline,
    ids: list[int],
    opened: set[int],
    shown: set[int] | None,
    level: int = 1,
) -> Iterator[Branch | More | Rest | None]:
    family = ids if shown is None else [one for one in ids if one in shown]
    part = family[:MOST_ROWS]
    for number, one in enumerate(part, start=1):
        below = outline.families.get(one, [])
        is_open = one in opened
        if shown is not None:
            is_open = any(child in shown for child in below)
        place = outline.place(one, level, number, len(family))
        yield replace(place, is_open=is_open)
        if is_open:
            yield from _plan(outline, below, opened, shown, level + 1)
            if shown is None:
                yield outline.rest(one, level + 1)
    if len(part) < len(family):
        yield More(None, level, len(family) - len(part), len(part))


def _most_common(described: Mapping[int, BudgetStatus]) -> Window | None:
    """Return the window that most have, which is said once for the page."""
    windows = [one.window for one in described.values()]
    return max(windows, key=windows.count, default=None)
