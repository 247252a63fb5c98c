"""Whatever people do to a request: it is never approved without its policy's quorum."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from accounts.scopes import Role
from approvals import services, trail
from approvals.asks import as_ask
from approvals.decisions import decide, reassign
from approvals.delegations import delegate
from approvals.models import Decision, Outcome
from budgets.models import AmountLine, Budget
from lib.errors import Refusal
from tests.approvals.factories import (
    NOW,
    by,
    level,
    make_policy,
    make_request,
    person_in,
)
from tests.factories import make_organization
from tests.sizes import examples

pytestmark = pytest.mark.django_db
NAMES = ("asker", "ann", "bob", "cy", "cfo")
AMOUNTS = ("50", "99", "100", "500", "900", "1000", "2000")
# What each level of the policy asks for: from which amount, how many, of whom.
LEVELS: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (0, 2, ("asker", "ann", "bob", "cy")),
    (100, 1, ("ann", "cfo")),
    (1000, 2, ("cy", "cfo")),
)
_numbers = count()

person, amount = st.sampled_from(NAMES), st.sampled_from(AMOUNTS)
APPROVE = st.tuples(st.just("approve"), person, st.none() | amount)
ACTIONS = st.one_of(
    *[APPROVE] * 6,  # most often: it takes three to four until one is approved
    st.tuples(st.sampled_from(["reject", "send_back"]), person, st.none()),
    st.tuples(st.just("edit"), person, amount),
    st.tuples(st.sampled_from(["submit", "withdraw"]), person, st.none()),
    st.tuples(st.sampled_from(["lend", "give"]), person, person),
)


class World:
    """A request, and what it had to have by the time it was approved."""

    def __init__(self) -> None:
        self.organization = make_organization(f"acme-{next(_numbers)}")
        self.people = {
            name: person_in(
                self.organization,
                name,
                Role.FINANCE_ADMIN if name == "cfo" else Role.APPROVER,
            )
            for name in NAMES
        }
        levels = [
            level(
                *(self.people[one] for one in who), required=few, min_amount=Decimal(at)
            )
            for at, few, who in LEVELS
        ]
        make_policy(self.organization, *levels)
        self.request = make_request(self.organization, self.people["asker"], "500")
        self.lent: set[tuple[User, User]] = set()
        self.given: set[tuple[User, User]] = set()

    def do(self, action: str, who: str, what: str | None) -> None:
        act: Callable[[User, Any], None] = getattr(self, action)
        with suppress(Refusal):
            act(self.people[who], what)
        self.request.refresh_from_db()
        self.agree()

    def approve(self, who: User, lower: str | None) -> None:
        less = None if lower is None else Decimal(lower)
        decide(self.request, Outcome.APPROVED, by=by(who), now=NOW, amount=less)

    def reject(self, who: User, _: None) -> None:
        said: Any = {"by": by(who), "now": NOW, "comments": "No"}
        decide(self.request, Outcome.REJECTED, **said)

    def send_back(self, who: User, _: None) -> None:
        said: Any = {"by": by(who), "now": NOW, "comments": "Which?"}
        decide(self.request, Outcome.CHANGES_REQUESTED, **said)

    def edit(self, who: User, to: str) -> None:
        ask = replace(as_ask(self.request), amount=Decimal(to))
        revision = self.request.revision
        services.edit(self.request, ask, by=by(who), now=NOW, revision=revision)

    def submit(self, who: User, _: None) -> None:
        services.submit(self.request, by=by(who), now=NOW)

    def withdraw(self, who: User, _: None) -> None:
        services.withdraw(self.request, by=by(who), now=NOW)

    def lend(self, who: User, to: str) -> None:
        when: Any = {"starts_at": NOW, "ends_at": NOW + timedelta(days=1), "now": NOW}
        delegate(self.organization, who, self.people[to], **when, by=by(who))
        self.lent.add((who, self.people[to]))

    def give(self, who: User, to: str) -> None:
        step = self.request.steps.order_by("-revision", "number").first()
        assert step
        new, admin = self.people[to], by(self.people["cfo"])
        reassign(step, who, new, by=admin, now=NOW, reason="Left")
        self.given.add((who, new))

    def agree(self) -> None:
        lines = AmountLine.objects.filter(request=self.request.uid)
        if self.request.state != "approved":
            assert not lines.exists()
            return
        final = self.request.approved_amount
        assert final is not None
        assert lines.get().amount == final
        assert Budget.objects.get(organization=self.organization).amount == final
        for number, (at, few, who) in enumerate(LEVELS, 1):
            if final >= at:
                assert len(self.voices(number, final, who)) >= few

    def voices(self, number: int, final: Decimal, who: tuple[str, ...]) -> set[User]:
        """Return who approved a level, allowed to, at the final amount or above."""
        found = Decision.objects.filter(
            step__request=self.request,
            step__number=number,
            step__revision=self.request.chain_revision,
            outcome=Outcome.APPROVED,
            amount__gte=final,
        )
        named = {self.people[one] for one in who} - {self.people["asker"]}
        for _ in NAMES:  # by reassigning
            named |= {to for from_, to in self.given if from_ in named}
        people = {one.person for one in found}
        slots = {one.assignment.person for one in found}
        assert slots <= named
        assert self.people["asker"] not in people
        for _ in NAMES:  # by standing in
            named |= {to for from_, to in self.lent if from_ in named}
        assert people <= named
        assert len(people) == len(slots) == len(found)
        return people


@settings(
    max_examples=examples(8, 300),
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
)
@given(st.lists(ACTIONS, min_size=4, max_size=16))
def test_a_request_is_never_approved_without_its_quorum(
    db: None, actions: list[tuple[str, str, str | None]]
) -> None:
    world = World()
    world.agree()

    for action in actions:
        world.do(*action)

    assert list(trail.differences(world.organization)) == []
