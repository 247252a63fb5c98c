"""Deciding: by somebody who is asked, once; what follows is in the transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.models import Organization, User
from approvals import chains
from approvals.effects import carry_out
from approvals.errors import (
    AlreadyDecided,
    HasSpoken,
    NotAsked,
    NotItsTurn,
    OwnRequest,
)
from approvals.models import (
    Assignment,
    BudgetRequest,
    Decision,
    Outcome,
    RequestState,
    Step,
    StepState,
)
from approvals.moves import finish, hold
from approvals.notices import Moved
from approvals.people import members
from approvals.permissions import require_admin, require_login
from approvals.trail import Note
from approvals.types import By
from approvals.voices import Voice, refusal_in, voice_among, voice_of
from lib.errors import Invalid, Refusal
from lib.money import format_money, wire

_SENT_BACK = {
    Outcome.REJECTED: (RequestState.REJECTED, StepState.REJECTED),
    Outcome.CHANGES_REQUESTED: (RequestState.CHANGES_REQUESTED, StepState.VOID),
}


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a request by one decision."""

    request: BudgetRequest  # as it stands now; its `state` tells whether it has ended
    decision: Decision
    step: Step
    opened: Sequence[Step]  # whose turn it is since


@transaction.atomic
def decide(
    request: BudgetRequest,
    outcome: Outcome,
    *,
    by: By,
    now: datetime,
    revision: int | None = None,
    step: Step | None = None,
    amount: Decimal | None = None,
    comments: str = "",
) -> Decided:
    """Say what *by* decides about *step* (None: the first open one of theirs).

    *amount* approves less than is asked. The last approval that is needed carries the
    request out, in this transaction.

    Raises:
        AlreadyDecided: the request or the step has ended.
        HasSpoken: the person has decided about this step.
        ChangedSince: the request is not of *revision*.
        NotAsked, OwnRequest, AboveLimit: the person may not.
        LogInFirst: the amount is above what a mailed link decides.
        Invalid: no reason for a rejection, or an *amount* that is not less.
        Conflict: it can't be carried out (not enough left to transfer, ...).
    """
    if by.person is None:
        raise NotAsked("Only a person decides.")
    if outcome != Outcome.APPROVED and not comments.strip():
        raise Invalid.field("comments", "Say why.", code="required")
    held = hold(request, RequestState.PENDING, now=now, revision=revision)
    require_login(by, held, now)
    chosen, voice = _voice(held, step, by.person, now)
    notes: list[Note] = []
    if amount is not None:
        _lower(held, amount, outcome)
    decision = _write(chosen, voice, outcome, by, now, comments.strip())
    opened: Sequence[Step] = ()
    if outcome == Outcome.APPROVED:
        _count(chosen, now)
        if chains.is_complete(held):
            notes.append(carry_out(held, by=by, now=now))
            _end(held, RequestState.APPROVED, now, "")
        else:
            opened = chains.open_next(held, now=now)
    else:
        _send_back(held, chosen, outcome, now, decision.comments)
    held.save()
    moved = Moved("request.decided", held, by, now, opened, decision, chosen)
    finish(moved, _note(moved, chosen, voice), *notes, *_ended(held))
    return Decided(held, decision, chosen, opened)


@transaction.atomic
def reassign(
    step: Step, from_: User, to: User, *, by: By, now: datetime, reason: str
) -> BudgetRequest:
    """Have *to* asked in place of *from_*; for finance admins, with a reason.

    Raises: AlreadyDecided, HasSpoken, NotAsked, OwnRequest, Forbidden, Invalid.
    """
    if not reason.strip():
        raise Invalid.field("reason", "Say why.", code="required")
    held = hold(step.request, RequestState.PENDING, now=now)
    require_admin(by, held.organization)
    own = held.own_ids
    if by.person is None or by.person.pk in own or to.pk in own:
        raise OwnRequest("Nobody chooses who decides about their own request.")
    there = _still_asked(held, step)
    assignment = _given_away(there, from_, to, held.organization)
    assignment.removed_at = now
    assignment.save()
    Assignment.objects.create(
        organization_id=held.organization_id,
        step=there,
        person=to,
        reason=f"reassigned: {reason.strip()}"[:500],
        made_at=now,
    )
    moved = Moved("step.reassigned", held, by, now, step=there)
    details = {"step": there.name, "from": from_.email, "to": to.email}
    finish(moved, Note(moved.event, held.uid, {**details, "reason": reason.strip()}))
    return held


def _voice(
    request: BudgetRequest, step: Step | None, person: User, now: datetime
) -> tuple[Step, Voice]:
    """Return the open step that *person* decides, and by whose voice."""
    if step is not None:
        there = _still_asked(request, step)
        if there.state == StepState.WAITING:
            raise NotItsTurn("Others decide before this step opens.")
        return there, voice_of(there, person, now)
    steps = list(chains.current(request).open().order_by("number").with_voices())
    for one in steps:
        one.request = request
    if (found := voice_among(steps, person, now)) is None:
        raise _why_not(request, steps, person, now)
    by_id = {one.pk: one for one in steps}
    return by_id[found.assignment.step_id], found


