"""Any sequence of asking, spending, giving up and rearranging, beside a slow model.

The model is a list of what is held and a list of what was spent; it adds both up anew
after every step, for every budget, from scopes and parents as they are then.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import Organization
from budgets.models import Budget, BudgetPeriod, Reservation
from budgets.reservations.expire import expire
from budgets.reservations.release import release
from budgets.services import change_budget, move_budget, plan_of
from controls.decisions import services
from controls.decisions.types import CallAnswer, CallRequest, LeaseAnswer, LeaseRequest
from controls.policy import Where
from lib.errors import Refusal
from lib.memories import forget_everything
from lib.money import from_units, to_units
from tests.budgets.worlds import differences, undone
from tests.controls.factories import make_hard
from tests.factories import make_organization, report, usage_record
from tests.sizes import examples, size

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_remembers")]

# More of them, to look for something new: EXAMPLES=500 pytest ...
EXAMPLES = int(os.environ.get("EXAMPLES") or examples(2, 60))
PROJECTS = ("x", "y")
UNIT = Decimal("1e-10")
cents = st.integers(0, 60).map(lambda n: Decimal(n) / 100)
projects = st.sampled_from(PROJECTS)
numbers = st.integers(0, 50)


@dataclass(slots=True)
class Node:
    parent: str | None
    projects: frozenset[str]  # empty: all
    amount: Decimal
    hard: bool = True


@dataclass(slots=True)
class Held:
    uid: UUID
    project: str
    amount: Decimal
    lease: bool


@dataclass(slots=True)
class Model:
    """What must be true, added up the slow way."""

    nodes: dict[str, Node]
    held: list[Held] = field(default_factory=list)
    spent: list[tuple[str, Decimal]] = field(default_factory=list)

    def path(self, project: str) -> set[str]:
        """Return the budgets a call of *project* charges."""
        found = set()
        for name, node in self.nodes.items():
            if not node.projects or project in node.projects:
                found |= {name, *self.above(name)}
        return found

    def above(self, name: str) -> Iterable[str]:
        parent = self.nodes[name].parent
        while parent is not None:
            yield parent
            parent = self.nodes[parent].parent

    def spent_of(self, name: str) -> Decimal:
        return sum(
            (cost for project, cost in self.spent if name in self.path(project)),
            Decimal(0),
        )

    def held_of(self, name: str) -> Decimal:
        if not self.nodes[name].hard:
            return Decimal(0)
        return sum(
            (one.amount for one in self.held if name in self.path(one.project)),
            Decimal(0),
        )

    def room(self, project: str) -> Decimal | None:
        """Return what is left everywhere on the path; None: nothing is in the way."""
        return min(
            (
                node.amount - self.spent_of(name) - self.held_of(name)
                for name, node in self.nodes.items()
                if node.hard and name in self.path(project)
            ),
            default=None,
        )


class Holding(RuleBasedStateMachine):
    """Steps that clients and admins take, on the product and on the model."""

    def __init__(self) -> None:
        super().__init__()
        self._undone = undone()
        self._undone.__enter__()
        self.organization: Organization = make_organization("machine")
        root = self._make("Root", None, (), "2")
        left = self._make("Left", root, ("x",), "1")
        self._make("Right", root, ("y",), "1")
        self._make("Leaf", left, ("x",), "0.70")
        self.model = Model(
            {
                "Root": Node(None, frozenset(), Decimal(2)),
                "Left": Node("Root", frozenset({"x"}), Decimal(1)),
                "Right": Node("Root", frozenset({"y"}), Decimal(1)),
                "Leaf": Node("Left", frozenset({"x"}), Decimal("0.70")),
            }
        )

    def _make(
        self, name: str, parent: Budget | None, scope: tuple[str, ...], amount: str
    ) -> Budget:
        scoped = {"projects": list(scope)} if scope else {}
        return make_hard(self.organization, name, amount, parent=parent, scope=scoped)

    def teardown(self) -> None:
        self._undone.__exit__(None, None, None)
        forget_everything()

    def _ask(self, ask: CallRequest) -> CallAnswer:
        return services.decide(self.organization.pk, [ask])[0]

    def _budget(self, name: str) -> Budget:
        return Budget.objects.select_related("organization").get(
            organization=self.organization, name=name
        )

    # -- Clients

    @rule(project=projects, cost=cents)
    def authorize_some(self, project: str, cost: Decimal) -> None:
        self.authorize(project, cost)

    def authorize(self, project: str, cost: Decimal) -> None:
        room = self.model.room(project)

        answer = self._ask(_call(project, cost))

        fits = room is None or cost <= room or cost == 0  # what is free always fits
        assert answer.decision == ("allow" if fits else "block"), (room, cost)
        if answer.uid is not None:
            self.model.held.append(Held(answer.uid, project, cost, lease=False))

    @rule(project=projects, beyond=st.sampled_from([Decimal(0), UNIT]))
    def authorize_the_rest(self, project: str, beyond: Decimal) -> None:
        room = self.model.room(project)
        if room is not None and room >= 0:
            self.authorize(project, room + beyond)

    @rule(project=projects, wanted=cents, least=cents)
    def lease(self, project: str, wanted: Decimal, least: Decimal) -> None:
        room = self.model.room(project)

        answer = self._ask(_lease(project, wanted, least))

        if wanted or least:  # what asks for nothing is free, and fits
            self._check_grant(answer, room, max(least, UNIT))
        if answer.uid is not None:
            granted = from_units(answer.units)
            self.model.held.append(Held(answer.uid, project, granted, lease=True))

    @precondition(lambda self: self._leases())
    @rule(number=numbers, wanted=cents, least=cents)
    def renew(self, number: int, wanted: Decimal, least: Decimal) -> None:
        held = self._leases()[number % len(self._leases())]
        room = self.model.room(held.project)

        answer = self._ask(_lease(held.project, wanted, least, held.uid))

        assert isinstance(answer, LeaseAnswer)
        if answer.over:  # it holds money of other budgets than its path has now
            assert answer.uid is None
            return
        if wanted or least:  # one that only needs time gets it, though nothing is left
            self._check_grant(answer, room, least)
        held.amount += from_units(answer.units)

    @precondition(lambda self: self.model.held)
    @rule(number=numbers, cost=cents)
    def use(self, number: int, cost: Decimal) -> None:
        held = self.model.held[number % len(self.model.held)]
        self._book(held.project, cost, held.uid)

        if held.lease:
            held.amount -= min(cost, held.amount)
        else:
            self.model.held.remove(held)

    @rule(project=projects, cost=cents)
    def use_without_asking(self, project: str, cost: Decimal) -> None:
        self._book(project, cost, None)

    @precondition(lambda self: self.model.held)
    @rule(number=numbers, part=st.none() | cents)
    def give_back(self, number: int, part: Decimal | None) -> None:
        held = self.model.held[number % len(self.model.held)]
        amount = part if held.lease else None

        release(self.organization.pk, held.uid, amount=amount, now=timezone.now())

        held.amount -= held.amount if amount is None else min(amount, held.amount)
        if not held.amount:
            self.model.held.remove(held)

    @precondition(lambda self: self.model.held)
    @rule(number=numbers)
    def run_out(self, number: int) -> None:
        held = self.model.held[number % len(self.model.held)]
        now = timezone.now()
        Reservation.objects.filter(uid=held.uid).update(
            expires_at=now - timedelta(seconds=1)
        )

        assert expire(self.organization.pk, now=now) == 1

        self.model.held.remove(held)

    # -- Admins

    @rule(name=st.sampled_from(["Right", "Leaf", "Left"]), number=numbers)
    def move(self, name: str, number: int) -> None:
        parents = [None, *self.model.nodes]
        parent = parents[number % len(parents)]
        try:
            with transaction.atomic():
                above = self._budget(parent) if parent else None
                move_budget(self._budget(name), above)
        except Refusal:
            assert parent is not None
            assert name in {parent, *self.model.above(parent)}
            return
        self.model.nodes[name].parent = parent

    @rule(name=st.sampled_from(["Root", "Left", "Right", "Leaf"]), amount=cents)
    def change_amount(self, name: str, amount: Decimal) -> None:
        self._change(name, amount=amount * 4)
        self.model.nodes[name].amount = amount * 4

    @rule(name=st.sampled_from(["Root", "Left", "Right", "Leaf"]), hard=st.booleans())
    def change_enforcement(self, name: str, *, hard: bool) -> None:
        self._change(name, enforcement="hard" if hard else "soft")
        self.model.nodes[name].hard = hard

    # -- What must hold

    @invariant()
    def what_is_kept_is_what_the_model_adds_up(self) -> None:
        for name in self.model.nodes:
            spent, reserved = self._kept(name)
            assert spent == self.model.spent_of(name), name
            assert reserved == self.model.held_of(name), name

    @invariant()
    def everything_verifies(self) -> None:
        assert differences(self.organization) == []

    def _leases(self) -> list[Held]:
        return [one for one in self.model.held if one.lease]

    def _check_grant(
        self, answer: CallAnswer, room: Decimal | None, needs: Decimal
    ) -> None:
        granted = from_units(answer.units)
        if room is None:
            return
        left = max(room, Decimal(0))
        if left < needs:
            assert answer.decision == "block"
            assert granted == 0
        else:
            assert answer.decision == "allow"
            assert granted <= left
            assert granted >= needs or needs == UNIT

    def _book(self, project: str, cost: Decimal, uid: UUID | None) -> None:
        report(
            self.organization,
            usage_record(
                id=f"u-{len(self.model.spent)}",
                timestamp=timezone.now().isoformat(),
                project_id=project,
                cost=str(cost),
                **({"authorization_id": str(uid)} if uid else {}),
            ),
        )
        self.model.spent.append((project, cost))

    def _change(self, name: str, **changes: Any) -> None:
        plan = plan_of(self._budget(name))
        for what, value in changes.items():
            setattr(plan, what, value)
        change_budget(self._budget(name), plan, now=timezone.now())

    def _kept(self, name: str) -> tuple[Decimal, Decimal]:
        periods = BudgetPeriod.objects.filter(
            budget__organization=self.organization, budget__name=name
        )
        rows = list(periods.values_list("spent", "reserved"))
        return (
            sum((spent for spent, _ in rows), Decimal(0)),
            sum((reserved for _, reserved in rows), Decimal(0)),
        )


def _call(project: str, cost: Decimal) -> CallRequest:
    return CallRequest(
        where=Where("openai", project=project),
        model="gpt-4o",
        estimate=to_units(cost),
        ttl=timedelta(minutes=10),
    )


def _lease(
    project: str, wanted: Decimal, least: Decimal, uid: UUID | None = None
) -> LeaseRequest:
    return LeaseRequest(
        where=Where("openai", project=project),
        model="gpt-4o",
        ttl=timedelta(minutes=1),
        wanted=to_units(wanted),
        least=to_units(least),
        lease=uid,
    )


def test_money_is_held_and_spent_as_the_slow_model_says() -> None:
    run_state_machine_as_test(
        Holding,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=size(12, 25),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
