"""Booking fixed charges day by day, and taking off what was booked of one.

A day's part is a record like any: recorded, charged and watched by the one pipeline,
once for its id. What is taken off is a record of its own beside it; nothing is changed.
Whoever books of a charge, or cancels it, holds its row, and the organization only then.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from django.db import transaction

from accounts.audit import current_actor
from accounts.models import Organization
from budgets.snapshots import hold_snapshot
from intake.pipeline import take
from ledger.contents import Content, standing_of
from ledger.fixed_charges import ChargeCancelled, add_charge, reason_of
from ledger.models import FixedCharge
from ledger.types import UsageOutcome
from ledger.usage import ChargePart
from lib.errors import Conflict, Invalid, OutOfRange
from lib.money import from_units
from lib.periods import day_of, start_of
from lib.queue import announce

_CHUNK = 366  # days booked in one transaction
_DAY = timedelta(days=1)
_encode = msgspec.json.Encoder().encode
logger = logging.getLogger("intake")


class DayTaken(Conflict):
    """Something else is booked under the id of a charge's day."""

    code = "day_taken"


def book_due(now: datetime) -> int:
    """Book all days of fixed charges that have begun; return how many there were.

    Safe to repeat, and beside others that do the same.
    """
    # Somewhere it is tomorrow already.
    due = FixedCharge.objects.unbooked_before(now.astimezone(UTC).date() + 2 * _DAY)
    count = 0
    for pk in due.order_by("pk").values_list("pk", flat=True):
        try:
            while booked := book(pk, now=now):
                count += booked
        except (OutOfRange, DayTaken):  # the others are no worse for it
            logger.exception("Fixed charge %s can't be booked", pk)
    return count


@transaction.atomic
def book(charge_id: int, *, now: datetime) -> int:
    """Book the next days of a charge that have begun; return how many they are.

    Raises:
        DayTaken: something else has the id of one of them.
    """
    charge = _held(charge_id)
    tomorrow = day_of(now, _zone(charge)) + _DAY
    end = charge.ends_before
    reached = tomorrow if end is None else min(tomorrow, end)
    days = list(islice(charge.terms.days(charge.booked_to, reached), _CHUNK))
    if not days:
        return 0
    parts = [_part(charge, day, charge.terms.part_of(day)) for day in days]
    _take(charge, parts)
    FixedCharge.objects.filter(pk=charge.pk).update(booked_to=days[-1] + _DAY)
    return len(days)


@transaction.atomic
def cancel(
    charge: FixedCharge, *, day: date, reason: str, now: datetime
) -> FixedCharge:
    """Charge nothing more from *day* on; what is booked of it is taken off.

    Raises:
        ChargeCancelled: it was cancelled already.
        Invalid: there is no reason, or it is over by then.
    """
    why = reason_of(reason)
    held = _held(charge.pk)
    if held.cancelled_from is not None:
        raise ChargeCancelled(
            f"This charge is cancelled from {held.cancelled_from} on already."
        )
    day = max(day, held.start_date)
    if held.is_over(day):
        raise Invalid.field("from_date", "It is over by then: nothing is left of it.")
    _take_off(held, day)
    held.cancelled_from, held.cancelled_at = day, now
    held.cancelled_by, held.cancel_reason = current_actor(), why
    held.save(
        update_fields=[
            "cancelled_from",
            "cancelled_at",
            "cancelled_by",
            "cancel_reason",
        ]
    )
    if held.covers:
        held.organization.touch()
    # Alerts that no longer hold end without waiting for the sweep.
    announce("intake.corrected", held.organization_id)
    return held


@transaction.atomic
def keep_charge(organization: Organization, **values: Any) -> FixedCharge:
    """Keep a new fixed charge, as `ledger.fixed_charges.add_charge`, and file it: so it
    is known which budgets it will be charged to.

    Raises:
        Invalid: something of it can't be.
    """
    charge = add_charge(organization, **values)
    snapshot, _ = hold_snapshot(charge.organization_id, opens=True)
    (entry,) = snapshot.entries_for([_part(charge, charge.start_date, Decimal(0))])
    charge.attribution_id = entry.attribution_id
    charge.save(update_fields=["attribution"])
    return charge


@transaction.atomic
def correct_charge(
    charge: FixedCharge, *, reason: str, now: datetime, **values: Any
) -> FixedCharge:
    """Have another charge stand instead of *charge*, from its first day on; return it.

    All of the old one is taken off. *values* are those of the new one.

    Raises:
        ChargeCancelled, Invalid: as `cancel` and `add_charge`.
    """
    old = cancel(charge, day=charge.start_date, reason=reason, now=now)
    return keep_charge(old.organization, replaces=old, reason=reason, **values)


def _held(charge_id: int) -> FixedCharge:
    rows = FixedCharge.objects.select_related("organization")
    return rows.select_for_update(of=("self",)).get(pk=charge_id)


def _zone(charge: FixedCharge) -> ZoneInfo:
    return ZoneInfo(charge.organization.timezone)


def _take_off(charge: FixedCharge, day: date) -> None:
    """Book against what is booked of *day* and later."""
    days = charge.terms.days(day, charge.booked_to)
    booked = {charge.booked_as(day): day for day in days}
    standing = standing_of(charge.organization_id, booked)
    parts = [
        _taking_off(charge, on, standing[usage_id]) for usage_id, on in booked.items()
    ]
    for start in range(0, len(parts), _CHUNK):
        _take(charge, parts[start : start + _CHUNK])


def _taking_off(charge: FixedCharge, day: date, standing: Content) -> ChargePart:
    cost = standing.cost
    own = cost.total if cost.source is None else cost.source
    part = _part(charge, day, -from_units(own or 0), taken_off=True)
    part.timestamp = standing.content.own_time
    part.booked_rate = cost.rate
    return part


def _part(
    charge: FixedCharge, day: date, amount: Decimal, *, taken_off: bool = False
) -> ChargePart:
    told = {"fixed_charge": str(charge.uid), "name": charge.name, "day": day}
    return ChargePart(
        id=charge.booked_as(day, taken_off=taken_off),
        timestamp=start_of(day, _zone(charge)),
        provider=charge.provider,
        model=charge.model,
        department_id=charge.department or None,
        team_id=charge.team or None,
        project_id=charge.project or None,
        environment=charge.environment or None,
        user_id=charge.user or None,
        tags=msgspec.Raw(_encode(charge.tags)) if charge.tags else msgspec.Raw(),
        metadata=msgspec.Raw(_encode(told)),
        cost=amount,
        currency=charge.currency,
        charge_id=charge.pk,
    )


def _take(charge: FixedCharge, parts: Sequence[ChargePart]) -> None:
    outcomes = take(charge.organization_id, parts)
    if any(_repeats(outcomes)):
        raise DayTaken(
            f"Something else is booked as a day of the fixed charge “{charge.name}”."
        )


def _repeats(outcomes: Iterable[UsageOutcome]) -> Iterable[bool]:
    return (outcome.duplicate and outcome.conflict for outcome in outcomes)
