"""Closing a month: journals, the lock, and feeds.

Made by `python -m dev.sdk_types` from what the server answers with: change that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Optional

Day = date  # some have a field that is called so


@dataclass(frozen=True)
class JournalMapping:
    """The accounts that costs of a scope go to; of several the most specific holds."""

    # As a budget's; empty: everything.
    scope: dict[str, Any] = field(default_factory=dict)
    expense_account: str = ""  # What is debited.
    liability_account: str = ""  # What is credited.
    cost_center: str = ""
    department: str = ""
    class_name: str = ""


@dataclass(frozen=True)
class JournalSettings:
    """How the files of journals are written."""

    # Gets what rounding leaves; empty: where the dearest amount goes.
    rounding_account: str = ""
    decimals: Optional[int] = None  # None: as many as the currency has.
    date_order: str = ""  # Of days in files for NetSuite and QuickBooks.
    subsidiary: str = ""  # In NetSuite.
    tax_rate: str = ""  # In Xero: its full name.
    tracking_department: str = ""  # Xero's category; empty: not tracked.
    tracking_cost_center: str = ""
    tracking_class: str = ""


@dataclass(frozen=True)
class JournalFile:
    """A file, and what its bytes have to be."""

    name: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Journal:
    """One posting of a month: its accrual or a correction, and its reversal."""

    external_id: str = ""
    month: str = ""  # Such as 2025-01, in the organization's time zone.
    posting: int = 0  # 1 is the accrual, those after it are corrections.
    kind: str = ""  # accrual, correction
    date: Optional[Day] = None
    reversal_id: str = ""
    reversal_date: Optional[Day] = None
    currency: str = ""
    amount: Decimal = Decimal(0)  # What is posted, in whole cents.
    month_total: Decimal = Decimal(0)  # What the ledger had for the month, exactly.
    unpriced_requests: int = 0  # Not in it, for want of a price.
    cut_off: Optional[datetime] = None  # What was booked later is not in it.
    reason: str = ""
    posted_by: str = ""
    posted_at: Optional[datetime] = None
    # By system, those that can take it.
    files: dict[str, tuple[JournalFile, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class JournalLine:
    """One amount: debited to an expense, credited to a liability."""

    expense_account: str = ""
    liability_account: str = ""
    cost_center: str = ""
    department: str = ""
    class_name: str = ""
    rounding: bool = False  # It is what rounding leaves of the total.
    amount: Decimal = Decimal(0)  # Negative: credited and debited.


@dataclass(frozen=True)
class UnmappedSpend:
    """Spend that has no account."""

    dimensions: dict[str, str] = field(default_factory=dict)
    cost: Decimal = Decimal(0)


@dataclass(frozen=True)
class JournalPreview:
    """What would be posted of a month now."""

    external_id: str = ""
    month: str = ""
    posting: int = 0
    kind: str = ""  # accrual, correction
    date: Optional[Day] = None
    reversal_date: Optional[Day] = None
    currency: str = ""
    month_over: bool = False  # Only then can it be posted.
    amount: Decimal = Decimal(0)
    month_total: Decimal = Decimal(0)  # What is mapped, exactly.
    unpriced_requests: int = 0
    cut_off: Optional[datetime] = None
    lines: tuple[JournalLine, ...] = ()
    # While there is any, nothing can be posted.
    unmapped: tuple[UnmappedSpend, ...] = ()
    unmapped_total: Decimal = Decimal(0)
    warnings: dict[str, tuple[str, ...]] = field(default_factory=dict)  # By system.


@dataclass(frozen=True)
class JournalManifestFile:
    """One file of an export, and its totals."""

    name: str = ""
    part: int = 0
    rows: int = 0  # The heading aside.
    debits: Decimal = Decimal(0)
    credits: Decimal = Decimal(0)
    sha256: str = ""


@dataclass(frozen=True)
class JournalEntry:
    """One journal in a file; one that was cut is several."""

    external_id: str = ""
    date: Optional[Day] = None
    memo: str = ""
    rows: int = 0
    debits: Decimal = Decimal(0)


@dataclass(frozen=True)
class JournalManifest:
    """What to hold an import against."""

    organization_id: str = ""
    month: str = ""
    posting: int = 0
    state: str = ""  # posted, preview
    system: str = ""  # netsuite, quickbooks, xero, generic
    currency: str = ""
    cut_off: Optional[datetime] = None
    unpriced_requests: int = 0
    rows: int = 0
    debits: Decimal = Decimal(0)
    credits: Decimal = Decimal(0)
    files: tuple[JournalManifestFile, ...] = ()
    journals: tuple[JournalEntry, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChecklistItem:
    """One thing to look at before a month is closed."""

    name: str = ""
    count: int = 0
    ok: bool = False
    detail: str = ""  # A sentence.


@dataclass(frozen=True)
class Moved:
    """Rows of the ledger, and what they come to."""

    count: int = 0
    cost: Decimal = Decimal(0)


@dataclass(frozen=True)
class MonthLock:
    """Who closed a month, when and why; and who opened it again."""

    locked_at: Optional[datetime] = None
    locked_by: str = ""
    reason: str = ""
    open_items: tuple[str, ...] = ()  # What of the checklist was open.
    total: Decimal = Decimal(0)  # What the month came to.
    requests: int = 0
    unlocked_at: Optional[datetime] = None
    unlocked_by: str = ""
    unlock_reason: str = ""


@dataclass(frozen=True)
class MonthClose:
    """How the close of a month stands."""

    month: str = ""
    state: str = ""  # open, locked
    items: tuple[ChecklistItem, ...] = ()
    late_records: str = ""  # The organization's.
    currency: str = ""
    total: Decimal = Decimal(0)  # What the month comes to now.
    requests: int = 0
    adjustments: Optional[Moved] = None  # Booked in it, of closed months before it.
    since: Optional[Moved] = None  # Booked in it since it was closed.
    lock: Optional[MonthLock] = None
    history: tuple[MonthLock, ...] = ()  # The newest first.


@dataclass(frozen=True)
class FeedSchedule:
    """When a feed is due."""

    every: str = ""  # month, week, day
    # Of the month, 1 to 31 (its last day where it is shorter), or of the week, 1 for
    # Monday. The file tells of the month, the seven days or the day before. None: every
    # day.
    day: Optional[int] = None
    hour: int = 0
    timezone: str = ""  # The organization's, by whose clocks it is due.


@dataclass(frozen=True)
class FeedAttempt:
    """One try to make a file and bring it where it goes."""

    id: str = ""
    at: Optional[datetime] = None
    status: Optional[int] = None  # HTTP's; None: there was no answer.
    error: str = ""
    duration_ms: Optional[int] = None  # None: it has not ended.


@dataclass(frozen=True)
class FeedMail:
    """A mail of a run's file; the delivery of that id tells all of it."""

    id: str = ""
    recipient: str = ""
    state: str = ""  # pending, delivered, failed
    error: str = ""


