"""The close of a month, as the API answers it."""

from typing import Annotated, Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import organization_named
from accounts.api.base import ApiView
from accounts.idempotency import idempotent
from accounts.models import LateRecords, Organization
from ledger.models import MonthLock
from ledger.months import unlock_month
from lib.answers import Answered, Moment, Money, Out, answers, choices, note
from lib.money import wire
from lib.wirefields import Plain
from reports.api.exports import ORGANIZATION
from reports.api.months import MONTH_OF_UTC, month_in
from reports.closing.services import MonthClose, MovedTotal, close, close_of


class ChecklistItemOut(Out, frozen=True):
    """One thing to look at before a month is closed."""

    name: str
    count: int
    ok: bool
    detail: Annotated[str, note("A sentence.")]


class MovedOut(Out, frozen=True):
    """Rows of the ledger, and what they come to."""

    count: int
    cost: Money


class MonthLockOut(Out, frozen=True):
    """Who closed a month, when and why; and who opened it again."""

    locked_at: Moment
    locked_by: str
    reason: str
    open_items: Annotated[list[str], note("What of the checklist was open.")]
    total: Annotated[Money, note("What the month came to.")]
    requests: int
    unlocked_at: Moment | None
    unlocked_by: str
    unlock_reason: str


class MonthCloseOut(Out, frozen=True):
    """How the close of a month stands."""

    month: str
    state: Annotated[str, choices(["open", "locked"])]
    items: list[ChecklistItemOut]
    late_records: Annotated[
        str, choices(LateRecords.values), note("The organization's.")
    ]
    currency: str
    total: Annotated[Money, note("What the month comes to now.")]
    requests: int
    adjustments: Annotated[MovedOut, note("Booked in it, of closed months before it.")]
    since: Annotated[MovedOut, note("Booked in it since it was closed.")]
    lock: MonthLockOut | None
    history: Annotated[list[MonthLockOut], note("The newest first.")]


class MonthCloseIn(Plain):
    """What is to become of a month."""

    organization_id = serializers.CharField(
        required=False, allow_blank=True, help_text="Its slug, for a platform key."
    )
    month = serializers.CharField(help_text="Such as 2025-01.")
    lock = serializers.BooleanField(
        required=False,
        allow_null=True,
        default=None,
        help_text="true closes it, false opens it again; without it nothing changes.",
    )
    force = serializers.BooleanField(
        required=False, default=False, help_text="Close it with open items."
    )
    reason = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=500,
        help_text="Required with open items, and to open it again.",
    )


class MonthCloses(ApiView):
    """The close of a month: its checklist, and its lock."""

    query_parameters = frozenset({"organization_id", "month"})

    @answers(s200=MonthCloseOut)
    @extend_schema(
        operation_id="month_close_retrieve", parameters=[ORGANIZATION, MONTH_OF_UTC]
    )
    def get(self, request: Request) -> Response:
        """Tell what is left to do before a month is closed."""
        month = month_in(request.query_params.get("month", ""))
        found = close_of(self.organization(), month, now=timezone.now())
        return Answered(close_out(found))

    @answers(s200=MonthCloseOut)
    @extend_schema(
        operation_id="month_close_create",
        request=MonthCloseIn,
        parameters=[OpenApiParameter("month", exclude=True)],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Close a month, or open it again; or tell how it stands.

        A 409 `open_items` names what is open: mend it, or `force` with a reason. What
        comes in later is booked as the organization's `late_records` says.
        """
        shape = MonthCloseIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        slug = given.get("organization_id")
        organization = organization_named(slug, caller=self.caller)
        return Answered(close_out(_moved(organization, given)))


def _moved(organization: Organization, given: dict[str, Any]) -> MonthClose:
    month, now, reason = month_in(given["month"]), timezone.now(), given["reason"]
    if given["lock"] is True:
        close(organization, month, force=given["force"], reason=reason, now=now)
    elif given["lock"] is False:
        unlock_month(organization, month, reason=reason, now=now)
    return close_of(organization, month, now=now)


def close_out(found: MonthClose) -> MonthCloseOut:
    organization = found.organization
    return MonthCloseOut(
        month=f"{found.month:%Y-%m}",
        state="locked" if found.lock else "open",
        items=[
            ChecklistItemOut(item.name, item.count, item.ok, item.detail)
            for item in found.items
        ],
        late_records=organization.late_records,
        currency=organization.currency,
        total=wire(found.sums.total),
        requests=found.sums.requests,
        adjustments=_rows_out(found.adjustments),
        since=_rows_out(found.since),
        lock=_lock_out(found.lock) if found.lock else None,
        history=[_lock_out(one) for one in found.history],
    )


def _rows_out(moved: MovedTotal) -> MovedOut:
    return MovedOut(moved.count, wire(moved.cost))


def _lock_out(lock: MonthLock) -> MonthLockOut:
    return MonthLockOut(
        locked_at=lock.locked_at,
        locked_by=lock.locked_by,
        reason=lock.reason,
        open_items=[item["name"] for item in lock.open_items],
        total=wire(lock.total),
        requests=lock.requests,
        unlocked_at=lock.unlocked_at,
        unlocked_by=lock.unlocked_by,
        unlock_reason=lock.unlock_reason,
    )
