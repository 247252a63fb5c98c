"""The lines of the budget tree, written out for one reader."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.urls import reverse

from approvals.limits import Wish
from budgets.consolidated import Consolidation, exchanged
from budgets.figures import Status
from budgets.models import Budget
from budgets.status import BudgetStatus
from console.budgets.bars import bar_of, words_of
from console.budgets.marks import NO_MARK, Mark
from console.budgets.templates import budgets_words, each_words
from console.drawings import Bar
from ledger.types import Rate
from lib.humanize import day_words, stretch
from lib.money import format_money, format_percent
from lib.periods import Window

_INSTANT = "%Y-%m-%dT%H:%M:%SZ"  # of a moment in UTC
STATUS_WORDS = {
    "OK": "OK",
    "WARNING": "Warning",
    "CRITICAL": "Critical",
    "EXCEEDED": "Exceeded",
    "NONE": "No data",
}


@dataclass(frozen=True, slots=True)
class Branch:
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
class BudgetRow:
    """One budget; "" stands for what there is nothing to say about."""

    budget: Budget
    place: Branch
    kind: str  # a key of STATUS_WORDS
    word: str
    status: Status  # in the budget's currency
    shown: Status  # in that of the row
    currency: str
    window: Window
    bar: Bar
    bar_words: str
    url: str
    forecast: str  # the address of where it ends
    amounts: str  # the address of what its amount is made of
    records: str  # the address of the cost records that were spent
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
    unpriced: int = 0  # requests whose price is not known: they are in no figure
    mark: Mark = NO_MARK
    wish: Wish | None = None  # what the reader may ask for; None: nothing is lacking


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


TreeLine = BudgetRow | Rest | More


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes rows as one reader has them, at one moment."""

    now: datetime
    locale: str
    common: Window | None  # the page says this one once
    organization: str  # its slug
    consolidation: Consolidation | None = None  # in whose currency amounts are shown
    budgets: str = field(init=False)  # where their pages are
    records: str = field(init=False)

    def __post_init__(self) -> None:
        for name, view in (
            ("budgets", "budgets_budget"),
            ("records", "ledger_costrecord"),
        ):
            object.__setattr__(self, name, reverse(f"admin:{view}_changelist"))

    def money(self, amount: Decimal | None, currency: str) -> str:
        if amount is None:
            return ""
        return _money(amount, currency, self.locale)

    def row(
        self, place: Branch, found: BudgetStatus, allocated: Decimal | None = None
    ) -> BudgetRow:
        budget, position = found.budget, found.position
        status, currency = self._shown(found)
        kind = kind_of(found)
        window = found.window
        used = format_percent(status.utilization, self.locale)
        running = window.start <= self.now < window.end
        return BudgetRow(
            budget=budget,
            place=place,
            kind=kind,
            word=STATUS_WORDS[kind],
            status=found.status,
            shown=status,
            currency=currency,
            window=window,
            bar=bar_of(position, found.status, self.now),
            bar_words=words_of(status, used, self.locale, running=running),
            url=f"{self.budgets}{budget.pk}/page/",
            forecast=f"{self.budgets}{budget.pk}/forecast/",
            amounts=f"{self.budgets}{budget.pk}/amounts/",
            records=(
                f"{self.records}?organization={self.organization}&budget={budget.pk}"
                f"&since={window.start:{_INSTANT}}&until={window.end:{_INSTANT}}"
            ),
            amount=self.money(status.limit, currency),
            carried=self._own(position.carried or None, budget.currency),
            allocated=self.money(allocated, currency),
            spent=self.money(status.total_spend, currency),
            used=used,
            left=self.money(status.remaining_budget, currency),
            reserved=self.money(status.reserved or None, currency),
            daily=self.money(status.burn_rate, currency),
            # Where all is well there is nothing to do, and much to write.
            advice=""
            if kind in {"OK", "NONE"}
            else status.recommended_action(currency, self.locale),
            projected=self.money(status.projected_spend, currency),
            overrun=self.money(status.projected_overrun or None, currency),
            note=self._note(budget, found.window, place.children),
            unpriced=found.unpriced_requests,
        )

    def _shown(self, found: BudgetStatus) -> tuple[Status, str]:
        """Return a status and the currency it is in: the budget's, where no other is
        asked for or no rate is known."""
        own = found.budget.currency
        rate = self._rate_of(own)
        if self.consolidation is None or rate is None:
            return found.status, own
        status = self.consolidation.status(found.status, rate)
        return status, self.consolidation.currency

    def _own(self, amount: Decimal | None, currency: str) -> str:
        """Write an amount of a budget as its row shows amounts."""
        rate = self._rate_of(currency)
        if amount is None or self.consolidation is None or rate is None:
            return self.money(amount, currency)
        return self.money(exchanged(amount, rate), self.consolidation.currency)

    def _rate_of(self, currency: str) -> Rate | None:
        if self.consolidation is None:
            return None
        return self.consolidation.rate_of(currency)

    def _note(self, budget: Budget, window: Window, children: int) -> str:
        """Say what is special about a row: what it makes, and its time."""
        zone = ZoneInfo(budget.timezone)
        notes = []
        if budget.is_template:
            amount = self._own(budget.amount, budget.currency)
            each = each_words(budget.template_for_each)
            notes += [f"{each} {amount}", budgets_words(children)]
        if budget.is_override:
            notes.append("an amount of its own")
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


_money = lru_cache(maxsize=8_192)(format_money)  # most amounts are seen again


def kind_of(found: BudgetStatus) -> str:
    """Return the status people see: one without any request has none."""
    if found.status.status == "OK" and not found.requests:
        return "NONE"
    return found.status.status
