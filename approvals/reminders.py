"""Reminders of what waits for a decision: a ladder, until somebody has decided.

First those who are asked, at the end of it who decides next or looks after the money.
Nothing is ever approved by silence: what nobody decides expires.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from approvals import mails, trail
from approvals.models import BudgetRequest, RequestState, Step
from approvals.trail import Note
from approvals.types import SYSTEM
from notifications.steps import at_of, steps_of

_DAY = timedelta(days=1)
# Of what is not needed by a date: after its step has opened. The last one is told up.
_USUAL = (2 * _DAY, 5 * _DAY, 10 * _DAY)
# Of the organization's clocks; when mails go out is also up to who gets them.
_HOURS: dict[str, Any] = {"from": "08:00", "until": "18:00", "days": [0, 1, 2, 3, 4]}
_AT_ONCE = 500
_WITH = (
    *("request__organization", "request__requester", "request__on_behalf_of"),
    *("request__budget", "request__parent", "request__source"),
)


def ladder_of(
    opened_at: datetime, needed_by: datetime | None, timezone: str
) -> list[datetime]:
    """Return when people are told again of a step, the last one further up."""
    delays, hours = _USUAL, _HOURS
    if needed_by is not None:
        left = max(needed_by - opened_at, timedelta(hours=1))
        delays = (left / 2, max(left - _DAY, left * 3 / 4), left)
        hours = _HOURS if left >= _DAY else {}  # who is in a hurry asks at any hour
    levels = [{"delay": int(one.total_seconds()), "hours": hours} for one in delays]
    return [at_of(step) for step in steps_of(opened_at, levels, timezone=timezone)]


def plan(step: Step, *, now: datetime) -> None:
    """Note on *step* when people are told of it again."""
    step.due_at = _next(_ladder(step), now)
    Step.objects.filter(pk=step.pk).update(due_at=step.due_at)


def remind_due(now: datetime) -> int:
    """Tell of every step that is due for it; return how many. Safe to repeat."""
    steps = Step.objects.current().open().filter(due_at__lte=now)
    waiting = steps.filter(request__state=RequestState.PENDING)
    due = list(waiting.order_by("due_at", "pk").values_list("pk", "request_id"))
    return sum(_remind(pk, request_id, now) for pk, request_id in due[:_AT_ONCE])


@transaction.atomic
def _remind(pk: int, request_id: int, now: datetime) -> bool:
    """Tell of one step, if it is still due: of any number of workers one does."""
    held = BudgetRequest.objects.pending().filter(pk=request_id)
    if not held.update(changed_at=F("changed_at")):
        return False
    due = Step.objects.open().filter(pk=pk, due_at__lte=now).select_related(*_WITH)
    step = due.first()
    if step is None:
        return False
    ladder = _ladder(step)
    plan(step, now=now)
    if step.due_at is None and ladder[-1] <= now:
        told, notes = mails.escalate(step, now=now), []
        event = "reminder.escalated"
    else:
        notes = mails.remind(step, now=now)
        told = [str(note.details["person"]) for note in notes]
        event = "reminder.sent"
    details = {"step": step.name, "number": step.number, "told": told}
    note = Note(event, step.request.uid, details)
    trail.append(step.organization_id, note, *notes, by=SYSTEM, now=now)
    return True


def _ladder(step: Step) -> list[datetime]:
    request, opened_at = step.request, step.opened_at
    if opened_at is None:
        return []
    return ladder_of(opened_at, request.needed_by, request.organization.timezone)


def _next(ladder: list[datetime], now: datetime) -> datetime | None:
    return next((moment for moment in ladder if moment > now), None)
