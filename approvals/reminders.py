"""Reminders of what waits for a decision: a ladder, until somebody has decided.

First those who are asked, at the end of it who decides next or looks after the money.
Nothing is ever approved by silence: what nobody decides expires.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

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
_MOST, _AT_ONCE = 2_000, 50  # steps of one go, and of one transaction
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
    rows = waiting.order_by("due_at", "pk").values_list("organization_id", "pk")
    due: dict[int, list[int]] = defaultdict(list)
    for organization_id, pk in rows[:_MOST]:
        due[organization_id].append(pk)
    return sum(
        _remind(organization_id, ids[start : start + _AT_ONCE], now)
        for organization_id, ids in due.items()
        for start in range(0, len(ids), _AT_ONCE)
    )


@transaction.atomic
def _remind(organization_id: int, ids: Sequence[int], now: datetime) -> int:
    """Tell of the steps that are still due: of any number of workers one does.

    Those whose request somebody holds at this moment are left to the next time.
    """
    asked = Step.objects.filter(pk__in=ids).order_by().values("request_id")
    rows = BudgetRequest.objects.pending().filter(pk__in=asked).order_by("pk")
    held = list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
    due = Step.objects.open().filter(pk__in=ids, request__in=held, due_at__lte=now)
    steps = list(due.select_related(*_WITH).order_by("due_at", "pk"))
    if not steps:
        return 0
    for step in steps:
        step.due_at = _next(_ladder(step), now)
    Step.objects.bulk_update(steps, ["due_at"])
    again = [step for step in steps if not _is_at_the_end(step, now)]
    mailed = mails.remind_all(again, now=now)
    notes: list[Note] = []
    for step in steps:
        mine = mailed.get(step.pk)
        if mine is None:
            notes.append(_note("escalated", step, mails.escalate(step, now=now)))
        else:
            told = [str(note.details["person"]) for note in mine]
            notes += [_note("sent", step, told), *mine]
    trail.append(organization_id, *notes, by=SYSTEM, now=now)
    return len(steps)


def _is_at_the_end(step: Step, now: datetime) -> bool:
    return step.due_at is None and _ladder(step)[-1] <= now


def _note(what: str, step: Step, told: Sequence[str]) -> Note:
    details = {"step": step.name, "number": step.number, "told": list(told)}
    return Note(f"reminder.{what}", step.request.uid, details)


def _ladder(step: Step) -> list[datetime]:
    request, opened_at = step.request, step.opened_at
    if opened_at is None:
        return []
    return ladder_of(opened_at, request.needed_by, request.organization.timezone)


def _next(ladder: list[datetime], now: datetime) -> datetime | None:
    return next((moment for moment in ladder if moment > now), None)
