"""Many who decide at once by mailed link, in the admin and over the API.

Each of these fails when the guard it is about is taken out: see its comment.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Organization, User
from accounts.scopes import Role
from approvals import trail
from approvals.links import make_link
from approvals.models import BudgetRequest, Decision, How
from budgets.models import AmountLine, Budget
from notifications.models import MailedLink
from tests.approvals.factories import asks, level, make_policy, person_in
from tests.concurrency.interleaving import at_once_behind, locked
from tests.factories import Api, browser_of, make_budget, make_key, make_organization
from tests.pages import words_of
from tests.sizes import size

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
HANDS = size(15, 64)
STEPS = 8
OUTCOMES = {"approve": "approved", "reject": "rejected"}
DONE = {HTTPStatus.SEE_OTHER, HTTPStatus.FOUND, HTTPStatus.CREATED}


class Pressed(NamedTuple):
    """How a door answered."""

    how: How
    status: int
    said: str


Door = Callable[[BudgetRequest, User, str], Callable[[], Pressed]]


def by_link(request: BudgetRequest, person: User, answer: str) -> Callable[[], Pressed]:
    step = request.steps.get(assignments__person=person)
    address, _ = make_link(step, person, now=timezone.now())
    path = address.removeprefix(settings.SITE_URL)

    def press() -> Pressed:
        form = {"answer": answer, "comments": "Because"}
        answered = Client().post(path, form, headers={"origin": "null"})
        text = words_of(answered.content.decode())
        return Pressed(How.LINK, answered.status_code, text)

    return press


def in_admin(
    request: BudgetRequest, person: User, answer: str
) -> Callable[[], Pressed]:
    browser = browser_of(person)
    path = f"/admin/approvals/budgetrequest/{request.pk}/answer/"
    form = {"answer": answer, "comments": "Because", "seen": str(request.revision)}

    def press() -> Pressed:
        answered = browser.post(path, form)
        text = words_of(answered.content.decode())
        return Pressed(How.SESSION, answered.status_code, text)

    return press


def over_api(
    request: BudgetRequest, person: User, answer: str
) -> Callable[[], Pressed]:
    api = Api(make_key(organization=request.organization, user=person))
    body = {"decision": OUTCOMES[answer], "comments": "Because"}

    def press() -> Pressed:
        answered = api.post(f"budget-requests/{request.uid}/decisions", body)
        said = answered.body.get("detail", "")
        return Pressed(How.KEY, answered.status, said)

    return press


DOORS: Sequence[Door] = (by_link, in_admin, over_api)


@pytest.fixture
def company() -> Organization:
    return make_organization()


@pytest.fixture
def pm(company: Organization) -> User:
    return person_in(company, "pm", Role.BUDGET_OWNER)


@pytest.fixture
def people(company: Organization) -> Sequence[User]:
    return [person_in(company, f"p{number}") for number in range(max(HANDS, STEPS))]


@pytest.fixture
def team(company: Organization) -> Budget:
    return make_budget(company, "Team")


# Without the UPDATE in `approvals.moves.hold` they are in one another's way at the
# steps, and answered 503; without the state in it some are told something else.
def test_of_many_at_all_doors_one_decides_and_the_others_are_told(
    company: Organization, pm: User, team: Budget, people: Sequence[User]
) -> None:
    make_policy(company, level("role:approver"))
    request = asks(pm, team)
    calls = [
        DOORS[place % 3](request, one, ("approve", "reject")[place // 3 % 2])
        for place, one in enumerate(people[:HANDS])
    ]

    results: list[Any] = at_once_behind(locked(BudgetRequest.objects.all()), *calls)

    assert [one for one in results if not isinstance(one, Pressed)] == []
    (stands,) = (one for one in results if one.status in DONE)
    late = [one for one in results if one is not stands]
    assert {one.status for one in late} == {HTTPStatus.CONFLICT}
    decision = Decision.objects.get()
    request.refresh_from_db()
    assert (decision.how, request.state) == (stands.how, decision.outcome)
    state = {"approved": "approved", "rejected": "rejected"}[request.state]
    assert all(state in one.said for one in late), Counter(one.said for one in late)
    is_by_link = stands.how == How.LINK
    assert MailedLink.objects.exclude(used_at=None).count() == is_by_link
    lines = AmountLine.objects.filter(request=request.uid)
    assert lines.count() == (request.state == "approved")
    assert list(trail.differences(company)) == []


# Without the UPDATE in `approvals.moves.hold`: each sees the others' steps still open,
# none is last.
def test_steps_that_are_decided_at_all_doors_at_once_have_one_effect(
    company: Organization, pm: User, team: Budget, people: Sequence[User]
) -> None:
    levels = [level(one, name=one.email, parallel=True) for one in people[:STEPS]]
    make_policy(company, *levels)
    request = asks(pm, team)
    calls = [
        DOORS[place % 3](request, one, "approve")
        for place, one in enumerate(people[:STEPS])
    ]

    results: list[Any] = at_once_behind(locked(BudgetRequest.objects.all()), *calls)

    assert {one.status for one in results} == DONE
    request.refresh_from_db()
    assert (request.state, Decision.objects.count()) == ("approved", STEPS)
    assert AmountLine.objects.filter(request=request.uid).count() == 1
    assert Budget.objects.get().amount == 1200
    assert list(trail.differences(company)) == []
