"""The lines of the budget tree, written out for one reader."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from budgets.bars import Bar, bar_of
from budgets.figures import Status
from budgets.models import Budget
from budgets.status import BudgetStatus
from costops.lib.money import format_money, format_percent
from costops.lib.periods import Window
from costops.lib.reading import day_words, stretch

STATUS_WORDS = {
    "OK": "OK",
    "WARNING": "Warning",
    "CRITICAL": "Critical",
    "EXCEEDED": "Exceeded",
    "NONE": "No data",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a budget stands among those that are drawn."""

    id: int
    level: int  # from 1
    number: int  # among its siblings, from 1
    siblings: int
    path: str  # the names above it and its own
    children: int
    is_open: bool = False
    is_found: bool = True  # False: there only because something below it was found


@dataclass(frozen=True, slots=True)
class Row:
    """One budget; "" stands for what there is nothing to say about."""

    budget: Budget
    place: Place
    kind: str  # a key of STATUS_WORDS
    word: str
    status: Status
    window: Window
    bar: Bar
    amount: str
    carried: str
    allocated: str
    spent: str
    used: str
    left: str
    reserved: str
    daily: str
    advice: str
    projected: str
    overrun: str
    note: str


@dataclass(frozen=True, slots=True)
class Rest:
    """The thin last child: what of a parent is promised to nobody, or too often."""

    parent_id: int
    level: int
    text: str
    of: str  # the parent's name
    is_over: bool


@dataclass(frozen=True, slots=True)
class More:
    """A line that stands for siblings not drawn yet."""

    parent_id: int | None
    level: int
    count: int
    after: int


Line = Row | Rest | More


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes rows as one reader has them, at one moment."""

    now: datetime
    locale: str
    common: Window | None  # the page says this one once

    def money(self, amount: Decimal | None, currency: str) -> str:
        if amount is None:
            return ""
        return format_money(amount, currency, self.locale)

    def row(
        self, place: Place, found: BudgetStatus, allocated: Decimal | None = None
    ) -> Row:
        status, budget, position = found.status, found.budget, found.position
        currency = budget.currency
        kind = kind_of(found)
        extra = position.carried_over + position.adjusted
        return Row(
            budget=budget,
            place=place,
            kind=kind,
            word=STATUS_WORDS[kind],
            status=status,
            window=found.window,
            bar=bar_of(position, status, self.now, self.locale),
            amount=self.money(status.limit, currency),
            carried=self.money(extra or None, currency),
            allocated=self.money(allocated, currency),
            spent=self.money(status.total_spend, currency),
            used=format_percent(status.utilization, self.locale),
            left=self.money(status.remaining_budget, currency),
            reserved=self.money(status.reserved or None, currency),
            daily=self.money(status.burn_rate, currency),
            advice=status.recommended_action(currency, self.locale),
            projected=self.money(status.projected_spend, currency),
            overrun=self.money(status.projected_overrun or None, currency),
            note=self._note(budget, found.window),
        )

    def _note(self, budget: Budget, window: Window) -> str:
        """Say what is special about a row's time."""
        zone = ZoneInfo(budget.timezone)
        notes = []
        if budget.archived_at:
            notes.append(f"archived {day_words(budget.archived_at, zone)}")
        elif budget.ends_at and budget.ends_at <= self.now:
            notes.append(f"ended {day_words(budget.ends_at, zone, is_end=True)}")
        elif budget.starts_at > self.now:
            notes.append(f"begins {day_words(budget.starts_at, zone)}")
        if window != self.common:
            notes.append(stretch(window, zone))
        if budget.backfill is not None:
            done = format_percent(Decimal(str(budget.backfill.share_done)), self.locale)
            notes.append(f"counting what was spent before: {done} done")
        return " · ".join(notes)


def kind_of(found: BudgetStatus) -> str:
    """Return the status people see: one without any request has none."""
    if found.status.status == "OK" and not found.requests:
        return "NONE"
    return found.status.status
