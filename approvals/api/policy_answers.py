"""Policies and delegations as the API answers them."""

from typing import Annotated

from approvals.models import Delegation, Level, Policy
from approvals.types import Chain, PlannedStep
from lib.answers import Moment, Money, Out, note
from lib.money import wire


class ApprovalLevelOut(Out, frozen=True):
    """One level of a policy."""

    name: str
    approvers: Annotated[
        list[str], note("Addresses, role:R, budget_owner, ancestor_owner:N.")
    ]
    required: Annotated[int | str, note("A number, or all.")]
    min_amount: Annotated[Money, note("From which amount on, inclusive.")]
    parallel: Annotated[bool, note("At the same time as the level before.")]


class ApprovalPolicyOut(Out, frozen=True):
    """Who has to approve how much, in an organization or a subtree of its budgets."""

    id: str
    name: str
    organization_id: str
    budget: Annotated[str | None, note("The id of the subtree's root; null: all.")]
    budget_name: str | None
    currency: str
    self_approval_below: Annotated[Money | None, note("Null: never.")]
    levels: list[ApprovalLevelOut]
    created_at: Moment


class PlannedLevelOut(Out, frozen=True):
    """One level of those who would have to approve."""

    name: str
    approvers: Annotated[list[str], note("Their addresses.")]
    required: Annotated[int, note("How many of them.")]
    stage: Annotated[int, note("Those of one stage decide at the same time.")]
    reasons: Annotated[list[str], note("Why each of them, in their order.")]


class ApprovalPreviewOut(Out, frozen=True):
    """Who would have to approve an amount, in their order."""

    policy: Annotated[str | None, note("Its name; null: there is none.")]
    currency: Annotated[str, note("Of the policy's amounts.")]
    self_approval: Annotated[bool, note("Whether the requester may decide it.")]
    levels: list[PlannedLevelOut]


class DelegationOut(Out, frozen=True):
    """Who stands in for whom, and when."""

    id: str
    organization_id: str
    delegator: str
    delegate: str
    start_date: Moment
    end_date: Annotated[Moment, note("Exclusive.")]
    limit: Annotated[Money | None, note("Up to and with; null: none of its own.")]
    currency: Annotated[str | None, note("Of the limit.")]
    reason: str
    ended_at: Annotated[Moment | None, note("Where it was ended early.")]
    created_at: Moment


def policy_out(policy: Policy) -> ApprovalPolicyOut:
    """Return a policy; its levels, their approvers and its budget are at hand."""
    return ApprovalPolicyOut(
        id=str(policy.uid),
        name=policy.name,
        organization_id=policy.organization.slug,
        budget=str(policy.budget.uid) if policy.budget else None,
        budget_name=policy.budget.name if policy.budget else None,
        currency=policy.currency,
        self_approval_below=wire(policy.self_approval_below),
        levels=[_level_out(level) for level in policy.levels.all()],
        created_at=policy.created_at,
    )


def _level_out(level: Level) -> ApprovalLevelOut:
    return ApprovalLevelOut(
        name=level.name,
        approvers=[one.words for one in level.approvers.all()],
        required="all" if level.required is None else level.required,
        min_amount=wire(level.min_amount),
        parallel=level.parallel,
    )


def preview_out(chain: Chain) -> ApprovalPreviewOut:
    return ApprovalPreviewOut(
        policy=chain.policy_name or None,
        currency=chain.currency,
        self_approval=chain.self_approval,
        levels=[_planned_out(step) for step in chain.steps],
    )


def _planned_out(step: PlannedStep) -> PlannedLevelOut:
    return PlannedLevelOut(
        name=step.name,
        approvers=[one.person.email for one in step.approvers],
        required=step.needed,
        stage=step.stage,
        reasons=[one.reason for one in step.approvers],
    )


def delegation_out(delegation: Delegation) -> DelegationOut:
    """Return a delegation; its people and organization are at hand."""
    return DelegationOut(
        id=str(delegation.uid),
        organization_id=delegation.organization.slug,
        delegator=delegation.delegator.email,
        delegate=delegation.delegate.email,
        start_date=delegation.starts_at,
        end_date=delegation.ends_at,
        limit=wire(delegation.limit),
        currency=delegation.currency or None,
        reason=delegation.reason,
        ended_at=delegation.ended_at,
        created_at=delegation.created_at,
    )
