"""Reminders that a finance admin sends by hand, to all whom requests wait for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from approvals import mails, trail
from approvals.models import BudgetRequest, Step, TrailEntry
from approvals.permissions import require_admin
from approvals.trail import Note
from approvals.types import By

MOST = 100  # requests of one go
REST = timedelta(days=1)  # for so long people are left in peace, once they heard of it
_HEARD = ("reminder.sent", "reminder.escalated", "step.opened", "step.reassigned")
_WITH = (
    *("request__organization", "request__requester", "request__on_behalf_of"),
    *("request__budget", "request__parent", "request__source"),
)


@dataclass(frozen=True, slots=True)
class Nudged:
    """What became of it."""

    requests: int  # whose people were reminded
    rested: int  # whose people heard of it within REST, and were left in peace


def remind_all(requests: Iterable[BudgetRequest], *, by: By, now: datetime) -> Nudged:
    """Mail those whom *requests* wait for once more, each with a fresh link; the first
    MOST. Each request is a transaction.

    Raises:
        Forbidden: *by* is no finance admin of the organization of one of them.
    """
    chosen = list(requests)[:MOST]
    for organization in {one.organization for one in chosen}:
        require_admin(by, organization)
    told = [_remind(one, by, now) for one in chosen]
    return Nudged(told.count(True), told.count(False))


@transaction.atomic
def _remind(request: BudgetRequest, by: By, now: datetime) -> bool | None:
    """Remind those whom *request* waits for; False: they heard of it not long ago;
    None: it waits for nobody any more."""
    held = BudgetRequest.objects.pending().filter(pk=request.pk)
    if not held.update(changed_at=F("changed_at")):
        return None
    heard = TrailEntry.objects.filter(
        organization=request.organization_id,
        subject=request.uid,
        event__in=_HEARD,
        at__gt=now - REST,
    )
    if heard.exists():
        return False
    steps = Step.objects.current().open().filter(request=request)
    for step in steps.select_related(*_WITH).order_by("number"):
        notes = mails.remind(step, now=now)
        told = [str(note.details["person"]) for note in notes]
        details = {"step": step.name, "number": step.number, "told": told}
        note = Note("reminder.sent", request.uid, details)
        trail.append(step.organization_id, note, *notes, by=by, now=now)
    return True
