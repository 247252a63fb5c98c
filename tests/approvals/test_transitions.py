"""Who may do what to a request in which state: every transition, also the forbidden."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Organization, User
from accounts.scopes import Role
from approvals import services
from approvals.asks import as_ask
from approvals.decisions import decide, reassign
from approvals.errors import (
    AlreadyDecided,
    NotAsked,
    NotYourRequest,
    OwnRequest,
)
from approvals.models import BudgetRequest, How, Outcome, RequestState, Step
from approvals.types import Ask, By
from lib.errors import Forbidden, Refusal
from tests.approvals.factories import NOW, approve, by, person_in, reject
from tests.factories import make_organization

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=40)

# What each actor is answered while a request is pending: None: it is done.
PENDING: dict[str, dict[str, type[Refusal] | None]] = {
    "requester": {"decide": OwnRequest, "own": None, "reassign": Forbidden},
    "on_behalf_of": {"decide": OwnRequest, "own": None, "reassign": Forbidden},
    "filer": {"decide": OwnRequest, "own": None, "reassign": Forbidden},
    "approver": {"decide": None, "own": NotYourRequest, "reassign": Forbidden},
    "admin": {"decide": NotAsked, "own": NotYourRequest, "reassign": None},
    "superuser": {"decide": NotAsked, "own": NotYourRequest, "reassign": None},
    "colleague": {"decide": NotAsked, "own": NotYourRequest, "reassign": Forbidden},
    "viewer": {"decide": NotAsked, "own": NotYourRequest, "reassign": Forbidden},
    "gone": {"decide": NotAsked, "own": NotYourRequest, "reassign": Forbidden},
    "stranger": {"decide": NotAsked, "own": NotYourRequest, "reassign": Forbidden},
    "program": {"decide": NotAsked, "own": NotYourRequest, "reassign": OwnRequest},
}
ACTIONS = {
    "approve": "decide",
    "reject": "decide",
    "request_changes": "decide",
    "edit": "own",
    "withdraw": "own",
    "submit": "own",
    "reassign": "reassign",
}
# In which states an action is possible at all; else it is a conflict.
POSSIBLE = {
    "decide": {"pending"},
    "reassign": {"pending"},
    "edit": {"draft", "pending", "changes_requested"},
    "withdraw": {"draft", "pending", "changes_requested"},
    "submit": {"draft", "changes_requested"},
}


@dataclass(frozen=True)
class World:
    organization: Organization
    people: dict[str, By]
    new: User

    def request_in(self, state: str) -> BudgetRequest:
        """Return a request as it comes to *state* by what people do."""
        people = {name: one.person for name, one in self.people.items()}
        behalf, asker = people["on_behalf_of"], people["requester"]
        assert asker
        assert people["approver"]
        ask = Ask(
            kind="new",
            amount=Decimal(5000),
            requester=asker,
            on_behalf_of=behalf,
            name="Insights",
            approvers=[people["approver"].email],
        )
        who: dict[str, Any] = {"by": self.people["filer"], "now": NOW}
        request = services.draft(self.organization, ask, **who)
        if state != "draft":
            services.submit(request, **who)
        match state:
            case "approved":
                approve(request, people["approver"])
            case "rejected":
                reject(request, people["approver"])
            case "changes_requested":
                self.act(request, "request_changes", "approver")
            case "withdrawn":
                self.act(request, "withdraw", "requester")
            case "expired":
                services.expire_due(LATER)
        request.refresh_from_db()
        assert request.state == state
        return request

    def act(self, request: BudgetRequest, action: str, actor: str) -> object:
        who: dict[str, Any] = {"by": self.people[actor], "now": NOW}
        if action in _OUTCOMES:
            return decide(request, _OUTCOMES[action], **who, comments="Because")
        if action == "reassign":
            step = request.steps.last() or Step(request=request)
            old = self.people["approver"].person
            assert old
            return reassign(step, old, self.new, **who, reason="She left")
        if action == "edit":
            ask = replace(as_ask(request), justification="Other words")
            return services.edit(request, ask, **who, revision=request.revision)
        act: Callable[..., object] = getattr(services, action)
        return act(request, **who)


_OUTCOMES = {
    "approve": Outcome.APPROVED,
    "reject": Outcome.REJECTED,
    "request_changes": Outcome.CHANGES_REQUESTED,
}


@pytest.fixture
def world(acme: Organization) -> World:
    people = {
        "requester": person_in(acme, "requester", Role.BUDGET_OWNER),
        "on_behalf_of": person_in(acme, "behalf", Role.FINANCE_ADMIN),
        "filer": person_in(acme, "filer", Role.FINANCE_ADMIN),
        "approver": person_in(acme, "approver"),
        "admin": person_in(acme, "admin", Role.FINANCE_ADMIN),
        "superuser": User.objects.create(email="root@x.example", is_superuser=True),
        "colleague": person_in(acme, "colleague"),
        "viewer": person_in(acme, "viewer", Role.VIEWER),
        "gone": person_in(acme, "gone", Role.FINANCE_ADMIN),
        "stranger": person_in(make_organization("other"), "s", Role.FINANCE_ADMIN),
    }
    people["gone"].is_active = False
    people["gone"].save()
    acting = {name: by(person) for name, person in people.items()}
    acting["program"] = By("key ci", How.KEY)
    return World(acme, acting, person_in(acme, "new"))


def expected(state: str, action: str, actor: str) -> type[Refusal] | None:
    kind = ACTIONS[action]
    if actor == "program" and kind == "decide":
        return NotAsked
    if state not in POSSIBLE[kind if kind in POSSIBLE else action]:
        return AlreadyDecided
    if kind == "reassign" and actor in {"on_behalf_of", "filer"}:
        return OwnRequest  # they are finance admins, and it is theirs
    return PENDING[actor][kind]


@pytest.mark.parametrize("state", RequestState.values)
def test_what_each_actor_may_do_to_a_request(world: World, state: str) -> None:
    request = world.request_in(state)
    wrong = []

    for action in ACTIONS:
        for actor in PENDING:
            wanted, got = expected(state, action, actor), None
            with transaction.atomic():
                try:
                    world.act(request, action, actor)
                except Refusal as refusal:
                    got = type(refusal)
                transaction.set_rollback(True)
            if not (got is wanted or (got and wanted and issubclass(got, wanted))):
                wrong.append((action, actor, got, wanted))

    assert wrong == []
