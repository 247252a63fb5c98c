"""Many who decide, and many who ask, at once, in real threads.

Each of these fails when the guard it is about is taken out: see its comment.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.locks import hold_alone
from accounts.models import Organization, User
from accounts.scopes import Role
from approvals import trail
from approvals.decisions import Decided, decide
from approvals.errors import TooMany
from approvals.models import BudgetRequest, Decision, How, Outcome, Step
from approvals.reminders import remind_due
from approvals.services import MOST_OF_REQUESTER
from approvals.types import By
from budgets.models import AmountLine, Budget
from budgets.temporary import transfer_amount
from controls.models import ControlRule
from lib.errors import Conflict
from notifications.models import Delivery, MailedLink
from tests.approvals.factories import (
    NOW,
    approve,
    level,
    make_policy,
    make_request,
    person_in,
)
from tests.concurrency.interleaving import at_once_behind, locked
from tests.concurrency.waiting import until_somebody_waits
from tests.controls.factories import call
from tests.factories import at_once, make_api, make_budget, make_organization
from tests.sizes import size

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
HANDS = size(16, 64)
STEPS = 8


@pytest.fixture
def company() -> Organization:
    return make_organization()


@pytest.fixture
def pm(company: Organization) -> User:
    return person_in(company, "pm", Role.BUDGET_OWNER)


def deciding(
    request: BudgetRequest, person: User, outcome: Outcome, how: How
) -> Callable[[], Decided]:
    who = By.someone(person, how)
    return lambda: decide(request, outcome, by=who, now=NOW, comments="Because")


# Without the state in the condition of the UPDATE in `hold`, or without the UPDATE:
# several stand, and the budget is made although the request is rejected.
def test_of_many_mixed_decisions_on_one_step_one_stands(
    company: Organization, pm: User
) -> None:
    people = [person_in(company, f"p{number}") for number in range(HANDS)]
    make_policy(company, level("role:approver"))
    request = make_request(company, pm)
    ways = [How.LINK, How.SESSION, How.KEY]
    outcomes = [Outcome.APPROVED, Outcome.REJECTED, Outcome.CHANGES_REQUESTED]

    results = at_once_behind(
        locked(BudgetRequest.objects.all()),
        *(
            deciding(request, one, outcomes[place % 3], ways[place // 3 % 3])
            for place, one in enumerate(people)
        ),
    )

    (stands,) = (one for one in results if isinstance(one, Decided))
    assert sum(isinstance(one, Conflict) for one in results) == HANDS - 1
    request.refresh_from_db()
    assert Decision.objects.get() == stands.decision
    assert request.state == stands.decision.outcome
    assert Budget.objects.count() == (request.state == "approved")
    assert list(trail.differences(company)) == []


# Without the UPDATE in `hold`: each sees the others' steps still open, none is last.
def test_steps_that_are_decided_at_once_have_one_effect(
    company: Organization, pm: User
) -> None:
    people = [person_in(company, f"p{number}") for number in range(STEPS)]
    levels = [level(one, name=one.email, parallel=True) for one in people]
    make_policy(company, *levels)
    request = make_request(company, pm)

    results = at_once_behind(
        locked(BudgetRequest.objects.all()),
        *(deciding(request, one, Outcome.APPROVED, How.LINK) for one in people),
    )

    assert [type(one) for one in results] == [Decided] * STEPS
    ended = [one for one in results if one.request.state == "approved"]
    assert len(ended) == 1
    assert AmountLine.objects.filter(request=request.uid).count() == 1
    assert Budget.objects.count() == 1


# Without `hold_asking` in `_join`: all but one meet the constraint on the key.
def test_equal_asks_at_once_are_one_request(company: Organization, pm: User) -> None:
    person_in(company, "cfo", Role.FINANCE_ADMIN)
    ml = make_budget(company, "ML", now=NOW)
    until = NOW + timedelta(days=1)
    ask: dict[str, Any] = {"kind": "raise", "until": until, "ask_key": "ml"}

    results = at_once_behind(
        locked(Organization.objects.all()),
        *(
            lambda amount=amount: make_request(
                company, pm, str(amount), budget=ml, **ask
            )
            for amount in range(1, 9)
        ),
        waiting=1,
    )

    assert {one.pk for one in results} == {BudgetRequest.objects.get().pk}
    assert BudgetRequest.objects.get().amount == 8


# Without `hold_asking` in `_join`: each counts what was open before; all are opened.
def test_asks_at_once_don_t_pass_what_one_may_have_open(
    company: Organization, pm: User
) -> None:
    person_in(company, "cfo", Role.FINANCE_ADMIN)
    budgets = [make_budget(company, f"B{number}", now=NOW) for number in range(8)]
    more: dict[str, Any] = {"kind": "raise", "until": NOW + timedelta(days=1)}

    results = at_once_behind(
        locked(Organization.objects.all()),
        *(
            lambda one=one: make_request(
                company, pm, budget=one, ask_key=one.name, **more
            )
            for one in budgets
        ),
    )

    refused = [one for one in results if isinstance(one, TooMany)]
    assert len(refused) == 8 - MOST_OF_REQUESTER
    assert BudgetRequest.objects.count() == MOST_OF_REQUESTER


# With the ask in the transaction that remembers the answer to a key: one waits for the
# request, holding the organization, and who decides waits for that: a deadlock.
def test_calls_that_ask_and_who_decides_wait_in_no_circle(
    company: Organization, pm: User
) -> None:
    cfo = person_in(company, "cfo", Role.FINANCE_ADMIN)
    ml = make_budget(company, "ML", "1", owner=pm)
    ControlRule.objects.create(
        organization=company, budget=ml, action="block", trigger="remaining < 9000"
    )
    company.touch()
    agent = make_api(organization=company)
    ask = {"justification": "It has to end"}

    def asks(amount: int) -> dict[str, Any]:
        body = call(ask={**ask, "amount": str(amount)})
        key = f"call-{amount}"
        return dict(agent.post("authorizations", body, idempotency_key=key).body)

    def decides() -> Decided:
        until_somebody_waits(8)  # for the organization, before this does
        return approve(request, cfo, now=timezone.now())

    first = asks(5)
    request = BudgetRequest.objects.get(uid=first["request"])
    results = at_once_behind(
        lambda: hold_alone(company.pk),
        *(lambda amount=amount: asks(amount) for amount in range(6, 14)),
        decides,
    )

    assert sum(isinstance(one, Decided) for one in results) == 1
    told = [one for one in results if isinstance(one, dict)]
    assert [one["decision"] for one in told] == ["block"] * 8
    # All of them found the first, or asked anew once that was decided, as far as the
    # number of its edits allows.
    rules = {one["reasons"][-1]["rule"] for one in told}
    assert len(rules - {"too_many_requests_open"}) <= 1
    assert "ask_failed" not in rules
    assert AmountLine.objects.filter(budget=ml, request=request.uid).count() == 1


# Without holding the organization before the budget is read: raises get lost, or more
# is given away than there is.
def test_approvals_for_one_budget_add_up(company: Organization, pm: User) -> None:
    cfo = person_in(company, "cfo", Role.FINANCE_ADMIN)
    ml, sales = (make_budget(company, name, "100", now=NOW) for name in ("ML", "S"))
    more = [
        make_request(company, pm, "10", kind="increase", budget=ml) for _ in range(4)
    ]
    moves = [
        make_request(company, pm, "60", kind="transfer", budget=ml, source=sales)
        for _ in range(2)
    ]

    results = at_once_behind(
        locked(Budget.objects.all()),
        *(lambda one=one: approve(one, cfo) for one in (*more, *moves)),
        lambda: transfer_amount(sales, ml, Decimal(60), now=NOW),
        waiting=1,
    )

    refused = [one for one in results if isinstance(one, Exception)]
    assert [type(one).__name__ for one in refused] == ["NotEnoughLeft"] * 2
    assert Budget.objects.get(pk=ml.pk).amount == 140
    states = BudgetRequest.objects.filter(kind="increase").values_list("state")
    assert set(states) == {("approved",)}


# Without the lock in `_remind`: people are reminded by each. Without skipping what is
# locked: the clock waits for whoever decides.
def test_of_many_workers_one_reminds_and_none_waits_for_who_decides(
    company: Organization, pm: User
) -> None:
    person_in(company, "cfo", Role.FINANCE_ADMIN)
    requests = [make_request(company, pm, str(number)) for number in range(1, 6)]
    due = max(one.due_at for one in Step.objects.all() if one.due_at)

    with transaction.atomic():
        locked(BudgetRequest.objects.filter(pk=requests[0].pk))()
        told = at_once(*[partial(remind_due, due)] * 4)
    late = remind_due(due)

    assert (sum(told), late) == (4, 1)
    again = Delivery.objects.filter(key__contains=":again:")
    assert again.count() == MailedLink.objects.count() - 5 == 5
    assert list(trail.differences(company)) == []
