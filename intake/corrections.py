"""Corrections of usage: what was reported wrongly counts as it should, everywhere.

The pipeline once more, for what is booked already: taken off, booked anew, charged and
watched in one transaction.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec
from django.db import transaction
from django.utils import timezone

from accounts.locks import hold_repricing
from accounts.types import Caller
from alerts import services as alerts
from budgets import runs
from budgets.charging import ChargedSnapshot, Charging
from budgets.index import PeriodRef
from budgets.models import Reservation
from budgets.reservations.claims import Claimed, claim
from budgets.snapshots import hold_snapshot
from intake.services import Receipt, parted
from ledger.contents import Content, standing_of
from ledger.models import Repricing
from ledger.restating import Restatement, append, restate, take_responses
from ledger.services import differs
from ledger.types import Marks, Settled, UsageOutcome
from ledger.usage import Usage, sender_in, tag_senders
from lib.errors import Conflict, NotFound
from lib.money import from_units
from lib.queue import announce

LONGEST_REASON = 500
_MOST_NAMED = 20  # ids in the audit trail of one correction


class UnknownUsage(NotFound):
    """A correction is of usage that was never booked."""

    code = "usage_unknown"


class OfFixedCharge(Conflict):
    """A correction is of what a fixed charge has booked."""

    code = "of_fixed_charge"


class Corrected(NamedTuple):
    """What became of one correction."""

    outcome: UsageOutcome
    corrected: bool  # False: it counts with this content already


@transaction.atomic
def correct(
    organization_id: int, usage: Sequence[Usage], *, reason: str
) -> dict[str, Corrected]:
    """Have *usage* of one organization count with this content; each id once.

    All or nothing, and safe to repeat: what has this content already is left as it is.
    What an authorization was settled with stays: the new content belongs to what its
    decision was made for, too.

    Raises:
        UnknownUsage: one of the ids was never booked.
        OfFixedCharge: one is a day of a fixed charge.
        ResponseTaken: the response one names is booked for another usage.
    """
    snapshot, charging = hold_snapshot(organization_id, opens=True)
    # Only now may records be read: another correction may just have changed them.
    hold_repricing(organization_id)
    standing = standing_of(organization_id, [one.id for one in usage])
    for one in usage:
        if one.id not in standing:
            raise UnknownUsage(f"There is no usage “{one.id}”.")
        if not standing[one.id].content.requests:
            raise OfFixedCharge(
                f"“{one.id}” is a day of a fixed charge: correct or cancel that one."
            )
    if charging.index.counts_by_key:
        for one in usage:  # whoever corrects, it came by the key it came by
            one.sent_by = sender_in(standing[one.id].content.attribution.tags)
        tag_senders(usage)
    wrong = [
        _settling(one, standing[one.id])
        for one in usage
        if _is_other(one, standing[one.id])
    ]
    done = {
        one.id: Corrected(_as_it_stands(standing[one.id]), corrected=False)
        for one in usage
    }
    if not wrong:
        return done
    claimed = claim(charging, wrong)
    take_responses(snapshot, claimed.usage, standing)
    audit = _audited(snapshot, wrong, reason)
    restated = restate(
        snapshot, claimed.usage, standing, claimed.said, repricing_id=audit.pk
    )
    append(organization_id, restated)
    audit.difference = from_units(restated.new - restated.old)
    audit.save(update_fields=["difference"])
    _charge(charging, organization_id, restated)
    # Alerts that no longer hold end without waiting for the sweep.
    announce("intake.corrected", organization_id)
    return done | _outcomes(restated, claimed)


def _charge(
    charging: Charging, organization_id: int, restated: Restatement[PeriodRef]
) -> None:
    runs.charge(organization_id, restated.runs, {}, now=timezone.now())
    crossings = charging.charge(charging.reckon(restated.totals), {})
    if crossings:
        alerts.observe(organization_id, crossings, now=timezone.now())


def correct_repeats(
    records: Sequence[Usage], receipt: Receipt, *, caller: Caller, reason: str
) -> int:
    """Have *records* that repeat an id count with what they say, the last of each id.

    *receipt* is what `receive` told of them. Returns how many were corrected.
    """
    last = {
        records[place].id: place
        for place, outcome in sorted(receipt.outcomes.items())
        if outcome.duplicate and outcome.duplicate_of is None
    }
    repeats = [records[place] for place in sorted(last.values())]
    count = 0
    for (organization_id, _), places in sorted(parted(repeats, [], caller).items()):
        done = correct(
            organization_id, [repeats[place] for place in places], reason=reason
        )
        count += sum(one.corrected for one in done.values())
    return count


def _is_other(one: Usage, standing: Content) -> bool:
    named = one.response_id or None
    return differs(one, standing.content) or (
        named is not None and named != standing.content.response_id
    )


def _settling(one: Usage, standing: Content) -> Usage:
    """Name the reservation that was settled, whichever *one* names."""
    settles = standing.content.settles
    named = None if settles is None else str(settles)
    return msgspec.structs.replace(one, authorization_id=named)


def _audited(
    snapshot: ChargedSnapshot, wrong: Sequence[Usage], reason: str
) -> Repricing:
    ids = [one.id for one in wrong]
    return Repricing.objects.create(
        organization_id=snapshot.organization_id,
        kind=Repricing.Kind.USAGE,
        reason=reason,
        filters={"usage_ids": ids[:_MOST_NAMED]},
        records=len(ids),
    )


def _as_it_stands(standing: Content) -> UsageOutcome:
    total, last = standing.cost.total, standing.rows[-1]
    marks = Marks(last.unpriced_kinds or (), last.assumed_kinds or ())
    return UsageOutcome(
        None if total is None else from_units(total),
        duplicate=True,
        marks=marks,
        booked_at=standing.content.timestamp,
    )


def _outcomes(
    restated: Restatement[PeriodRef], claimed: Claimed
) -> dict[str, Corrected]:
    found = {}
    for usage_id, units in restated.costs.items():
        cost = None if units is None else from_units(units)
        settled = _settled(claimed, usage_id, cost or Decimal(0))
        marks = restated.marks.get(usage_id)
        outcome = UsageOutcome(
            cost,
            settled=settled,
            marks=marks,
            booked_at=restated.moved.get(usage_id),
        )
        found[usage_id] = Corrected(outcome, corrected=True)
    return found


def _settled(claimed: Claimed, usage_id: str, cost: Decimal) -> Settled | None:
    """Return how the new content compares with what was set aside for it once."""
    said = claimed.said.get(usage_id)
    if said is None:
        return None
    row = claimed.rows[said.reservation]
    if row.kind == Reservation.Kind.LEASE:
        return Settled(str(row.uid), known=True, said=said)
    over = max(cost - row.granted, Decimal(0))
    return Settled(str(row.uid), known=True, reserved=row.granted, over=over, said=said)
