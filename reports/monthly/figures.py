"""What a monthly report says: figures and what they are called, no layout. Pure.

All amounts of one report are in its currency, exact to ten places; whoever shows them
rounds. A variance is what was spent less what was budgeted: more is positive.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from reports.figures import CostPoint


@dataclass(frozen=True, slots=True)
class PlanAndSpend:
    """What was budgeted for a stretch of time, and what was spent in it (or is expected
    to be, by its end)."""

    budgeted: Decimal
    spent: Decimal

    @property
    def variance(self) -> Decimal:
        return self.spent - self.budgeted

    @property
    def share(self) -> Decimal | None:
        """The variance as a share of what was budgeted; None where that is nothing."""
        return self.variance / self.budgeted if self.budgeted else None


@dataclass(frozen=True, slots=True)
class Between:
    """Where an amount lies with a likelihood of *level*, 0.8 for 80 %."""

    lower: Decimal
    upper: Decimal
    level: Decimal


@dataclass(frozen=True, slots=True)
class Comment:
    """Why a row is off, and what comes of it, in its writer's words."""

    text: str
    driver: str
    owner: str
    action: str
    due: date | None
    writer: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A budget's line of the variance table. Rows come in the tree's order; one with
    rows below it is their subtotal, as a budget counts what is below it."""

    budget: UUID
    path: tuple[str, ...]  # names from the top of the report down to its own
    has_children: bool
    owner: str
    month: PlanAndSpend
    year_to_date: PlanAndSpend
    full_year: PlanAndSpend  # spent so far and expected until the year's end
    full_year_between: Between | None
    is_material: bool  # its variance needs a comment
    comment: Comment | None

    @property
    def depth(self) -> int:
        return len(self.path) - 1


@dataclass(frozen=True, slots=True)
class BridgeCause:
    """One part of the way from budget to actual: volume, price, mix or currency."""

    name: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Bridge:
    """The way from what was budgeted to what was spent; its causes add up exactly."""

    budgeted: Decimal
    causes: tuple[BridgeCause, ...]
    spent: Decimal


@dataclass(frozen=True, slots=True)
class ReportDriver:
    """What moved the month: a model, a project, a person beside the month before."""

    dimension: str
    name: str
    spent: Decimal
    before: Decimal

    @property
    def change(self) -> Decimal:
        return self.spent - self.before


@dataclass(frozen=True, slots=True)
class YearOutlook:
    """Where the year ends; or *reason*, why nobody can say."""

    expected: Decimal | None
    between: Between | None
    budgeted: Decimal
    probability_over: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class MonthPoint:
    """A month of the year. One that is under way has been spent in, and is expected to
    come to more: *expected* is what it comes to as a whole."""

    month: date  # its first day
    budgeted: Decimal
    spent: Decimal | None  # None: still to come
    expected: Decimal | None  # None: over, or nobody can say
    between: Between | None


@dataclass(frozen=True, slots=True)
class DecisionNeeded:
    """What somebody has to decide: a request, a limit that is met, a comment."""

    words: str
    link: str  # the address of the page where it is decided


@dataclass(frozen=True, slots=True)
class ReportedAlert:
    fired_at: datetime
    path: tuple[str, ...]
    severity: str
    words: str
    state: str
    answered_by: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApprovalLine:
    asked_at: datetime
    path: tuple[str, ...]  # empty: of a budget that is asked for
    kind: str
    amount: Decimal
    currency: str  # its own
    requester: str
    state: str
    decided_by: tuple[str, ...]
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class OverrideLine:
    """What somebody did past the rules: an exception, a switch, a changed amount, a
    correction of usage."""

    at: datetime
    actor: str
    words: str
    reason: str


@dataclass(frozen=True, slots=True)
class LateLine:
    """What came after its period had ended."""

    path: tuple[str, ...]
    amount: Decimal


@dataclass(frozen=True, slots=True)
class UnpricedLine:
    """What was used and has no price."""

    provider: str
    model: str
    kinds: tuple[str, ...]  # empty: all of it
    records: int


@dataclass(frozen=True, slots=True)
class TrailEnd:
    """The last entry of the organization's trail: whoever keeps it can tell whether the
    trail was changed afterwards."""

    number: int
    digest: str  # hex; empty: there is no trail yet
    at: datetime | None


@dataclass(frozen=True, slots=True)
class SignOff:
    role: str  # "Prepared by"
    name: str  # empty: still to be signed
    at: datetime | None


@dataclass(frozen=True, slots=True)
class MonthlyFigures:
    """All that one report says."""

    organization: str
    title: str  # the organization's name, or the path of the subtree's top
    currency: str
    locale: str  # how amounts and dates are written, and its language: "de_DE"
    zone: str
    month: date  # its first day
    cut_off: datetime  # what was known then is in it, nothing later
    is_draft: bool
    revision: int  # of the report of this month, from 1
    replaces: str  # digest of the final report that it takes the place of; "": of none
    sentence: str
    # Of the tops of the report, each cost once.
    total: PlanAndSpend
    total_year_to_date: PlanAndSpend
    total_full_year: PlanAndSpend
    rows: tuple[ReportRow, ...]
    threshold: Decimal  # money: a variance beyond it, and beyond the share, is material
    threshold_share: Decimal
    bridge: Bridge
    drivers: tuple[ReportDriver, ...]
    outlook: YearOutlook
    decisions: tuple[DecisionNeeded, ...]
    # Summed up: what was spent by the end of each day, and budgeted as *expected*. A
    # day that is to come has spent None.
    days: tuple[CostPoint, ...]
    year: tuple[MonthPoint, ...]  # all its months, in order
    alerts: tuple[ReportedAlert, ...]
    approvals: tuple[ApprovalLine, ...]
    overrides: tuple[OverrideLine, ...]
    late: tuple[LateLine, ...]
    unpriced: tuple[UnpricedLine, ...]
    uncounted: Decimal  # spent in the month and charged to no budget of the report
    # What the ledger's records of the month come to: total and uncounted. None in the
    # report of a subtree, whose *uncounted* is 0.
    ledger: Decimal | None
    notes: tuple[str, ...]  # how figures were reckoned, a sentence each
    sign_offs: tuple[SignOff, ...]
    trail: TrailEnd
