"""Calls decided from what the process has set aside, through the API."""

import time
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from budgets.models import Budget, Reservation
from controls.decisions import server_leases
from tests.controls.factories import authorize, book, call, make_hard, money_of
from tests.controls.guarding import given, guard
from tests.factories import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def company(acme: Organization) -> Budget:
    return make_hard(acme, "Company", "80")


@pytest.fixture(autouse=True)
def _known_organization(api: Api, company: Budget) -> None:
    """Have the process learn what it tells calls apart by; nothing is left of it."""
    answer = authorize(api, estimated_cost="0.01", durable=False)
    api.post(f"authorizations/{answer['id']}/release", {})


def quickly(api: Api, cost: str = "0.01") -> dict[str, object]:
    return authorize(api, estimated_cost=cost, durable=False)


def test_calls_under_a_lease_ask_the_database_nothing(
    api: Api, company: Budget
) -> None:
    quickly(api)

    with CaptureQueriesContext(connection) as queries:
        answers = [quickly(api) for _ in range(20)]

    assert [answer["decision"] for answer in answers] == ["allow"] * 20
    assert len({answer["id"] for answer in answers}) == 20
    assert len(queries) == 0


class Clock:
    """Time as the pool reads it, moved on by hand."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


def test_leases_that_are_due_are_renewed_in_one_transaction(
    api: Api, company: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(server_leases, "time", clock)
    used = [f"gpt-4o{which}" for which in ("", "-mini", "-audio-preview")]
    for model in used:
        authorize(api, estimated_cost="0.01", durable=False, model=model)
    authorize(api, estimated_cost="0.01", durable=False, model="o3")
    clock.ahead = server_leases.TTL.total_seconds()
    for lease in server_leases._leases.values():
        lease.decided *= lease.key.model != "o3"  # not used since it was renewed

    authorize(api, estimated_cost="0.01", durable=False, model=used[0])

    with CaptureQueriesContext(connection) as queries:
        for model in used:
            authorize(api, estimated_cost="0.01", durable=False, model=model)
    assert len(queries) == 0
    with CaptureQueriesContext(connection) as queries:
        authorize(api, estimated_cost="0.01", durable=False, model="o3")
    assert len(queries) > 0
    assert money_of(company)[1] == sum(
        (row.held for row in Reservation.objects.all()), Decimal(0)
    )


def test_what_calls_are_told_apart_by_from_now_on_counts_once_it_is_known(
    api: Api, company: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(server_leases, "time", clock)
    authorize(api, estimated_cost="0.01", durable=False, user_id="ann")
    scope = {"users": ["bob"]}
    bob = make_hard(company.organization, "Bob", "0.5", parent=company, scope=scope)
    guard(company, given("block", 'user == "ann"'))
    clock.ahead = server_leases.NEWS.total_seconds()

    stopped = authorize(api, estimated_cost="0.01", durable=False, user_id="ann")
    too_much = authorize(api, estimated_cost="0.9", durable=False, user_id="bob")

    assert stopped["decision"] == too_much["decision"] == "block"
    assert too_much["reasons"][0]["budget"] == str(bob.uid)


def test_what_is_answered_once_is_not_decided_from_memory(
    api: Api, company: Budget
) -> None:
    """The transaction that keeps the answer may fail, and take a lease back with it."""
    body = call(estimated_cost="0.01", durable=False)

    first = api.post("authorizations", body, Idempotency_Key="a")
    again = api.post("authorizations", body, Idempotency_Key="a")

    assert first.body == again.body
    assert Reservation.objects.get(uid=first.body["id"]).kind == "authorization"


def test_usage_of_such_calls_draws_on_the_lease(api: Api, company: Budget) -> None:
    answer = quickly(api)

    booked = book(api, "0.004", authorization_id=answer["id"])

    assert booked["authorization"]["known"] is True
    held = Reservation.objects.get(kind="lease").held
    assert held == Decimal("0.63")  # of 64 calls, all but this one's
    assert money_of(company) == (Decimal("0.004"), held)
    call_command("verify")


def test_what_is_left_goes_back_and_calls_under_way_keep_theirs(
    api: Api, company: Budget
) -> None:
    for _ in range(3):
        answer = quickly(api)

    server_leases.give_all_back()

    assert money_of(company) == (0, Decimal("0.03"))
    book(api, "0.01", authorization_id=answer["id"])
    assert money_of(company) == (Decimal("0.01"), Decimal("0.02"))
    call_command("verify")


def test_the_last_cent_can_be_spent_and_not_one_more(api: Api, company: Budget) -> None:
    authorize(api, estimated_cost="79.9")

    answers = [quickly(api) for _ in range(12)]

    assert [one["decision"] for one in answers] == ["allow"] * 10 + ["block"] * 2
    assert answers[-1]["reasons"][0]["rule"] == "hard_limit"  # type: ignore[index]
    assert money_of(company)[1] == 80


def test_such_a_call_can_be_released_once(api: Api, company: Budget) -> None:
    answer = quickly(api)
    _, held = money_of(company)

    for _ in range(2):
        released = api.post(f"authorizations/{answer['id']}/release", {})

        assert released.body == {"id": answer["id"], "state": "released"}
    assert money_of(company) == (0, held - Decimal("0.01"))
    call_command("verify")


def test_what_a_call_did_not_use_goes_back_when_it_is_booked(
    api: Api, company: Budget
) -> None:
    answers = [quickly(api) for _ in range(3)]
    server_leases.give_all_back()

    for number, answer in enumerate(answers):
        book(api, "0.001", id=f"u{number}", authorization_id=answer["id"])
    book(api, "0.001", id="again", authorization_id=answers[0]["id"])

    assert money_of(company) == (Decimal("0.004"), 0)
    call_command("verify")


def test_an_id_that_was_tampered_with_is_nobodys(api: Api, company: Budget) -> None:
    lease, number, _, signature = str(quickly(api)["id"]).split(".")
    _, held = money_of(company)

    booked = book(
        api, "0.001", authorization_id=f"{lease}.{number}.9999999999.{signature}"
    )

    assert booked["authorization"]["known"] is False
    assert money_of(company) == (Decimal("0.001"), held)


def test_a_price_that_is_not_known_is_decided_with_the_database(
    api: Api, company: Budget
) -> None:
    answer = authorize(
        api,
        model="home-grown",
        estimated_cost=None,
        input_tokens=1,
        max_output_tokens=1,
        durable=False,
    )

    assert answer["decision"] == "allow"
    assert answer["priced"] is False


@pytest.mark.parametrize("used", [lambda: None, lambda: server_leases.give_all_back()])
def test_a_lease_that_was_given_back_is_taken_anew(
    api: Api, company: Budget, used: Callable[[], None]
) -> None:
    quickly(api)
    used()

    assert quickly(api)["decision"] == "allow"
