"""Requests for money, who decides them by which policy, and the trail of it all."""

from approvals.models.delegations import Delegation, DelegationQuerySet
from approvals.models.policies import ApproverKind, Level, LevelApprover, Policy
from approvals.models.requests import (
    OPEN_STATES,
    WITHOUT_AMOUNT,
    BudgetRequest,
    BudgetRequestQuerySet,
    RequestKind,
    RequestState,
)
from approvals.models.slack import SlackApp, SlackUser
from approvals.models.steps import (
    Assignment,
    AssignmentQuerySet,
    Decision,
    Outcome,
    Step,
    StepQuerySet,
    StepState,
)
from approvals.models.trail import How, TrailEntry, TrailHead

__all__ = [
    "OPEN_STATES",
    "WITHOUT_AMOUNT",
    "ApproverKind",
    "Assignment",
    "AssignmentQuerySet",
    "BudgetRequest",
    "BudgetRequestQuerySet",
    "Decision",
    "Delegation",
    "DelegationQuerySet",
    "How",
    "Level",
    "LevelApprover",
    "Outcome",
    "Policy",
    "RequestKind",
    "RequestState",
    "SlackApp",
    "SlackUser",
    "Step",
    "StepQuerySet",
    "StepState",
    "TrailEntry",
    "TrailHead",
]
