"""Whose voice somebody has in a step: their own, or that of whom they stand in for.

Resolved anew whenever it is asked for: when a step opens, when a mail is sent, when
somebody decides.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User
from approvals.currencies import converted
from approvals.errors import AboveLimit, HasSpoken, NotAsked, OwnRequest
from approvals.models import (
    Assignment,
    BudgetRequest,
    Decision,
    Delegation,
    Step,
    StepState,
)
from approvals.people import members
from lib.errors import Refusal

MOST_LINKS = 3  # of a chain of people who stand in for one another


@dataclass(frozen=True, slots=True)
class Voice:
    """A person, and whose assignment they decide by."""

    person: User
    assignment: Assignment  # with its person
    # From whom it came to them: the assigned first; empty: they are the assigned.
    through: tuple[User, ...] = ()


@dataclass(frozen=True, slots=True)
class _StandIns:
    """Who stands in for whom in one organization at one moment."""

    request: BudgetRequest
    now: datetime
    by_delegator: Mapping[int, Sequence[Delegation]]
    allowed: frozenset[int] = field(default_factory=frozenset)  # active, and in it

    def of(self, assignment: Assignment, *, limits: bool = True) -> Iterator[Voice]:
        """Yield who may stand in for the assigned, the nearest first, each once.

        Nobody passes a voice on who could not use it: not whose request it is, nor who
        has left.
        """
        if not self.may_decide(assignment.person_id):
            return
        met = {assignment.person_id}
        waiting = [Voice(assignment.person, assignment)]
        while waiting:
            voice = waiting.pop(0)
            if len(voice.through) >= MOST_LINKS:
                continue
            for one in self.by_delegator.get(voice.person.pk, ()):
                if one.delegate_id in met or (limits and not self._covers(one)):
                    continue
                met.add(one.delegate_id)
                through = (*voice.through, voice.person)
                if self.may_decide(one.delegate_id):
                    waiting.append(Voice(one.delegate, assignment, through))
                    yield waiting[-1]

    def may_decide(self, person_id: int) -> bool:
        own = person_id in self.request.own_ids and not self.request.self_approval
        return person_id in self.allowed and not own

    def last_of(self, assignment: Assignment) -> tuple[Voice, ...]:
        """Return whom to ask: those at the ends of the chains, else the assigned."""
        found = list(self.of(assignment))
        passing = {one.pk for voice in found for one in voice.through}
        ends = tuple(one for one in found if one.person.pk not in passing)
        return ends or (Voice(assignment.person, assignment),)

    def _covers(self, delegation: Delegation) -> bool:
        limit: Decimal | None = delegation.limit
        if limit is None:
            return True
        amount = converted(
            self.request.present_amount,
            self.request.currency,
            delegation.currency,
            organization=self.request.organization,
            now=self.now,
        )
        return amount <= limit


def asked(step: Step, now: datetime) -> tuple[Voice, ...]:
    """Return who is to be asked about *step* now: of each assignment without a decision
    whoever stands in, else the assigned. Each person once. Four queries.
    """
    return asked_of([step], now)[step.pk]


def asked_of(steps: Sequence[Step], now: datetime) -> Mapping[int, tuple[Voice, ...]]:
    """Return `asked` of many *steps* of one organization, by their ids. Four queries,
    however many they are."""
    organization_id = steps[0].organization_id
    lent = _lent_in(organization_id, now)
    undecided: dict[int, list[Assignment]] = defaultdict(list)
    rows = Assignment.objects.undecided().filter(step__in=steps)
    for one in rows.select_related("person").order_by("pk"):
        undecided[one.step_id].append(one)
    people = {one.person_id for many in undecided.values() for one in many}
    people |= {one.delegate_id for many in lent.values() for one in many}
    inside = members(organization_id).order_by().filter(pk__in=people)
    allowed = frozenset(inside.values_list("pk", flat=True))
    said = Decision.objects.filter(step__in=steps).order_by()
    spoken = set(said.values_list("step_id", "person_id"))
    found = {}
    for step in steps:
        stand_ins = _StandIns(step.request, now, lent, allowed)
        voices: dict[int, Voice] = {}
        for assignment in undecided[step.pk]:
            for voice in stand_ins.last_of(assignment):
                if stand_ins.may_decide(voice.person.pk):
                    voices.setdefault(voice.person.pk, voice)
        found[step.pk] = tuple(
            voice for pk, voice in voices.items() if (step.pk, pk) not in spoken
        )
    return found


def voice_of(step: Step, person: User, now: datetime) -> Voice:
    """Return the voice that *person* has in *step*: their own before another's.

    Raises:
        OwnRequest: it is their own request, or was asked for on their behalf or by
            them; nobody's voice changes that, nor does being a superuser.
        HasSpoken: they decided about this step, or somebody did in their place.
        AboveLimit: they stand in up to a smaller amount.
        NotAsked: nobody asks them.
    """
    voice = voice_in(step, person, now)
    if voice is None:
        raise refusal_in([step], person, now)
    return voice


def voice_in(step: Step, person: User, now: datetime) -> Voice | None:
    """Return the voice of `voice_of`; None: there is none, see `refusal_in`."""
    stand_ins = _stand_ins(step.request, now)
    if not stand_ins.may_decide(person.pk) or _has_spoken(step, person):
        return None
    assignments = list(_undecided(step))
    own = (one for one in assignments if one.person_id == person.pk)
    if (assignment := next(own, None)) is not None:
        return Voice(assignment.person, assignment)
    return next(_lent(assignments, person, stand_ins), None)


def voice_among(steps: Sequence[Step], person: User, now: datetime) -> Voice | None:
    """Return the voice of `voice_in` in the first open one of *steps* in which there is
    one; they are of one request and have their voices at hand. Two queries, or none."""
    opened = [step for step in steps if step.state == StepState.OPEN]
    if not opened:
        return None
    stand_ins = _stand_ins(opened[0].request, now)
    if not stand_ins.may_decide(person.pk):
        return None
    for step in opened:
        there = [one for one in step.assignments.all() if one.removed_at is None]
        spoken = [one for one in step.assignments.all() if hasattr(one, "decision")]
        if any(_is_of(one, person) for one in spoken):
            continue
        left = [one for one in there if not hasattr(one, "decision")]
        own = (one for one in left if one.person_id == person.pk)
        if (assignment := next(own, None)) is not None:
            return Voice(assignment.person, assignment)
        if (voice := next(_lent(left, person, stand_ins), None)) is not None:
            return voice
    return None


def _is_of(spoken: Assignment, person: User) -> bool:
    """Tell whether *person* decided, or somebody did in their place."""
    instead = spoken.person_id == person.pk and spoken.removed_at is None
    return instead or spoken.decision.person_id == person.pk


def refusal_in(steps: Sequence[Step], person: User, now: datetime) -> Refusal:
    """Return why *person* has no voice in any of *steps*, which are of one request."""
    for step in steps:
        request = step.request
        if person.pk in request.own_ids and not request.self_approval:
            return OwnRequest("Nobody decides about their own request.")
        if _has_spoken(step, person):
            return HasSpoken("You, or somebody in your place, decided this already.")
        stand_ins = _stand_ins(request, now)
        assignments = list(_undecided(step))
        if any(_lent(assignments, person, stand_ins, limits=False)):
            return AboveLimit("The amount is above what you may decide.")
    return NotAsked("You are not asked to decide about this.")


def _lent(
    assignments: Sequence[Assignment],
    person: User,
    stand_ins: _StandIns,
    *,
    limits: bool = True,
) -> Iterator[Voice]:
    """Yield the voices that come to *person* by delegation."""
    for assignment in assignments:
        for voice in stand_ins.of(assignment, limits=limits):
            if voice.person.pk == person.pk:
                yield voice


def _has_spoken(step: Step, person: User) -> bool:
    """Tell whether *person* decided about *step*, or somebody in their place."""
    by_or_for = Q(person=person) | Q(
        assignment__person=person, assignment__removed_at=None
    )
    return Decision.objects.filter(by_or_for, step=step).exists()


def waiting_for(person: User, now: datetime) -> QuerySet[BudgetRequest]:
    """Return the requests that *person* may decide now, by their own voice or that of
    somebody they stand in for; limits aside. A query for each link of a chain."""
    whose = Q(person=person)
    for organization_id, delegators in _stood_in_for(person, now).items():
        whose |= Q(organization=organization_id, person__in=delegators)
    # Of each open step, which are few: not of all that people ever decided.
    voices = Assignment.objects.undecided().filter(whose, step=OuterRef("pk"))
    spoken = Decision.objects.filter(person=person, step=OuterRef("pk"))
    steps = Step.objects.current().open().filter(Exists(voices), ~Exists(spoken))
    own = Q(requester=person) | Q(on_behalf_of=person) | Q(filed_by=person)
    return (
        BudgetRequest.objects.pending()
        .filter(pk__in=steps.order_by().values("request_id"))
        .filter(Q(self_approval=True) | ~own)
    )


def _stood_in_for(person: User, now: datetime) -> Mapping[int, set[int]]:
    """Return for whom *person* stands in, by organization."""
    found: dict[int, set[int]] = defaultdict(set)
    rows = Delegation.objects.at(now)
    for organization_id in rows.filter(delegate=person).values_list(
        "organization_id", flat=True
    ):
        met = newest = {person.pk}
        for _ in range(MOST_LINKS):
            further = rows.filter(organization=organization_id, delegate__in=newest)
            newest = set(further.values_list("delegator_id", flat=True)) - met
            met = met | newest
        found[organization_id] = met - {person.pk}
    return found


def _stand_ins(request: BudgetRequest, now: datetime) -> _StandIns:
    by_delegator = _lent_in(request.organization_id, now)
    people = Assignment.objects.filter(step__request=request).values("person_id")
    delegates = {one.delegate_id for many in by_delegator.values() for one in many}
    inside = members(request.organization_id).order_by()
    allowed = inside.filter(pk__in=people) | inside.filter(pk__in=delegates)
    ids = frozenset(allowed.values_list("pk", flat=True))
    return _StandIns(request, now, by_delegator, ids)


def _lent_in(organization_id: int, now: datetime) -> Mapping[int, Sequence[Delegation]]:
    """Return who stands in for whom, by the delegator. One query."""
    found: dict[int, list[Delegation]] = defaultdict(list)
    rows = Delegation.objects.at(now).filter(organization=organization_id)
    for one in rows.select_related("delegate").order_by("pk"):
        found[one.delegator_id].append(one)
    return found


def _undecided(step: Step) -> QuerySet[Assignment]:
    rows = step.assignments.filter(removed_at=None, decision=None)
    return rows.select_related("person").order_by("pk")
