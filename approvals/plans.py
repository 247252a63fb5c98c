"""Plans of policies: what one says now, and what one that is not saved would mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from accounts.models import Organization
from accounts.people import person_meant
from approvals.models import ApproverKind, LevelApprover, Policy
from approvals.people import Directory, approver_of
from approvals.policies import AmountLevel, at_level, planned, planned_bands
from approvals.types import Candidate, Chain, LevelPlan, PolicyPlan
from budgets.models import Budget
from budgets.owners import path_of
from lib.errors import Refusal

_OWNERS = {ApproverKind.BUDGET_OWNER, ApproverKind.ANCESTOR_OWNER}


@dataclass(frozen=True, slots=True)
class LevelNow:
    """A level of a plan, and whom it would ask as of now."""

    name: str
    stage: int  # levels of one stage at the same time
    required: int | None  # None: all
    min_amount: Decimal
    people: tuple[Candidate, ...]
    owners: tuple[str, ...]  # those who depend on the budget, as the API writes them
    fault: str  # why nobody could decide it; "": somebody can


def plan_of(policy: Policy) -> PolicyPlan:
    """Return what *policy* says, to be changed and saved again; two queries."""
    return PolicyPlan(
        name=policy.name,
        budget=policy.budget,
        currency=policy.currency,
        self_approval_below=policy.self_approval_below,
        levels=[
            LevelPlan(
                name=level.name,
                approvers=[one.words for one in level.approvers.all()],
                required=level.required,
                min_amount=level.min_amount,
                parallel=level.parallel,
            )
            for level in policy.levels.all()
        ],
    )


def levels_now(organization: Organization, plan: PolicyPlan) -> list[LevelNow]:
    """Return whom each level of *plan* would ask about its budget; saves nothing."""
    path = path_of(plan.budget) if plan.budget else ()
    directory = Directory(organization, path)
    found, stage = [], 0
    for level in plan.levels:
        stage += not (level.parallel and stage)
        people: tuple[Candidate, ...] = ()
        owners: tuple[str, ...] = ()
        fault = ""
        try:
            approvers = _approvers_of(organization, level)
            owners = tuple(one.words for one in approvers if one.kind in _OWNERS)
            named = [one for one in approvers if one.kind not in _OWNERS]
            people = directory.candidates(named)
            planned(
                *(level.name, stage, level.required, level.min_amount),
                *(approvers, directory),
            )
        except Refusal as refusal:
            fault = str(refusal)
        found.append(
            LevelNow(
                *(level.name, stage, level.required, level.min_amount),
                *(people, owners, fault),
            )
        )
    return found


def chain_by(
    organization: Organization,
    plan: PolicyPlan,
    place: Budget | None,
    amount: Decimal,
    *,
    own_ids: frozenset[int] = frozenset(),
) -> Chain:
    """Return who would have to approve *amount*, in the plan's currency, more for
    *place* if *plan* were saved; saves nothing.

    Raises:
        NobodyDecides: a level would have too few.
        Invalid: a level names nobody there could be.
    """
    currency = plan.currency or organization.currency
    alone = plan.self_approval_below
    own = alone is not None and amount < alone
    path = path_of(place) if place else ()
    directory = Directory(organization, path, frozenset() if own else own_ids)
    bands = [
        _band(organization, number, level)
        for number, level in enumerate(plan.levels, 1)
        if level.min_amount <= amount
    ]
    steps = planned_bands(bands, directory)
    return Chain(steps, plan.name, None, currency, self_approval=own)


def _band(organization: Organization, number: int, level: LevelPlan) -> AmountLevel:
    with at_level(number):
        approvers = _approvers_of(organization, level)
    return AmountLevel(
        *(level.name, level.required, level.min_amount, level.parallel), approvers
    )


def _approvers_of(
    organization: Organization, level: LevelPlan
) -> Sequence[LevelApprover]:
    found = []
    for words in level.approvers:
        approver = approver_of(words)
        if approver.kind == ApproverKind.PERSON:
            approver.person = person_meant(words, organization)
        found.append(approver)
    return found
