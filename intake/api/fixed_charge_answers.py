"""Fixed charges as the API answers them."""

from datetime import date, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from django.utils import timezone

from ledger.amortization import ChargeInterval
from ledger.models import ChargeKind, FixedCharge
from lib.answers import Moment, Money, Out, choices, note
from lib.money import wire
from lib.periods import day_of


class ChargeCancellationOut(Out, frozen=True):
    """From when on a charge counts nothing any more, and why."""

    from_date: Annotated[date, note("What was booked of this day and later is off.")]
    at: Moment
    by: str
    reason: str


class FixedChargeOut(Out, frozen=True):
    """Money that is owed for a stretch of time, used or not; charged by the day."""

    id: str
    organization_id: str
    name: str
    kind: Annotated[str, choices(ChargeKind.values)]
    state: Annotated[str, choices(["planned", "running", "ended", "cancelled"])]
    provider: str
    amount: Annotated[Money, note("In each interval.")]
    currency: str
    interval: Annotated[str, choices(list(ChargeInterval))]
    start_date: date
    end_date: Annotated[date | None, note("The last day; null: it goes on.")]
    department_id: str
    team_id: str
    project_id: str
    environment: str
    user_id: str
    tags: dict[str, str] | list[str]
    covers: Annotated[list[str], note("Models whose usage it pays for.")]
    booked: Annotated[Money, note("What its days until now come to.")]
    booked_until: Annotated[date | None, note("The last day booked; null: none is.")]
    to_come: Annotated[Money | None, note("Of the days after; null: it goes on.")]
    reason: str
    cancelled: ChargeCancellationOut | None
    replaces: Annotated[str | None, note("The charge it stands instead of.")]
    replaced_by: str | None
    created_at: Moment
    created_by: str


def charge_out(charge: FixedCharge) -> FixedChargeOut:
    """Return a charge; its organization, and what it replaces, are at hand."""
    booked = charge.booked_to > charge.start_date
    return FixedChargeOut(
        id=str(charge.uid),
        organization_id=charge.organization.slug,
        name=charge.name,
        kind=charge.kind,
        state=charge.state_on(_today(charge)),
        provider=charge.provider,
        amount=wire(charge.amount),
        currency=charge.currency,
        interval=charge.interval,
        start_date=charge.start_date,
        end_date=charge.last_day,
        department_id=charge.department,
        team_id=charge.team,
        project_id=charge.project,
        environment=charge.environment,
        user_id=charge.user,
        tags=charge.tags,
        covers=charge.covers,
        booked=wire(charge.booked),
        booked_until=charge.booked_to - timedelta(days=1) if booked else None,
        to_come=wire(charge.to_come),
        reason=charge.reason,
        cancelled=_cancellation(charge),
        replaces=str(charge.replaces.uid) if charge.replaces else None,
        replaced_by=_replacement(charge),
        created_at=charge.created_at,
        created_by=charge.created_by,
    )


def _today(charge: FixedCharge) -> date:
    return day_of(timezone.now(), ZoneInfo(charge.organization.timezone))


def _replacement(charge: FixedCharge) -> str | None:
    found: FixedCharge | None = getattr(charge, "replacement", None)
    return None if found is None else str(found.uid)


def _cancellation(charge: FixedCharge) -> ChargeCancellationOut | None:
    if charge.cancelled_from is None or charge.cancelled_at is None:
        return None
    return ChargeCancellationOut(
        from_date=charge.cancelled_from,
        at=charge.cancelled_at,
        by=charge.cancelled_by,
        reason=charge.cancel_reason,
    )
