"""Reminders of what waits for a decision: a ladder, until somebody has decided.

First those who are asked, at the end of it who decides next or looks after the money.
Nothing is ever approved by silence: what nobody decides expires.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from approvals import mails, trail
from approvals.clocks import hours_in, hours_of
from approvals.models import BudgetRequest, RequestState, Step, TrailEntry
from approvals.trail import Note
from approvals.types import SYSTEM
from approvals.voices import Voice, asked_of
from notifications.steps import Hours, next_open

_DAY = timedelta(days=1)
# Of what is not needed by a date: after its step has opened. The last one is told up.
_USUAL = (2 * _DAY, 5 * _DAY, 10 * _DAY)
_SENT, _ESCALATED = "reminder.sent", "reminder.escalated"
_ABOVE = ""  # whoever is told at the end, whoever that is
_MOST, _AT_ONCE = 2_000, 50  # steps of one go, and of one transaction
_WITH = (
    *("request__organization", "request__requester", "request__on_behalf_of"),
    *("request__budget", "request__parent", "request__source"),
)
# When somebody was last told: by request, number of the step, and mail address.
_Heard = Mapping[tuple[UUID | None, int, str], datetime]


def ladder_of(
    opened_at: datetime, needed_by: datetime | None, hours: Hours
) -> list[datetime]:
    """Return when people are told again of a step, the last one further up."""
    delays, any_hour = _USUAL, False
    if needed_by is not None:
        left = max(needed_by - opened_at, timedelta(hours=1))
        delays = (left / 2, max(left - _DAY, left * 3 / 4), left)
        any_hour = left < _DAY  # who is in a hurry asks at any hour
    moments = [opened_at + delay for delay in delays]
    return moments if any_hour else [next_open(one, hours) for one in moments]


def plan(step: Step, voices: Iterable[Voice], *, now: datetime) -> None:
    """Note on *step* when the first of those who are asked is told of it again."""
    people = [one.person.email for one in voices]
    hours = hours_of(step.request.organization, people)
    step.due_at = _next(step, hours.values(), now)
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
    whose = Step.objects.filter(pk__in=ids).order_by().values("request_id")
    rows = BudgetRequest.objects.pending().filter(pk__in=whose).order_by("pk")
    held = list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
    due = Step.objects.open().filter(pk__in=ids, request__in=held, due_at__lte=now)
    steps = list(due.select_related(*_WITH).order_by("due_at", "pk"))
    if not steps:
        return 0
    asked = asked_of(steps, now)
    people = {voice.person.email for many in asked.values() for voice in many}
    hours = hours_of(steps[0].request.organization, people)
    heard = _heard(steps)
    ended = [step for step in steps if _is_at_the_end(step, heard, now)]
    again: dict[Step, Sequence[Voice]] = {}
    for step in steps:
        voices = asked[step.pk]
        due_now = [one for one in voices if _is_due(step, one, hours, heard, now)]
        if due_now and step not in ended:
            again[step] = due_now
        clocks = [hours[one.person.email] for one in voices]
        step.due_at = _next(step, clocks, now)
    Step.objects.bulk_update(steps, ["due_at"])
    mailed = mails.remind_all(again, now=now)
    notes = [_note(_ESCALATED, one, mails.escalate(one, now=now)) for one in ended]
    for step, mine in mailed.items():
        told = [str(note.details["person"]) for note in mine]
        notes += [_note(_SENT, step, told), *mine]
    trail.append(organization_id, *notes, by=SYSTEM, now=now)
    return len(ended) + len(again)


def _heard(steps: Sequence[Step]) -> _Heard:
    """Return when people last heard of *steps*, of one organization. One query."""
    entries = TrailEntry.objects.filter(
        organization=steps[0].organization_id,
        subject__in=[step.request.uid for step in steps],
        event__in=[_SENT, _ESCALATED],
    )
    heard: dict[tuple[UUID | None, int, str], datetime] = {}
    for entry in entries.order_by("at"):
        said = entry.details
        told = said["told"] if entry.event == _SENT else [_ABOVE]
        for person in told:
            heard[entry.subject, said["number"], person] = entry.at
    return heard


def _is_due(
    step: Step,
    voice: Voice,
    hours: Mapping[str, Hours],
    heard: _Heard,
    now: datetime,
) -> bool:
    """Tell whether it is time for *voice* by their own clocks, and they were not
    reminded since: also of a moment before it was them who stand in."""
    person = voice.person.email
    *own, _ = _ladder(step, hours[person])
    passed = [moment for moment in own if moment <= now]
    last = heard.get((step.request.uid, step.number, person))
    return bool(passed) and (last is None or last < passed[-1])


def _is_at_the_end(step: Step, heard: _Heard, now: datetime) -> bool:
    """Tell whether the end of *step* came, and nobody was told further up since."""
    end = _end(step)
    last = heard.get((step.request.uid, step.number, _ABOVE))
    return end <= now and (last is None or last < end)


def _note(event: str, step: Step, told: Sequence[str]) -> Note:
    details = {"step": step.name, "number": step.number, "told": list(told)}
    return Note(event, step.request.uid, details)


def _end(step: Step) -> datetime:
    """Return when it is told further up: by the organization's clocks, for whoever is
    told there."""
    return _ladder(step, hours_in(step.request.organization.timezone))[-1]


def _ladder(step: Step, hours: Hours) -> list[datetime]:
    request = step.request
    opened_at = step.opened_at or request.created_at
    return ladder_of(opened_at, request.needed_by, hours)


def _next(step: Step, clocks: Iterable[Hours], now: datetime) -> datetime | None:
    """Return when somebody is told of *step* next, if ever."""
    moments = {_end(step)}
    for hours in clocks:
        moments.update(_ladder(step, hours)[:-1])
    return min((one for one in moments if one > now), default=None)
