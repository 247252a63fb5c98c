"""A month's close: how it stands, closing it, and opening it again."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Count, QuerySet, Sum

from accounts.models import Organization
from ledger import months
from ledger.models import CostRecord, MonthLock
from ledger.months import MonthSums
from lib.errors import Conflict, FieldError, Invalid
from lib.humanize import month_words
from reports.closing.checklist import ChecklistItem, checklist_of, open_items


class NotDone(Conflict):
    """Something of the checklist is open."""

    code = "open_items"


@dataclass(frozen=True, slots=True)
class MovedTotal:
    """Rows of the ledger that tell of a closed month."""

    count: int
    cost: Decimal  # organization's currency


@dataclass(frozen=True, slots=True)
class MonthClose:
    """How the close of a month stands."""

    organization: Organization
    month: date  # its first day
    lock: MonthLock | None  # None: it is open
    items: list[ChecklistItem]
    sums: MonthSums
    adjustments: MovedTotal  # booked in it, of closed months before it
    since: MovedTotal  # booked in it since it was closed; nothing where it is open
    history: list[MonthLock]  # the newest first

    @property
    def open_items(self) -> list[ChecklistItem]:
        return list(open_items(self.items))


def close_of(organization: Organization, month: date, *, now: datetime) -> MonthClose:
    """Return how a month's close stands. Ten queries."""
    history = list(
        MonthLock.objects.filter(organization=organization, month=month).order_by("-pk")
    )
    lock = next((one for one in history if one.unlocked_at is None), None)
    return MonthClose(
        organization=organization,
        month=month,
        lock=lock,
        items=checklist_of(organization, month, now=now),
        sums=months.sums_of(organization, month),
        adjustments=_moved(months.adjustments_in(organization, month)),
        since=_moved(months.late_in(lock)) if lock else MovedTotal(0, Decimal(0)),
        history=history,
    )


def close(
    organization: Organization,
    month: date,
    *,
    force: bool,
    reason: str,
    now: datetime,
) -> MonthLock:
    """Close a month; return what closes it.

    Looked at with nobody booking: what the checklist says then, it says of the month
    as it is closed.

    Raises:
        MonthNotOver, MonthLocked: it can't be closed.
        NotDone: something is open, and nobody forces it.
        Invalid: it is forced without a reason.
    """
    with transaction.atomic():
        months.hold_to_close(organization, month, now=now)
        left = list(open_items(checklist_of(organization, month, now=now)))
        if left and not force:
            raise NotDone(
                f"{month_words(month)} has open items; mend them, or close it with "
                "“force” and a reason.",
                errors=tuple(
                    FieldError(item.name, "open", item.detail) for item in left
                ),
            )
        if left and not reason.strip():
            detail = "Say why the month is closed with open items."
            raise Invalid.field("reason", detail, code="required")
        return months.lock_month(
            organization,
            month,
            reason=reason,
            open_items=[{"name": item.name, "count": item.count} for item in left],
        )


def _moved(rows: QuerySet[CostRecord]) -> MovedTotal:
    sums = rows.order_by().aggregate(n=Count("pk"), cost=Sum("total_cost"))
    return MovedTotal(sums["n"], sums["cost"] or Decimal(0))
