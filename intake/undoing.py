"""Taking a repricing back, by rows of its own: all at once, or chunk by chunk."""

from collections.abc import Callable
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from accounts.locks import hold_repricing
from alerts import services as alerts
from budgets import runs
from budgets.charging import Charging
from budgets.index import PeriodRef
from budgets.snapshots import hold_snapshot
from intake.repricing import CHUNK, MOST_AT_ONCE, RepricingOutcome, TooManyRecords
from ledger.contents import standing_of
from ledger.models import Repricing
from ledger.repricing import Selection
from ledger.restating import Restatement, append
from ledger.undoing import undoable_ids, undone
from lib.errors import Conflict
from lib.money import from_units, to_units
from lib.queue import announce


class NotUndoable(Conflict):
    """There is nothing of a correction that could be taken back."""

    code = "repricing_not_undoable"


def preview_undo(repricing: Repricing) -> RepricingOutcome:
    """Tell what undoing *repricing* would change; changes nothing.

    Raises:
        NotUndoable: there is nothing to be taken back.
        TooManyRecords: it is too much for one request.
    """
    outcome = RepricingOutcome(repricing.organization, Selection())
    with transaction.atomic():
        _undo(repricing, outcome, "", MOST_AT_ONCE + 1)
        transaction.set_rollback(True)
    _refuse_too_many(outcome)
    outcome.repricing = None
    return outcome


@transaction.atomic
def undo_at_once(repricing: Repricing, *, reason: str) -> RepricingOutcome:
    """Take *repricing* back, all of it or nothing; once.

    What was corrected or repriced since stays as it is. What had no price before has
    none again: reprice it once the right one is set.

    Raises:
        NotUndoable: it was undone before, or there is nothing to be taken back.
        TooManyRecords: it is too much for one request.
    """
    outcome = RepricingOutcome(repricing.organization, Selection())
    _undo(repricing, outcome, reason, MOST_AT_ONCE + 1)
    _refuse_too_many(outcome)
    return outcome


def undo(
    repricing: Repricing, *, reason: str, tell: Callable[[int], object] = int
) -> RepricingOutcome:
    """Take *repricing* back chunk by chunk; *tell* how many records each was.

    Safe to break off: called again it goes on.

    Raises:
        NotUndoable: there is nothing left to be taken back.
    """
    outcome = RepricingOutcome(repricing.organization, Selection())
    while True:
        with transaction.atomic():
            done = _undo(repricing, outcome, reason, CHUNK)
        tell(done)
        if done < CHUNK:
            return outcome


def _refuse_too_many(outcome: RepricingOutcome) -> None:
    if outcome.records > MOST_AT_ONCE:
        raise TooManyRecords(
            f"It corrected more than {MOST_AT_ONCE:,} records: run manage.py reprice "
            "--undo."
        )


def _undo(
    repricing: Repricing, outcome: RepricingOutcome, reason: str, size: int
) -> int:
    """Take *size* records at most back; return how many there were."""
    organization = repricing.organization
    snapshot, charging = hold_snapshot(organization.pk, opens=True)
    # Only now may records be read: another repricing may just have corrected them.
    hold_repricing(organization.pk)
    _check(repricing)
    ids = undoable_ids(repricing, size)
    if not ids:
        if outcome.records:
            return 0
        raise NotUndoable(
            "Nothing of it is left to be taken back: it was undone, or what it "
            "corrected was corrected again since."
        )
    audit = outcome.repricing = _audit_of(repricing, reason)
    standing = standing_of(organization.pk, ids)
    restated = undone(snapshot, standing, repricing_id=audit.pk)
    append(organization.pk, restated)
    _charge(charging, organization.pk, restated)
    _keep(audit, outcome, restated)
    # Alerts that no longer hold end without waiting for the sweep.
    announce("intake.corrected", organization.pk)
    return len(ids)


def _check(repricing: Repricing) -> None:
    if repricing.kind != Repricing.Kind.PRICES:
        raise NotUndoable("A correction of usage is undone by correcting it again.")
    if repricing.undoes_id is not None:
        raise NotUndoable("This took another one back: reprice what it was about.")


def _audit_of(repricing: Repricing, reason: str) -> Repricing:
    found, _ = Repricing.objects.get_or_create(
        undoes=repricing,
        defaults={
            "organization": repricing.organization,
            "reason": reason,
            "filters": repricing.filters,
            "difference": Decimal(0),
        },
    )
    return found


def _charge(
    charging: Charging, organization_id: int, restated: Restatement[PeriodRef]
) -> None:
    now = timezone.now()
    runs.charge(organization_id, restated.runs, {}, now=now)
    crossings = charging.charge(charging.reckon(restated.totals), {})
    if crossings:
        alerts.observe(organization_id, crossings, now=now)


def _keep(
    audit: Repricing, outcome: RepricingOutcome, restated: Restatement[PeriodRef]
) -> None:
    outcome.count_undone(restated)
    audit.records += len(restated.costs)
    audit.difference = from_units(
        to_units(audit.difference) + restated.new - restated.old
    )
    audit.save(update_fields=["records", "difference"])
