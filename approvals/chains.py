"""The steps of a request: frozen at submission, opened stage by stage."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from approvals.currencies import converted
from approvals.models import Assignment, BudgetRequest, Step, StepQuerySet, StepState
from approvals.trail import Note
from approvals.types import Chain
from approvals.voices import Voice


def freeze(request: BudgetRequest, chain: Chain, *, now: datetime) -> None:
    """Write *chain* down as the steps that *request* has from its revision on."""
    request.chain_revision = request.revision
    for number, planned in enumerate(chain.steps, 1):
        step = Step.objects.create(
            organization_id=request.organization_id,
            request=request,
            revision=request.revision,
            number=number,
            stage=planned.stage,
            name=planned.name,
            needed=planned.needed,
            min_amount=planned.min_amount,
        )
        Assignment.objects.bulk_create(
            Assignment(
                organization_id=request.organization_id,
                step=step,
                person=one.person,
                reason=one.reason,
                made_at=now,
            )
            for one in planned.approvers
        )


def open_next(request: BudgetRequest, *, now: datetime) -> Sequence[Step]:
    """Open the stage whose turn it is; none while another is open, or at the end.
    A query, and one more that opens."""
    steps = list(current(request).order_by("number"))
    waiting = [one for one in steps if one.state == StepState.WAITING]
    if not waiting or any(one.state == StepState.OPEN for one in steps):
        return ()
    stage = min(one.stage for one in waiting)
    opened = [one for one in waiting if one.stage == stage]
    rows = Step.objects.filter(pk__in=[one.pk for one in opened])
    rows.update(state=StepState.OPEN, opened_at=now)
    for step in opened:
        step.request, step.state, step.opened_at = request, StepState.OPEN, now
    return opened


def is_complete(request: BudgetRequest) -> bool:
    """Tell whether every step has the approvals it needs. One query."""
    rows = current(request).values_list("state", "given", "needed")
    found = list(rows.order_by())
    return bool(found) and all(
        state == StepState.APPROVED and given >= needed
        for state, given, needed in found
    )


def void(request: BudgetRequest, *, approved_too: bool = False) -> None:
    """Have nobody asked any more; with *approved_too* what was approved is void."""
    states = [StepState.WAITING, StepState.OPEN]
    if approved_too:
        states.append(StepState.APPROVED)
    current(request).filter(state__in=states).update(state=StepState.VOID)


def needs_fewer(request: BudgetRequest, now: datetime) -> bool:
    """Tell whether some frozen step's band begins above the request's amount."""
    amount = converted(
        request.amount,
        request.currency,
        request.policy_currency,
        organization=request.organization,
        now=now,
    )
    return current(request).filter(min_amount__gt=amount).exists()


def current(request: BudgetRequest) -> StepQuerySet:
    """Return the steps that count."""
    return Step.objects.filter(request=request, revision=request.chain_revision)


def opened_notes(voices: Mapping[Step, Sequence[Voice]]) -> list[Note]:
    """Return what the trail is to say of steps that open, with who is asked."""
    return [
        Note(
            "step.opened",
            step.request.uid,
            {
                "step": step.name,
                "number": step.number,
                "needed": step.needed,
                "asked": [
                    {
                        "person": voice.person.email,
                        "for": voice.assignment.person.email,
                    }
                    for voice in asked_too
                ],
            },
        )
        for step, asked_too in voices.items()
    ]
