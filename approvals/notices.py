"""The one place where people are told of what happens to a request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from approvals import links, mails, reminders, slack
from approvals.models import BudgetRequest, Decision, RequestState, Step
from approvals.trail import Note
from approvals.types import By
from approvals.voices import Voice, asked

_CHANGED = {"request.edited", "request.resubmitted"}
_REASSIGNED = "step.reassigned"


@dataclass(frozen=True, slots=True)
class Moved:
    """One thing that happened to a request: `event` as the trail calls it."""

    event: str
    request: BudgetRequest  # as it stands since
    by: By
    now: datetime
    opened: Sequence[Step] = ()  # whose turn it is since
    decision: Decision | None = None
    step: Step | None = None  # that was decided, or given to somebody else


def tell(moved: Moved, voices: Mapping[Step, Sequence[Voice]]) -> list[Note]:
    """Tell whom *moved* concerns, in the transaction in which it happened; *voices* of
    the steps that opened.

    Returns what the trail is to say of the links that were mailed.
    """
    request, now = moved.request, moved.now
    if moved.event in _CHANGED:
        links.void_older(request, now=now)
    if request.state == RequestState.PENDING:
        return _ask(moved, voices)
    if request.state != RequestState.DRAFT:
        mails.tell_requester(request, moved.decision, by=moved.by, now=now)
    return []


def _ask(moved: Moved, voices: Mapping[Step, Sequence[Voice]]) -> list[Note]:
    notes: list[Note] = []
    for step in moved.opened or _asked_anew(moved):
        step.request = moved.request
        if moved.event == _REASSIGNED:
            links.void_unasked(step, now=moved.now)
            notes += mails.ask_others(step, now=moved.now)
        else:
            known = voices.get(step) or asked(step, moved.now)
            reminders.plan(step, known, now=moved.now)
            notes += mails.ask(step, known, now=moved.now)
            slack.tell(step, now=moved.now)
    return notes


def _asked_anew(moved: Moved) -> Sequence[Step]:
    """Return the steps that were open before, where people have to hear again."""
    if moved.event not in {*_CHANGED, _REASSIGNED}:
        return ()
    steps = Step.objects.current().open().filter(request=moved.request)
    return list(steps.order_by("number"))
