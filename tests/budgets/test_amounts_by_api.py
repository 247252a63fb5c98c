"""Transfers, raises and grants over the API: what is written, and who may."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from accounts.models import Organization, User
from accounts.scopes import Role
from budgets.closing import sweep_periods
from budgets.models import Budget
from tests.budgets.worlds import differences
from tests.factories import (
    Answer,
    Api,
    make_budget,
    make_key,
    make_person,
    make_tree,
    spend,
)

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as travelling:
        yield travelling


@pytest.fixture
def tree(acme: Organization, pat: User) -> dict[str, Budget]:
    """Acme > Engineering (Pat's) > ML, Data; Sales beside Engineering."""
    found = make_tree(acme)
    data = make_budget(acme, "Data", "50", parent=found["engineering"])
    Budget.objects.filter(pk=found["engineering"].pk).update(owner=pat)
    return {**found, "data": data}


@pytest.fixture
def pat(acme: Organization) -> User:
    return make_person("pat@acme.example", {acme: Role.BUDGET_OWNER})


def transfer(api: Api, source: Budget, to: Budget, amount: str = "20") -> Answer:
    body = {"to": str(to.uid), "amount": amount, "reason": "Not needed"}
    return api.post(f"budgets/{source.uid}/transfers", body)


def limit_of(api: Api, budget: Budget) -> str:
    return str(api.get(f"budgets/{budget.uid}/status").body["limit"])[:-11]


def test_a_transfer_says_both_its_lines(api: Api, tree: dict[str, Budget]) -> None:
    made = transfer(api, tree["ml"], tree["data"])

    assert made.status == 201
    assert [
        (one["budget"], one["amount"], one["kind"], one["counterpart"], one["reason"])
        for one in made.body["lines"]
    ] == [
        (str(here.uid), amount, "transfer", str(there.uid), "Not needed")
        for here, there, amount in (
            (tree["ml"], tree["data"], "-20.0000000000"),
            (tree["data"], tree["ml"], "20.0000000000"),
        )
    ]
    assert made.body["lines"][0]["effective_to"] == "2026-12-01T00:00:00Z"
    listed = api.get(f"budgets/{tree['data'].uid}/lines").body[-1]
    assert listed == made.body["lines"][1]
    assert (limit_of(api, tree["ml"]), limit_of(api, tree["data"])) == ("380", "70")
    assert differences(tree["ml"].organization) == []


def test_a_raise_holds_until_the_end_of_its_day_in_the_budgets_zone(
    api: Api, acme: Organization, clock: time_machine.Traveller
) -> None:
    budget = make_budget(acme, timezone="Europe/Berlin")
    path = f"budgets/{budget.uid}"
    body = {"amount": "50.5", "until": "2026-11-20", "reason": "A launch"}

    made = api.post(f"{path}/raises", body, idempotency_key="one")
    again = api.post(f"{path}/raises", body, idempotency_key="one")

    assert again.body == made.body
    (line,) = made.body["lines"]
    assert line["effective_to"] == "2026-11-20T23:00:00Z"
    assert (line["actor"], line["kind"]) == ("key tests", "raise")
    assert limit_of(api, budget) == "1050"
    clock.move_to(datetime(2026, 11, 21, tzinfo=UTC))
    then = api.get(f"{path}/status?at=2026-11-20T22:59:59Z").body["limit"]
    after = api.get(f"{path}/status?at=2026-11-20T23:00:00Z").body["limit"]
    assert (then[:6], after[:6]) == ("1050.5", "1000.0")


def test_a_grant_tells_what_is_used_and_left_of_it(
    api: Api, acme: Organization, clock: time_machine.Traveller
) -> None:
    budget = make_budget(acme, timezone="Europe/Berlin")
    path = f"budgets/{budget.uid}"
    body = {"amount": "50.5", "until": "2026-12-20", "reason": "A pilot"}

    made = api.post(f"{path}/grants", body)
    spend(acme, "1010", NOW)
    sweep_periods(now=NOW)
    clock.move_to(datetime(2026, 12, 2, tzinfo=UTC))
    sweep_periods(now=datetime(2026, 12, 2, tzinfo=UTC))
    (grant,) = api.get(f"{path}/grants").body

    (line,) = made.body["lines"]
    assert (made.status, line["kind"], line["amount"]) == (
        201,
        "grant",
        "50.5000000000",
    )
    assert grant["until"] == "2026-12-20T23:00:00Z"
    assert (grant["reason"], grant["actor"]) == ("A pilot", "key tests")
    assert [grant[name][:4] for name in ("used", "left", "expired")] == [
        *("10.0", "40.5", "0.00")
    ]
    assert [
        (use["start"], use["had"][:4], use["used"][:4]) for use in grant["uses"]
    ] == [
        ("2026-11-15T12:00:00Z", "50.5", "10.0"),
        ("2026-11-30T23:00:00Z", "40.5", "0.00"),
    ]
    moved = api.get(f"{path}/lines").body[-1]
    assert (moved["kind"], moved["amount"][:4]) == ("grant", "40.5")
    assert moved["reason"] == "Left of the grant until 20 Dec 2026"
    assert limit_of(api, budget).startswith("1040")
    assert differences(acme) == []


@pytest.mark.parametrize("what", ["raises", "grants"])
@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"until": "2026-12-01"}, "amount"),
        ({"amount": "0", "until": "2026-12-01"}, "amount"),
        ({"amount": "1E+17", "until": "2026-12-01"}, "amount"),
        ({"amount": "1"}, "until"),
        ({"amount": "1", "until": "2026-11-14"}, "until"),
        ({"amount": "1", "until": "9999-01-01"}, "until"),
        ({"amount": "1", "until": "soon"}, "until"),
        ({"amount": "1", "until": "2026-12-01", "untill": "x"}, "untill"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_raise_or_grant_is_named(
    api: Api, tree: dict[str, Budget], body: dict[str, str], attr: str, what: str
) -> None:
    answer = api.post(f"budgets/{tree['ml'].uid}/{what}", body)

    assert (answer.status, answer.body["errors"][0]["attr"]) == (400, attr)


def test_no_more_is_transferred_than_is_left(api: Api, tree: dict[str, Budget]) -> None:
    answer = transfer(api, tree["data"], tree["ml"], "50.0000000001")

    assert (answer.status, answer.body["code"]) == (409, "not_enough_left")
    unknown = {"to": "nobody", "amount": "1"}
    answer = api.post(f"budgets/{tree['ml'].uid}/transfers", unknown)
    assert (answer.status, answer.body["errors"][0]["attr"]) == (400, "to")


@pytest.mark.parametrize(
    ("source", "to", "expected"),
    [
        ("ml", "data", 201),
        ("engineering", "ml", 201),
        ("ml", "engineering", "needs_request"),
        ("ml", "sales", "not_yours"),
        ("sales", "ml", "not_yours"),
        ("acme", "engineering", "not_yours"),
    ],
)
def test_owners_transfer_within_their_own_subtree(
    tree: dict[str, Budget], pat: User, source: str, to: str, expected: Any
) -> None:
    answer = transfer(Api(make_key(user=pat)), tree[source], tree[to])

    found = answer.status if answer.status == 201 else answer.body["code"]
    assert found == expected


def test_between_two_trees_of_their_own_owners_ask(
    acme: Organization, tree: dict[str, Budget], pat: User
) -> None:
    tree["sales"].owner = pat
    tree["sales"].save()
    emea = make_budget(acme, "EMEA", "10", parent=tree["sales"])

    answer = transfer(Api(make_key(user=pat)), tree["ml"], emea)

    assert (answer.status, answer.body["code"]) == (403, "needs_request")
    assert "/budget-requests" in answer.body["detail"]


@pytest.mark.parametrize("what", ["raises", "grants"])
@pytest.mark.parametrize(
    ("which", "expected"),
    [("ml", 201), ("engineering", "needs_request"), ("sales", "not_yours")],
)
def test_owners_raise_what_is_below_their_own(
    tree: dict[str, Budget], pat: User, which: str, expected: Any, what: str
) -> None:
    body = {"amount": "1", "until": "2026-12-01"}

    answer = Api(make_key(user=pat)).post(f"budgets/{tree[which].uid}/{what}", body)

    found = answer.status if answer.status == 201 else answer.body["code"]
    assert found == expected
