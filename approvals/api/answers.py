"""Requests, with all that became of them, as the API answers them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from approvals.impact import Impact, ImpactLine, frozen_impact, impact_of
from approvals.models import (
    OPEN_STATES,
    Assignment,
    BudgetRequest,
    Decision,
    How,
    Outcome,
    RequestKind,
    RequestState,
    Step,
    StepState,
    TrailEntry,
)
from budgets.models import Budget
from lib.answers import Exact, Moment, Money, Out, choices, note
from lib.money import wire
from lib.periods import Cadence


class BudgetRequestOut(Out, frozen=True):
    """Money that somebody asks for, and how far that is."""

    id: str
    kind: Annotated[str, choices(RequestKind.values)]
    state: Annotated[str, choices(RequestState.values)]
    revision: Annotated[int, note("Rises with every edit and resubmission.")]
    organization_id: str
    requester: str
    on_behalf_of: str | None
    filed_by: Annotated[str, note("Who sent it: a person, or a key by its name.")]
    budget: Annotated[
        str | None, note("The id of the budget; of a new one: once it is approved.")
    ]
    budget_name: str | None
    parent: Annotated[str | None, note("Of a new budget: the id of the one above.")]
    source: Annotated[str | None, note("Of a transfer: the id of what gives.")]
    name: Annotated[str, note("Of a new budget.")]
    scope: Annotated[
        dict[str, Any], note("Of a new budget; of a rule exception: what it is for.")
    ]
    duration: Annotated[
        str, choices([one.value for one in Cadence]), note("Period of a new budget.")
    ]
    rule: Annotated[str, note("Of a rule exception: the id of the rule.")]
    until: Annotated[Moment | None, note("Exclusive.")]
    amount: Annotated[Money, note("By how much more; of a new budget all of it.")]
    approved_amount: Annotated[
        Money | None, note("What it was lowered to so far; in the end: approved.")
    ]
    currency: str
    justification: str
    metadata: dict[str, Any]
    links: list[dict[str, str]]
    needed_by: Moment | None
    approvers: Annotated[list[str], note("Those who were named.")]
    mode: Annotated[str, choices(["parallel", "sequential"]), note("Of the named.")]
    policy: Annotated[str | None, note("Its name, when it was submitted.")]
    self_approval: Annotated[bool, note("Whether its requester may decide it.")]
    reason: Annotated[str, note("Why it ended, where that was said.")]
    created_at: Moment
    changed_at: Moment
    submitted_at: Moment | None
    decided_at: Annotated[Moment | None, note("Or withdrawn, or expired.")]
    expires_at: Moment | None


class ImpactLineOut(Out, frozen=True):
    """One budget as it stands and as it would, in its own currency."""

    budget: Annotated[str, note("Its id.")]
    name: str
    role: Annotated[str, note("asked, source, or above.")]
    currency: str
    limit_now: Money
    limit_then: Money
    spent: Money
    reserved: Money
    left_now: Money
    left_then: Money
    unallocated_now: Annotated[Money | None, note("Null: nothing is promised below.")]
    unallocated_then: Money | None
    projected: Annotated[Money | None, note("Null: too little history.")]
    probability_now: Annotated[Exact | None, note("That it passes its limit.")]
    probability_then: Exact | None


class ImpactOut(Out, frozen=True):
    """What a request would mean for its budget and all above it."""

    at: Moment
    amount: Money
    currency: str
    lines: list[ImpactLineOut]
    conflicts: list[str]


class AskedOut(Out, frozen=True):
    """Somebody who is asked about a step, and what they said."""

    person: str
    reason: Annotated[str, note("Why they: an address, a role, an owner.")]
    decision: Annotated[str | None, choices([*Outcome.values, None])]


class ApprovalStepOut(Out, frozen=True):
    """One level of those who decide."""

    id: str
    number: int
    stage: Annotated[int, note("Those of one stage decide at the same time.")]
    name: str
    state: Annotated[str, choices(StepState.values)]
    required: Annotated[int, note("How many have to approve.")]
    given: Annotated[int, note("How many have.")]
    approvers: list[AskedOut]
    opened_at: Moment | None
    due_at: Moment | None
    decided_at: Moment | None


class ApprovalDecisionOut(Out, frozen=True):
    """What one person said."""

    id: str
    step: Annotated[str, note("Its id.")]
    step_name: str
    revision: Annotated[int, note("Of the request, as it was decided on.")]
    decision: Annotated[str, choices(Outcome.values)]
    approver: str
    on_behalf_of: Annotated[str | None, note("For whom they stood in.")]
    amount: Annotated[Money, note("Of the request, as it stood then.")]
    comments: str
    how: Annotated[str, choices(How.values)]
    decided_at: Moment


class TrailEntryOut(Out, frozen=True):
    """One thing that happened, as it stands in the organization's trail."""

    number: int
    at: Moment
    event: str
    actor: str
    how: Annotated[str, choices(How.values)]
    details: dict[str, Any]
    digest: str


class BudgetRequestDetailOut(BudgetRequestOut, frozen=True):
    """A request with what it would mean, who decides, and all that happened."""

    impact: Annotated[
        ImpactOut | None, note("Now, while it is open; then as it was submitted.")
    ]
    steps: Annotated[list[ApprovalStepOut], note("Those that count now.")]
    decisions: Annotated[
        list[ApprovalDecisionOut], note("All there were, the oldest first.")
    ]
    trail: list[TrailEntryOut]


