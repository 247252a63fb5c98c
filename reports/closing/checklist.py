"""What is to be looked at before a month is closed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Count, Q

from accounts.models import Organization
from budgets.models import Backfill, Reservation
from ledger.closed_months import month_after
from ledger.models import CostRecord
from reports.journals.services import unmapped_of
from reports.journals.setups import setup_of
from reports.models import IN_THE_MAKING, Report
from reports.monthly.frozen import missing_words, uncommented
from reports.monthly.services import figures_of

CALM = timedelta(days=1)  # without late records: they have stopped coming


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One thing to look at: how many there are, and whether that is well."""

    name: str
    count: int
    ok: bool
    detail: str  # a sentence


def checklist_of(
    organization: Organization, month: date, *, now: datetime
) -> list[ChecklistItem]:
    """Return what there is to do before a month (of UTC) is closed. Six queries, two
    where accounts are mapped, and one of a report's comments."""
    start, end = _midnight(month), _midnight(month_after(month))
    return [
        _unpriced(organization, start, end),
        _unreconciled(),
        _uncommented(organization, month),
        _unmapped(organization, month),
        _late(organization, start, end, now),
        _backfills(organization),
        _unsettled(organization, start, end),
    ]


def open_items(items: list[ChecklistItem]) -> Iterator[ChecklistItem]:
    """Yield what stands against closing the month."""
    return (item for item in items if not item.ok)


def _unpriced(
    organization: Organization, start: datetime, end: datetime
) -> ChecklistItem:
    records = CostRecord.objects.filter(organization=organization).during(start, end)
    count = records.contents().unpriced().count()
    return ChecklistItem(
        "unpriced",
        count,
        not count,
        f"{_records(count)} without a known price: nothing is charged for "
        f"{_them(count)} yet."
        if count
        else "All usage of the month has a price.",
    )


def _unreconciled() -> ChecklistItem:
    return ChecklistItem(
        "unreconciled", 0, ok=True, detail="There is nothing to reconcile with."
    )


def _uncommented(organization: Organization, month: date) -> ChecklistItem:
    """Look at the month's newest report of the whole organization."""
    reports = Report.objects.about(organization, month, None).order_by("revision")
    report = reports.last()
    if report is None or report.state in IN_THE_MAKING:
        detail = "The month has no report yet to comment on."
        if report is not None:
            detail = "The month's report is being made."
        return ChecklistItem("uncommented", 1, ok=False, detail=detail)
    figures = figures_of(report)
    if figures is None:
        detail = f"The month's report could not be made: {report.failure}"
        return ChecklistItem("uncommented", 1, ok=False, detail=detail)
    missing = uncommented(figures.rows)
    detail = "Every variance beyond the threshold has its comment."
    if missing:
        detail = missing_words(missing)
    return ChecklistItem("uncommented", len(missing), not missing, detail)


def _unmapped(organization: Organization, month: date) -> ChecklistItem:
    """Look at the month's journal: that of the organization's clocks."""
    mappings = setup_of(organization).mappings
    if not mappings:
        detail = "No accounts are mapped, so none is missing."
        return ChecklistItem("unmapped", 0, ok=True, detail=detail)
    count = len(unmapped_of(organization, month, mappings))
    detail = "All that was spent has an account."
    if count:
        parts = "One part" if count == 1 else f"{count:,} parts"
        detail = f"Without an account, so that no journal can be posted: {parts}."
    return ChecklistItem("unmapped", count, not count, detail)


def _late(
    organization: Organization, start: datetime, end: datetime, now: datetime
) -> ChecklistItem:
    records = CostRecord.objects.filter(organization=organization).during(start, end)
    late = records.filter(recorded_at__gte=end).aggregate(
        all=Count("pk"), lately=Count("pk", filter=Q(recorded_at__gt=now - CALM))
    )
    count, lately = late["all"], late["lately"]
    if not count:
        detail = "Nothing came in after the month had ended."
    elif lately:
        came = f"{lately:,} of them" if lately < count else "all of them"
        detail = (
            f"{_records(count)} came in after the month had ended, {came} in the last "
            "24 hours: more may follow."
        )
    else:
        detail = (
            f"{_records(count)} came in after the month had ended, none of them in the "
            "last 24 hours."
        )
    return ChecklistItem("late", count, not lately, detail)


def _backfills(organization: Organization) -> ChecklistItem:
    count = Backfill.objects.filter(organization=organization).count()
    return ChecklistItem(
        "backfills",
        count,
        not count,
        "Budgets are being charged anew after a change: their sums are not whole yet."
        if count
        else "No budget is being charged anew.",
    )


def _unsettled(
    organization: Organization, start: datetime, end: datetime
) -> ChecklistItem:
    held = Reservation.objects.filter(
        organization=organization,
        state=Reservation.State.OPEN,
        at__gte=start,
        at__lt=end,
    )
    count = held.count()
    reservations = "reservation" if count == 1 else "reservations"
    return ChecklistItem(
        "unsettled",
        count,
        not count,
        f"{count:,} {reservations} of the month still wait for usage."
        if count
        else "No reservation of the month waits for its usage.",
    )


def _records(count: int) -> str:
    return f"{count:,} {'record' if count == 1 else 'records'}"


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
