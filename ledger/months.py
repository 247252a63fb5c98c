"""Closing months and opening them again.

Whoever books holds the organization shared, whoever closes holds it alone: a batch on
its way is in the month before it closes, or sees that it is closed.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Max, QuerySet, Sum

from accounts.audit import MOST_REASON, TOO_LONG, current_actor
from accounts.locks import hold_alone
from accounts.models import LateRecords, Organization
from ledger.closed_months import month_after
from ledger.models import CostRecord, DailySpend, MonthLock, SpendDelta
from lib.errors import Conflict, Invalid
from lib.humanize import month_words
from lib.money import wire


class MonthLocked(Conflict):
    """The month is closed already."""

    code = "month_locked"


class MonthOpen(Conflict):
    """The month is not closed."""

    code = "month_open"


class MonthNotOver(Conflict):
    """A month can be closed when it is over."""

    code = "month_not_over"


@dataclass(frozen=True, slots=True)
class MonthSums:
    """What a month comes to; organization's currency."""

    total: Decimal
    requests: int


def sums_of(organization: Organization, month: date) -> MonthSums:
    """Return what a month comes to by daily spend, what is not yet rolled up included.

    Two queries; hold the organization, or what is just rolled up may count twice.
    """
    end = month_after(month)
    days = DailySpend.objects.filter(organization=organization).during(month, end)
    deltas = SpendDelta.objects.filter(
        organization=organization,
        currency="",
        starts_at__gte=_midnight(month),
        starts_at__lt=_midnight(end),
    )
    total, requests = Decimal(0), 0
    for rows in (days, deltas):
        sums = rows.aggregate(cost=Sum("cost"), n=Sum("requests"))
        total += sums["cost"] or Decimal(0)
        requests += sums["n"] or 0
    return MonthSums(total, requests)


def lock_of(organization: Organization, month: date) -> MonthLock | None:
    """Return what closes a month; None: it is open."""
    return _standing(organization, month).first()


def hold_to_close(organization: Organization, month: date, *, now: datetime) -> None:
    """Keep everybody from booking in the organization, until commit.

    The first thing in a transaction that closes a month.

    Raises:
        MonthNotOver, MonthLocked: it can't be.
    """
    hold_alone(organization.pk)
    if now < _midnight(month_after(month)):
        raise MonthNotOver(
            f"{month_words(month)} is not over yet: it can be closed when it is."
        )
    if lock_of(organization, month) is not None:
        raise MonthLocked(f"{month_words(month)} is closed already.")


def lock_month(
    organization: Organization,
    month: date,
    *,
    reason: str,
    open_items: Collection[dict[str, object]],
) -> MonthLock:
    """Close a month, held by `hold_to_close`; return what closes it.

    What comes in for it later is booked as the organization says. *open_items*: what of
    the checklist was not done, for the record.

    Raises:
        Invalid: the reason is too long.
    """
    sums = sums_of(organization, month)
    made = MonthLock.objects.create(
        organization=organization,
        month=month,
        reason=_reason(reason),
        open_items=list(open_items),
        total=sums.total,
        requests=sums.requests,
        upto_id=_last_id(),
    )
    organization.touch()
    return made


@transaction.atomic
def unlock_month(
    organization: Organization, month: date, *, reason: str, now: datetime
) -> MonthLock:
    """Open a closed month again; return what closed it, which stays in the history.

    What was booked elsewhere meanwhile stays there.

    Raises:
        MonthOpen: it is not closed.
        Invalid: without a reason, or with too long a one.
    """
    why = _reason(reason)
    if not why:
        detail = "Say why the month is opened again: it stands in its history."
        raise Invalid.field("reason", detail, code="required")
    hold_alone(organization.pk)
    # Whoever holds the organization alone is the only one to change its locks.
    changed = _standing(organization, month).update(
        unlocked_at=now, unlocked_by=current_actor(), unlock_reason=why
    )
    if not changed:
        raise MonthOpen(f"{month_words(month)} is not closed.")
    organization.touch()
    locks = MonthLock.objects.filter(organization=organization, month=month)
    return locks.order_by("-pk")[0]


def note_sums(organization: Organization) -> None:
    """Take down anew what closed months come to: from now on they stay as they are.

    Call it where the organization begins to book late records elsewhere, held alone.
    """
    upto_id = _last_id()
    for lock in MonthLock.objects.filter(organization=organization).standing():
        sums = sums_of(organization, lock.month)
        lock.total, lock.requests, lock.upto_id = sums.total, sums.requests, upto_id
        lock.save(update_fields=["total", "requests", "upto_id"])


def adjustments_in(organization: Organization, month: date) -> QuerySet[CostRecord]:
    """Return what is booked in a month and belongs to closed ones before it."""
    rows = CostRecord.objects.filter(organization=organization).adjustments()
    return rows.during(_midnight(month), _midnight(month_after(month)))


def late_in(lock: MonthLock) -> QuerySet[CostRecord]:
    """Return what was booked in a month after it was closed, or corrected of it."""
    rows = CostRecord.objects.filter(organization=lock.organization_id)
    end = _midnight(month_after(lock.month))
    return rows.during(_midnight(lock.month), end).filter(pk__gt=lock.upto_id)


def differences(organization: Organization) -> Iterator[str]:
    """Yield, in sentences, which closed months don't come to what they did."""
    if organization.late_records != LateRecords.OPEN_MONTH:
        return  # what is late is booked in them
    for lock in MonthLock.objects.filter(organization=organization).standing():
        now = sums_of(organization, lock.month)
        if (now.total, now.requests) != (lock.total, lock.requests):
            yield (
                f"{month_words(lock.month)} was closed with {wire(lock.total)} in "
                f"{lock.requests} requests, and comes to {wire(now.total)} in "
                f"{now.requests}."
            )


def _standing(organization: Organization, month: date) -> QuerySet[MonthLock]:
    locks = MonthLock.objects.filter(organization=organization, month=month)
    return locks.standing()


def _reason(text: str) -> str:
    text = text.strip()
    if len(text) > MOST_REASON:
        raise Invalid.field("reason", TOO_LONG)
    if "\x00" in text:
        raise Invalid.field("reason", "It has a NUL in it.")
    return text


def _last_id() -> int:
    return CostRecord.objects.aggregate(last=Max("pk"))["last"] or 0


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