def _why_not(
    request: BudgetRequest, steps: Sequence[Step], person: User, now: datetime
) -> Refusal:
    """Return why *person* decides none of the open *steps*: what says most."""
    mine = chains.current(request).filter(
        assignments__person=person, assignments__removed_at=None
    )
    for one in steps:
        if Decision.objects.filter(step=one, person=person).exists():
            return HasSpoken("You have decided about this already.")
    if person.pk not in request.own_ids:
        if mine.filter(state=StepState.APPROVED).exists():
            return AlreadyDecided("Your step is decided already.")
        if mine.filter(state=StepState.WAITING).exists():
            return NotItsTurn("Others decide before your step opens.")
    return refusal_in(steps, person, now)


def _still_asked(request: BudgetRequest, step: Step) -> Step:
    there = chains.current(request).filter(pk=step.pk).first()
    if there is None or there.state not in {StepState.OPEN, StepState.WAITING}:
        raise AlreadyDecided("This step is decided already, or asked no more.")
    there.request = request
    return there


def _lower(request: BudgetRequest, amount: Decimal, outcome: Outcome) -> None:
    most = request.present_amount
    if outcome != Outcome.APPROVED:
        raise Invalid.field("amount", "Only an approval has an amount.")
    if not 0 < amount <= most:
        shown = format_money(most, request.currency)
        raise Invalid.field("amount", f"Must be more than 0 and at most {shown}.")
    if amount < most:
        request.approved_amount = amount


def _write(
    step: Step, voice: Voice, outcome: Outcome, by: By, now: datetime, comments: str
) -> Decision:
    request = step.request
    return Decision.objects.create(
        organization_id=request.organization_id,
        step=step,
        revision=request.revision,
        person=voice.person,
        assignment=voice.assignment,
        outcome=outcome,
        amount=request.present_amount,
        comments=comments,
        how=by.how,
        decided_at=now,
        requester=request.requester,
        self_approval=request.self_approval,
    )


def _count(step: Step, now: datetime) -> None:
    """Count an approval of *step*; with the last one it needs it is approved. Whoever
    does holds its request, so it is as it was read."""
    given = step.given + 1
    is_last = given >= step.needed
    step.given, step.decided_at = given, now if is_last else None
    step.state = StepState.APPROVED if is_last else StepState.OPEN
    rows = Step.objects.filter(pk=step.pk, state=StepState.OPEN, given=given - 1)
    changed = {"state": step.state, "decided_at": step.decided_at}
    if not rows.update(given=given, **changed):
        raise AlreadyDecided("This step is decided already.")


def _send_back(
    request: BudgetRequest, step: Step, outcome: Outcome, now: datetime, why: str
) -> None:
    state, of_step = _SENT_BACK[outcome]
    Step.objects.filter(pk=step.pk).update(state=of_step, decided_at=now)
    sent_back = outcome == Outcome.CHANGES_REQUESTED
    chains.void(request, approved_too=sent_back)
    step.refresh_from_db(fields=["state", "decided_at"])
    if sent_back:
        request.state, request.outcome_reason = state, why
    else:
        _end(request, state, now, why)


def _end(
    request: BudgetRequest, state: RequestState, now: datetime, reason: str
) -> None:
    request.state, request.decided_at = state, now
    request.outcome_reason = reason
    if state == RequestState.APPROVED:
        request.approved_amount = request.present_amount


def _given_away(
    step: Step, from_: User, to: User, organization: Organization
) -> Assignment:
    assignment = step.assignments.in_place().filter(person=from_).first()
    if assignment is None:
        raise NotAsked(f"{from_} is not asked to decide this step.")
    if Decision.objects.filter(assignment=assignment).exists():
        raise HasSpoken(f"{from_} has decided already.")
    if not members(organization).filter(pk=to.pk).exists():
        raise Invalid.field("to", "There is no such person in the organization.")
    asked = step.assignments.in_place().filter(person=to).exists()
    if asked or Decision.objects.filter(step=step, person=to).exists():
        raise Invalid.field("to", f"{to} is asked to decide this step already.")
    return assignment


def _note(moved: Moved, step: Step, voice: Voice) -> Note:
    decision, request = moved.decision, moved.request
    details = {
        "outcome": str(decision.outcome) if decision else "",
        "step": step.name,
        "number": step.number,
        "revision": request.revision,
        "person": voice.person.email,
        "for": voice.assignment.person.email,
        "through": [one.email for one in voice.through],
        "amount": wire(request.present_amount),
        "comments": decision.comments if decision else "",
    }
    return Note(moved.event, request.uid, details)


def _ended(request: BudgetRequest) -> list[Note]:
    if request.state == RequestState.PENDING:
        return []
    details = {
        "amount": wire(request.present_amount),
        "currency": request.currency,
        "budget": str(request.budget.uid) if request.budget else None,
    }
    return [Note(f"request.{request.state}", request.uid, details)]