@dataclass(frozen=True)
class FeedRun:
    """One file of a feed, of some days, and what became of it."""

    id: str = ""  # The same at every try: receivers tell repeats by it.
    feed: str = ""
    start_date: str = ""
    end_date: str = ""  # The last day.
    due_at: Optional[datetime] = None
    asked_by: str = ""  # Who had it run; empty: it was due.
    state: str = ""  # pending, delivered, failed
    error: str = ""  # What went wrong last.
    file_name: str = ""
    revision: int = 0  # More than 1: it was made anew so often.
    progress: Optional[Decimal] = None  # Of making it, 0 to 1; None: not begun.
    content_type: str = ""
    bytes: Optional[int] = None  # None: it is not made.
    sha256: str = ""  # Of the file, in hex; empty: it is not made.
    counts: dict[str, int] = field(default_factory=dict)  # What is not in it, by name.
    kept: bool = False  # Whether the file can be downloaded.
    attempts: tuple[FeedAttempt, ...] = ()
    mails: tuple[FeedMail, ...] = ()
    next_attempt_at: Optional[datetime] = None
    created_at: Optional[datetime] = None
    finished_at: Optional[datetime] = None


@dataclass(frozen=True)
class LastRun:
    """The latest run of a feed."""

    id: str = ""
    state: str = ""  # pending, delivered, failed
    error: str = ""
    file_name: str = ""
    created_at: Optional[datetime] = None
    finished_at: Optional[datetime] = None


@dataclass(frozen=True)
class Feed:
    """A file that leaves on a schedule. What is secret is only named, in `secrets`."""

    id: str = ""
    organization_id: str = ""
    name: str = ""
    kind: str = ""
    format: str = ""
    options: dict[str, str] = field(default_factory=dict)
    schedule: Optional[FeedSchedule] = None
    # directory: `folder`; s3: `bucket`, `region`, `endpoint`, `folder`, `path_style`,
    # `access_key_id`, `secret_access_key`; webhook: `url`, `secret`; mail:
    # `recipients`. Secrets are written and never read. A signing secret made here is in
    # the answer that made it.
    target: dict[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()  # The secrets that are set.
    enabled: bool = False
    disabled_reason: str = ""
    next_run_at: Optional[datetime] = None  # None: it is switched off.
    last_run: Optional[LastRun] = None
    created_at: Optional[datetime] = None
