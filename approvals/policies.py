"""Policies: saved without faults, and put to an amount."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import F, Prefetch

from accounts.audit import acting_as
from accounts.models import Organization, User
from accounts.people import person_for
from accounts.scopes import Role
from accounts.versions import Seen, check_seen, history_of
from approvals import trail
from approvals.currencies import converted
from approvals.errors import NobodyDecides
from approvals.models import ApproverKind, Level, LevelApprover, Policy
from approvals.people import Directory, approver_of
from approvals.permissions import require_admin
from approvals.types import By, Chain, LevelPlan, PlannedStep, PolicyPlan
from budgets.models import Budget
from budgets.owners import path_of
from budgets.validation import sound_currency
from lib.errors import Conflict, FieldError, Invalid
from lib.money import wire

MOST_LEVELS = 20
MOST_APPROVERS = 50  # of one level
ZERO = Decimal(0)
_TAKEN = "There is a policy for these budgets already; change that one."


class AmountLevel(NamedTuple):
    """A level, as it is put to an amount: saved, or only planned."""

    name: str
    required: int | None  # None: all
    min_amount: Decimal
    parallel: bool
    approvers: Sequence[LevelApprover]  # each with its person


@transaction.atomic
def save_policy(
    organization: Organization,
    plan: PolicyPlan,
    *,
    by: By,
    now: datetime,
    policy: Policy | None = None,
    seen: Seen | None = None,
) -> Policy:
    """Save *plan* as *policy*, or as a new one. What runs keeps the policy it has.

    *seen*: which versions of *policy* will do; None: any.

    Raises:
        Forbidden: *by* is no finance admin of the organization.
        Invalid: a field is wrong; it is named.
        NobodyDecides: a level has nobody, or fewer than it requires.
        Conflict: there is another policy for the same budgets, or this one is deleted.
        ChangedMeanwhile: it is none of the versions *seen*.
    """
    require_admin(by, organization)
    _check(organization, plan)
    if policy is not None:
        _hold(policy, seen)
    others = Policy.objects.filter(organization=organization, budget=plan.budget)
    if policy is not None:
        others = others.exclude(pk=policy.pk)
    if others.exists():
        raise Conflict(_TAKEN)
    saved = policy or Policy(organization=organization)
    saved.name = plan.name.strip()
    saved.budget = plan.budget
    saved.currency = sound_currency(
        plan.currency or organization.currency, organization
    )
    saved.self_approval_below = plan.self_approval_below
    try:
        with transaction.atomic(), acting_as(by.name):
            saved.save()
    except IntegrityError as error:  # another was saved at the same moment
        raise Conflict(_TAKEN) from error
    saved.levels.all().delete()
    for number, level in enumerate(plan.levels, 1):
        with at_level(number):
            _add_level(saved, number, level)
    _require_people(saved, plan)
    trail.append(organization.pk, _note("policy.saved", saved), by=by, now=now)
    return saved


@transaction.atomic
def delete_policy(policy: Policy, *, by: By, now: datetime) -> None:
    """Delete *policy*; what runs by it goes on by its copy.

    Raises:
        Forbidden: *by* is no finance admin of the organization.
    """
    require_admin(by, policy.organization)
    note = _note("policy.deleted", policy)
    with acting_as(by.name):
        policy.delete()
    trail.append(policy.organization_id, note, by=by, now=now)


def _hold(policy: Policy, seen: Seen | None) -> None:
    """Keep everybody else from *policy* until commit, if it is as it was *seen*."""
    if not Policy.objects.filter(pk=policy.pk).update(name=F("name")):
        raise Conflict("This policy was deleted after you looked at it.")
    check_seen(history_of(policy), seen)


def policy_for(organization: Organization, path: Sequence[Budget]) -> Policy | None:
    """Return the policy nearest above a budget, by its *path*. Three queries."""
    levels = Level.objects.order_by("number").prefetch_related(
        Prefetch("approvers", LevelApprover.objects.select_related("person"))
    )
    rows = Policy.objects.filter(organization=organization)
    found = rows.prefetch_related(Prefetch("levels", levels))
    by_budget = {one.budget_id: one for one in found}
    nearest = (by_budget[one.pk] for one in path if one.pk in by_budget)
    return next(nearest, by_budget.get(None))


def who_would_approve(
    organization: Organization,
    budget: Budget | None,
    amount: Decimal,
    currency: str = "",
    *,
    now: datetime,
    requester: User | None = None,
) -> Chain:
    """Return who would have to approve *amount* more for *budget*, in which order.

    Raises:
        NobodyDecides: a level would have too few.
    """
    return chain_for(
        organization,
        budget,
        amount,
        currency or organization.currency,
        now=now,
        own_ids=frozenset({requester.pk} if requester else ()),
    )


def chain_for(
    organization: Organization,
    place: Budget | None,
    amount: Decimal,
    currency: str,
    *,
    now: datetime,
    own_ids: frozenset[int],
    finance_decides: bool = True,
) -> Chain:
    """Return the steps that *amount* needs by the policy for *place*; see above.

    Where there is no policy, one finance admin decides, if *finance_decides*; else the
    chain has no steps, for others are named.
    """
    path = path_of(place) if place else ()
    policy = policy_for(organization, path)
    if policy is None and not finance_decides:
        return Chain((), "", None, currency, self_approval=False)
    if policy is None:
        anybody = LevelApprover(kind=ApproverKind.ROLE, role=Role.FINANCE_ADMIN)
        directory = Directory(organization, path, own_ids)
        step = planned("Finance admins", 1, 1, ZERO, [anybody], directory)
        return Chain((step,), "", None, currency, self_approval=False)
    reckoned = converted(
        amount, currency, policy.currency, organization=organization, now=now
    )
    alone = policy.self_approval_below
    own = alone is not None and reckoned < alone
    directory = Directory(organization, path, frozenset() if own else own_ids)
    bands = [one for one in _bands_of(policy) if one.min_amount <= reckoned]
    steps = planned_bands(bands, directory)
    return Chain(steps, policy.name, policy.pk, policy.currency, self_approval=own)


def with_named(
    chain: Chain,
    organization: Organization,
    emails: Sequence[str],
    *,
    in_turn: bool,
    own_ids: frozenset[int],
) -> Chain:
    """Return *chain* with approvers who are named asked before it: all of them decide,
    at the same time or one after another. Where there is no policy, they alone do.
    Who is unknown so far becomes an approver of the organization.

    Raises:
        Invalid: the requester is among them, or one is no address.
    """
    people = {
        one.pk: one for one in (person_for(text, organization) for text in emails)
    }
    if own_ids & people.keys():
        raise Invalid.field("approvers", "Nobody approves their own request.")
    named = [
        LevelApprover(kind=ApproverKind.PERSON, person=one) for one in people.values()
    ]
    directory = Directory(organization, ())
    groups = [[one] for one in named] if in_turn else [named]
    steps = [
        planned(
            group[0].words if in_turn else "Named approvers",
            *(stage, None, ZERO, group, directory),
        )
        for stage, group in enumerate(groups, 1)
    ]
    if chain.policy_id is not None:
        after = len(steps)
        steps += [replace(one, stage=one.stage + after) for one in chain.steps]
    return replace(chain, steps=tuple(steps))


def planned(
    name: str,
    stage: int,
    required: int | None,
    min_amount: Decimal,
    approvers: Sequence[LevelApprover],
    directory: Directory,
) -> PlannedStep:
    """Return a step with the people it means now.

    Raises:
        NobodyDecides: they are fewer than *required*, or none.
    """
    found = directory.candidates(approvers)
    if required is None or len(found) < required:
        found += directory.in_place_of(approvers, found)
    needed = required or len(found)
    if not found or len(found) < needed:
        whom = ", ".join(one.words for one in approvers) or "nobody"
        raise NobodyDecides.field(
            "approvers",
            f"“{name}” needs {needed or 'somebody'} and would have {len(found)} "
            f"({whom}). Those whose request it is don't count.",
            code=NobodyDecides.code,
        )
    return PlannedStep(name, stage, needed, min_amount, found)


def planned_bands(
    bands: Iterable[AmountLevel], directory: Directory
) -> tuple[PlannedStep, ...]:
    """Return the steps that *bands* mean now; those of one stage at the same time.

    Raises:
        NobodyDecides: one would have too few.
    """
    steps, stage = [], 0
    for band in bands:
        stage += not (band.parallel and stage)
        steps.append(
            planned(
                *(band.name, stage, band.required, band.min_amount),
                *(band.approvers, directory),
            )
        )
    return tuple(steps)


def _bands_of(policy: Policy) -> list[AmountLevel]:
    return [
        AmountLevel(
            *(level.name, level.required, level.min_amount, level.parallel),
            list(level.approvers.all()),
        )
        for level in policy.levels.all()
    ]


@contextmanager
def at_level(number: int) -> Iterator[None]:
    """Have what is refused of the approvers of a level name it: "levels.0.approvers".

    *number* is from 1, as levels are numbered; fields are named from 0.
    """
    try:
        yield
    except Invalid as refusal:
        attr = f"levels.{number - 1}.approvers"
        errors = tuple(FieldError(attr, x.code, x.detail) for x in refusal.errors)
        raise type(refusal)(str(refusal), errors=errors) from refusal


def _check(organization: Organization, plan: PolicyPlan) -> None:
    if not plan.name.strip():
        raise Invalid.field("name", "Give it a name.")
    if plan.budget is not None and plan.budget.organization_id != organization.pk:
        raise Invalid.field("budget", "There is no such budget.", code="not_found")
    if plan.self_approval_below is not None and plan.self_approval_below <= 0:
        raise Invalid.field("self_approval_below", "Must be more than 0, or left out.")
    if not 1 <= len(plan.levels) <= MOST_LEVELS:
        raise NobodyDecides.field("levels", f"Give it from 1 to {MOST_LEVELS} levels.")
    if min(level.min_amount for level in plan.levels) != 0:
        detail = (
            "One level has to begin at 0, or small amounts were nobody's to decide."
        )
        raise Invalid.field("levels", detail)
    for number, level in enumerate(plan.levels):
        _check_level(f"levels.{number}", level)


def _check_level(attr: str, level: LevelPlan) -> None:
    if not level.name.strip():
        raise Invalid.field(f"{attr}.name", "Give the level a name.")
    if not 1 <= len(level.approvers) <= MOST_APPROVERS:
        raise NobodyDecides.field(
            f"{attr}.approvers", f"Name from 1 to {MOST_APPROVERS} approvers."
        )
    if level.required is not None and level.required < 1:
        raise Invalid.field(f"{attr}.required", "At least one has to approve.")
    if level.min_amount < 0:
        raise Invalid.field(f"{attr}.min_amount", "Must not be negative.")


def _add_level(policy: Policy, number: int, plan: LevelPlan) -> None:
    level = Level.objects.create(
        organization_id=policy.organization_id,
        policy=policy,
        number=number,
        name=plan.name.strip(),
        required=plan.required,
        min_amount=plan.min_amount,
        parallel=plan.parallel,
    )
    for place, words in enumerate(plan.approvers, 1):
        approver = approver_of(words)
        if approver.kind == ApproverKind.PERSON:
            approver.person = person_for(words, policy.organization)
        approver.organization_id = policy.organization_id
        approver.level, approver.number = level, place
        approver.save()


def _require_people(policy: Policy, plan: PolicyPlan) -> None:
    """Refuse a policy with a level that nobody, or too few, could decide as of now."""
    path = path_of(plan.budget) if plan.budget else ()
    levels = policy.levels.order_by("number").prefetch_related("approvers__person")
    saved = Policy.objects.prefetch_related(Prefetch("levels", levels))
    directory = Directory(policy.organization, path)
    for number, band in enumerate(_bands_of(saved.get(pk=policy.pk)), 1):
        with at_level(number):
            planned_bands([band], directory)


def _note(event: str, policy: Policy) -> trail.Note:
    levels = policy.levels.order_by("number").prefetch_related("approvers__person")
    details = {
        "policy": str(policy.uid),
        "name": policy.name,
        "budget": str(policy.budget.uid) if policy.budget else None,
        "currency": policy.currency,
        "self_approval_below": wire(policy.self_approval_below),
        "levels": [
            {
                "name": level.name,
                "required": level.required,
                "min_amount": wire(level.min_amount),
                "parallel": level.parallel,
                "approvers": [one.words for one in level.approvers.all()],
            }
            for level in levels
        ],
    }
    return trail.Note(event, None, details)