def request_out(request: BudgetRequest) -> BudgetRequestOut:
    """Return a request; whom and what it names are at hand."""
    return BudgetRequestOut(**_request(request))


def detail_out(request: BudgetRequest, now: datetime) -> BudgetRequestDetailOut:
    """Return a request with its whole story. Some twenty queries while it is open."""
    decisions = list(
        Decision.objects.filter(step__request=request).select_related(
            "person", "step", "assignment__person"
        )
    )
    return BudgetRequestDetailOut(
        **_request(request),
        impact=_impact_out(request, now),
        steps=_steps_out(request, decisions),
        decisions=[_decision_out(one) for one in decisions],
        trail=_trail_out(request),
    )


def _request(request: BudgetRequest) -> Mapping[str, Any]:
    budget = request.budget
    behalf, filed = request.on_behalf_of, request.filed_by
    return {
        "id": str(request.uid),
        "kind": request.kind,
        "state": request.state,
        "revision": request.revision,
        "organization_id": request.organization.slug,
        "requester": request.requester.email,
        "on_behalf_of": behalf.email if behalf else None,
        "filed_by": filed.email if filed else request.filed_by_name,
        "budget": _uid(budget),
        "budget_name": budget.name if budget else None,
        "parent": _uid(request.parent),
        "source": _uid(request.source),
        "name": request.name,
        "scope": request.scope,
        "duration": request.period,
        "rule": request.rule,
        "until": request.until,
        "amount": wire(request.amount),
        "approved_amount": wire(request.approved_amount),
        "currency": request.currency,
        "justification": request.justification,
        "metadata": request.metadata,
        "links": request.links,
        "needed_by": request.needed_by,
        "approvers": request.named_approvers,
        "mode": "sequential" if request.in_turn else "parallel",
        "policy": request.policy_name or None,
        "self_approval": request.self_approval,
        "reason": request.outcome_reason,
        "created_at": request.created_at,
        "changed_at": request.changed_at,
        "submitted_at": request.submitted_at,
        "decided_at": request.decided_at,
        "expires_at": request.expires_at,
    }


def _uid(budget: Budget | None) -> str | None:
    return str(budget.uid) if budget else None


def _impact_out(request: BudgetRequest, now: datetime) -> ImpactOut | None:
    is_open = request.state in OPEN_STATES
    found = impact_of(request, now) if is_open else frozen_impact(request)
    return None if found is None else impact_out(found)


def impact_out(found: Impact) -> ImpactOut:
    return ImpactOut(
        at=found.at,
        amount=wire(found.amount),
        currency=found.currency,
        lines=[_line_out(line) for line in found.lines],
        conflicts=list(found.conflicts),
    )


def _line_out(line: ImpactLine) -> ImpactLineOut:
    return ImpactLineOut(
        budget=line.budget,
        name=line.name,
        role=line.role,
        currency=line.currency,
        limit_now=wire(line.limit_now),
        limit_then=wire(line.limit_then),
        spent=wire(line.spent),
        reserved=wire(line.reserved),
        left_now=wire(line.left_now),
        left_then=wire(line.left_then),
        unallocated_now=wire(line.unallocated_now),
        unallocated_then=wire(line.unallocated_then),
        projected=wire(line.projected),
        probability_now=_share(line.probability_now),
        probability_then=_share(line.probability_then),
    )


def _share(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _steps_out(
    request: BudgetRequest, decisions: Iterable[Decision]
) -> list[ApprovalStepOut]:
    said = {one.assignment_id: one.outcome for one in decisions}
    steps = Step.objects.filter(request=request, revision=request.chain_revision)
    asked: dict[int, list[AskedOut]] = {}
    people = Assignment.objects.in_place().filter(step__in=steps)
    for one in people.select_related("person").order_by("pk"):
        shown = AskedOut(one.person.email, one.reason, said.get(one.pk))
        asked.setdefault(one.step_id, []).append(shown)
    return [_step_out(step, asked.get(step.pk, [])) for step in steps]


def _step_out(step: Step, approvers: list[AskedOut]) -> ApprovalStepOut:
    return ApprovalStepOut(
        id=str(step.uid),
        number=step.number,
        stage=step.stage,
        name=step.name,
        state=step.state,
        required=step.needed,
        given=step.given,
        approvers=approvers,
        opened_at=step.opened_at,
        due_at=step.due_at,
        decided_at=step.decided_at,
    )


def _decision_out(decision: Decision) -> ApprovalDecisionOut:
    whose = decision.assignment.person.email if decision.is_by_delegate else None
    return ApprovalDecisionOut(
        id=str(decision.uid),
        step=str(decision.step.uid),
        step_name=decision.step.name,
        revision=decision.revision,
        decision=decision.outcome,
        approver=decision.person.email,
        on_behalf_of=whose,
        amount=wire(decision.amount),
        comments=decision.comments,
        how=decision.how,
        decided_at=decision.decided_at,
    )


def _trail_out(request: BudgetRequest) -> list[TrailEntryOut]:
    rows = TrailEntry.objects.filter(
        organization=request.organization_id, subject=request.uid
    )
    return [
        TrailEntryOut(
            number=one.number,
            at=one.at,
            event=one.event,
            actor=one.actor,
            how=one.how,
            details=one.details,
            digest=one.digest,
        )
        for one in rows.order_by("number")
    ]
