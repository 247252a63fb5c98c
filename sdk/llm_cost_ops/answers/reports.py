"""What a month came to: reports, and who is charged what.

Made by `python -m dev.sdk_types` from what the server answers with: change that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Optional

Day = date  # some have a field that is called so


@dataclass(frozen=True)
class Beside:
    """What was budgeted, and what was spent or is expected."""

    budgeted: Decimal = Decimal(0)
    actual: Decimal = Decimal(0)
    variance: Decimal = Decimal(0)  # More than budgeted is positive.


@dataclass(frozen=True)
class Between:
    """Where an amount lies with a likelihood of `level`."""

    lower: Decimal = Decimal(0)
    upper: Decimal = Decimal(0)
    level: Decimal = Decimal(0)


@dataclass(frozen=True)
class Commentary:
    """What somebody wrote beside a budget's line."""

    budget: str = ""
    text: str = ""  # Why it is off.
    driver: str = ""
    owner: str = ""  # Who sees to it.
    action: str = ""
    due: Optional[Day] = None
    writer: str = ""
    written_at: Optional[datetime] = None


@dataclass(frozen=True)
class ReportRow:
    """A budget's line; lines come in the tree's order, each before those below it."""

    budget: str = ""
    path: tuple[str, ...] = ()  # Names from the report's top down to its own.
    month: Optional[Beside] = None
    year_to_date: Optional[Beside] = None
    full_year: Optional[Beside] = None
    full_year_interval: Optional[Between] = None
    is_material: bool = False  # Its variance needs a comment.
    comment: Optional[Commentary] = None


@dataclass(frozen=True)
class Cause:
    """One part of the way from budget to actual."""

    name: str = ""
    amount: Decimal = Decimal(0)


@dataclass(frozen=True)
class ReportBridge:
    """The way from what was budgeted to what was spent; causes add up exactly."""

    budgeted: Decimal = Decimal(0)
    causes: tuple[Cause, ...] = ()
    actual: Decimal = Decimal(0)


@dataclass(frozen=True)
class ReportDriver:
    """What moved the month."""

    dimension: str = ""
    name: str = ""
    actual: Decimal = Decimal(0)
    before: Decimal = Decimal(0)  # In the month before.
    change: Decimal = Decimal(0)


@dataclass(frozen=True)
class ReportOutlook:
    """Where the year ends."""

    budgeted: Decimal = Decimal(0)
    expected: Optional[Decimal] = None
    interval: Optional[Between] = None
    probability_over: Optional[Decimal] = None
    reason: str = ""  # Why nobody can say; empty: it is said.


@dataclass(frozen=True)
class ReportFigures:
    """All amounts of a report, in its currency."""

    title: str = ""
    currency: str = ""
    timezone: str = ""
    cut_off: Optional[datetime] = None  # What was known then is in it.
    sentence: str = ""
    total: Optional[Beside] = None
    year_to_date: Optional[Beside] = None
    full_year: Optional[Beside] = None
    rows: tuple[ReportRow, ...] = ()
    bridge: Optional[ReportBridge] = None
    drivers: tuple[ReportDriver, ...] = ()
    outlook: Optional[ReportOutlook] = None
    uncounted: Decimal = Decimal(0)  # Spent, and charged to no budget of the report.
    # What the month's cost records come to; None: of a subtree.
    ledger: Optional[Decimal] = None
    notes: tuple[str, ...] = ()  # How figures were reckoned.


@dataclass(frozen=True)
class Report:
    """A report of a month: how far it is, and what became of it."""

    id: str = ""
    organization_id: str = ""
    kind: str = ""  # monthly
    month: str = ""  # Such as 2025-01.
    # Of it and what is below it; None: of the organization.
    budget: Optional[str] = None
    state: str = ""  # queued, running, draft, final, failed
    progress: Decimal = Decimal(0)  # A share: 0.3 is 30 %.
    failure: str = ""  # Why it was not made; empty: it was, or will be.
    revision: int = 0  # 1, and one more with each that replaces another.
    replaces: Optional[str] = None  # The id of the final report before it.
    requested_by: str = ""
    requested_at: Optional[datetime] = None
    made_at: Optional[datetime] = None  # When all that it says was read.
    finalised_by: str = ""
    finalised_at: Optional[datetime] = None
    sha256: str = ""  # Of the PDF of a final report; else empty.


@dataclass(frozen=True)
class ReportDetail(Report):
    """A report with what it says."""

    figures: Optional[ReportFigures] = None  # None: it is not made yet.
    # Ids of budgets whose lines need a comment before it is final.
    missing_comments: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChargebackLine:
    """What one department, team, project or customer is charged."""

    name: str = ""
    direct: Decimal = Decimal(0)
    allocated: Decimal = Decimal(0)  # Of what belongs to nobody.
    total: Decimal = Decimal(0)
    weight: Decimal = Decimal(0)  # By which that was allocated.


@dataclass(frozen=True)
class Frozen:
    """What a month's chargeback was frozen as."""

    revision: int = 0
    sha256: str = ""  # Of the figures, as they are kept.
    replaces: Optional[int] = None  # The revision that it replaces.
    reason: str = ""
    made_at: Optional[datetime] = None
    made_by: str = ""
    is_current: bool = False  # Figures are the same now.


@dataclass(frozen=True)
class Chargeback:
    """A month's costs by whom they are charged to; they add up to the total."""

    month: str = ""
    by: str = ""
    key: str = ""  # spend, requests, heads, fixed, none
    currency: str = ""
    total: Decimal = Decimal(0)
    lines: tuple[ChargebackLine, ...] = ()
    shared: Decimal = Decimal(0)  # What belongs to nobody, before it is allocated.
    unallocated: Decimal = Decimal(0)  # What of it nobody could be given.
    statement: Optional[Frozen] = None  # The last one that was frozen.


@dataclass(frozen=True)
class AllocationShare:
    """What is set of one department, team, project or customer."""

    name: str = ""
    share: Optional[Decimal] = None  # Of shared costs: 0 to 1.
    heads: Optional[int] = None


@dataclass(frozen=True)
class AllocationShares:
    """By what shared costs are allocated with the keys fixed and heads."""

    by: str = ""
    shares: tuple[AllocationShare, ...] = ()
