"""First calls of one value at the same moment: one budget, and not a cent too much."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from budgets.models import Budget
from budgets.snapshots import hold_snapshot
from controls.decisions.services import decide
from controls.decisions.types import CallRequest, LeaseRequest
from controls.policy import Where
from tests.concurrency.interleaving import at_once_behind, locked
from tests.controls.factories import make_hard
from tests.factories import at_once, make_budget, make_organization, spend
from tests.sizes import size

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
CLIENTS = size(16, 64)
CENT = 10**8  # units
LIMIT = 10  # cents of each value


@pytest.fixture
def template(acme: Organization) -> Budget:
    """For each user ten cents, and none passes them."""
    company = make_budget(acme)
    return make_hard(acme, "Each", "0.10", parent=company, template_for_each="user")


def ask(user: str, kind: type[CallRequest] = CallRequest, **fields: Any) -> CallRequest:
    ttl = timedelta(minutes=10)
    where = Where("openai", user=user)
    return kind(where=where, model="gpt-4o", estimate=CENT, ttl=ttl, **fields)


def decided(organization: Organization, request: CallRequest) -> str:
    return decide(organization.pk, [request])[0].decision


def assert_sound(*budgets: Budget) -> None:
    for budget in budgets:
        period = budget.periods.get()
        assert period.spent + period.reserved <= period.limit
    call_command("verify")


# Without `hold_to_open`: two budgets of one value, which the database refuses.
def test_of_many_first_calls_one_opens_the_budget(
    acme: Organization, template: Budget
) -> None:
    spend(acme, "0.01")  # this process knows the organization

    answers = at_once_behind(
        locked(Budget.objects.filter(pk=template.pk)),
        *[partial(decided, acme, ask("ann"))] * CLIENTS,
    )

    made = template.made.get()
    assert sorted(answers) == ["allow"] * LIMIT + ["block"] * (CLIENTS - LIMIT)
    assert made.periods.get().reserved * 100 == LIMIT
    assert_sound(made)


def test_first_records_calls_and_leases_at_once_lose_nothing(
    acme: Organization, template: Budget
) -> None:
    users = [f"user-{number % 3}" for number in range(CLIENTS)]
    calls: list[Callable[[], Any]] = []
    for number, user in enumerate(users):
        lease = ask(user, LeaseRequest, wanted=CENT)
        calls.append(
            (
                partial(spend, acme, "0.01", user_id=user),
                partial(decided, acme, ask(user)),
                partial(decided, acme, lease),
            )[number // 3 % 3]
        )

    results = at_once_behind(locked(Budget.objects.filter(pk=template.pk)), *calls)

    assert [one for one in results if isinstance(one, Exception)] == []
    made = list(template.made.all())
    assert {one.name for one in made} == set(users)
    records = sum(number // 3 % 3 == 0 for number in range(CLIENTS))
    assert sum(one.periods.get().requests for one in made) == records
    call_command("verify")


def test_whoever_changes_the_tree_waits_in_the_same_order(
    acme: Organization, template: Budget
) -> None:
    def grow() -> None:
        for number in range(8):
            make_budget(acme, f"New {number}", scope={"teams": ["x"]})

    def meet(client: int) -> None:
        for number in range(8):
            spend(acme, "0.01", user_id=f"user-{client}-{number}")
            decided(acme, ask(f"user-{client}-{number}"))

    results = at_once(grow, *[partial(meet, client) for client in range(4)])

    assert results == [None] * 5
    assert template.made.count() == 32
    assert_sound(*template.made.all())


# Without looking again under the lock: a second budget, which the database refuses.
def test_what_another_process_has_opened_is_found(
    acme: Organization, template: Budget
) -> None:
    spend(acme, "0.01", user_id="ben")
    with transaction.atomic():
        _, charging = hold_snapshot(acme.pk)
    before = charging.index
    spend(acme, "0.01", user_id="ann")

    charging.index = before  # as a process knows it that has met ben alone
    decided(acme, ask("ann"))
    charging.index = before
    spend(acme, "0.01", user_id="ann", team_id="another attribution")

    period = template.made.get(name="ann").periods.get()
    assert (period.spent * 100, period.reserved * 100) == (2, 1)
    assert_sound(*template.made.all())


def test_what_was_rolled_back_is_opened_by_whoever_comes_next(
    acme: Organization, template: Budget
) -> None:
    with transaction.atomic():
        spend(acme, "0.01", user_id="ann")
        transaction.set_rollback(True)

    assert decided(acme, ask("ann")) == "allow"

    assert_sound(template.made.get())


def statements(call: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        call()
    return len(captured)


# The budget itself (place in the tree, row, history and line) is four, and one looks at
# what is there. What holds others back is in the statement that holds the organization.
def test_a_first_call_costs_one_look_beside_the_opening(
    acme: Organization, template: Budget
) -> None:
    plain = make_organization("plain")
    group = make_budget(plain, scope={"teams": ["none"]})
    for user in ("old", "ann"):
        by_hand = {"parent": group, "scope": {"users": [user]}}
        make_hard(plain, user, "0.10", **by_hand)
    for organization in (acme, plain):
        spend(organization, "0.01", user_id="old")
        decided(organization, ask("old"))

    calls = {
        organization.slug: statements(partial(decided, organization, ask("ann")))
        for organization in (acme, plain)
    }
    again = statements(partial(decided, acme, ask("ann")))

    assert calls["acme"] - calls["plain"] == 5
    assert again == statements(partial(decided, plain, ask("ann")))
    assert template.made.count() == 2
