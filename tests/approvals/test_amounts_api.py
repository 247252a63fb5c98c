"""New amounts for many budgets, over the API."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Organization
from accounts.scopes import Role
from approvals.models import BudgetRequest
from budgets.models import Budget
from tests.approvals.factories import level, make_policy, person_in
from tests.factories import (
    Answer,
    Api,
    make_api,
    make_budget,
    make_key,
    make_organization,
    make_tree,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def tree(acme: Organization) -> dict[str, Budget]:
    """Return Acme 1,000 > Engineering 600 > ML 400, and Sales 300."""
    return make_tree(acme)


def send(api: Api, *amounts: tuple[Budget, Any], **more: Any) -> Answer:
    rows = [{"budget": str(one.uid), "amount": amount} for one, amount in amounts]
    return api.post("budgets/amounts", {"amounts": rows, "reason": "Advised", **more})


def amounts() -> dict[str, Decimal]:
    return dict(Budget.objects.values_list("name", "amount"))


def test_what_is_recommended_is_applied_as_it_was_seen(
    api: Api, tree: dict[str, Budget]
) -> None:
    advice = api.get(f"budgets/recommendations?total=500&floor={tree['ml'].uid}:300")
    rows = [
        {
            "budget": one["budget"],
            "amount": one["recommended_amount"],
            "version": one["version"],
        }
        for one in advice.body["recommendations"]
    ]
    body = {"amounts": rows, "reason": "As advised"}

    tried = api.post("budgets/amounts", {**body, "dry_run": True})
    before = amounts()
    done = api.post("budgets/amounts", body)
    again = api.post("budgets/amounts", body)

    assert {one["way"] for one in tried.body["amounts"]} == {"change"}
    assert (tried.body["dry_run"], tried.body["changed"]) == (True, 4)
    assert before == {"Acme": 1000, "Engineering": 600, "ML": 400, "Sales": 300}
    assert (done.body["changed"], done.body["requests"]) == (4, [])
    assert amounts()["Acme"] == 500
    assert amounts()["ML"] >= 300
    assert tree["ml"].history.first().history_change_reason == "As advised"
    assert again.status == 412  # somebody changed them since


def test_raises_that_people_decide_become_requests_of_the_keys_person(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    boss = person_in(acme, "boss", Role.APPROVER)
    make_policy(acme, level(boss), budget=tree["engineering"])
    ann = Api(make_key(user=person_in(acme, "ann", Role.FINANCE_ADMIN)))
    raised = [(tree["ml"], "450"), (tree["sales"], "350.5")]

    done = send(ann, *raised)
    again = send(ann, *raised)
    nobodys = send(make_api(organization=acme), (tree["ml"], "460"))

    (request,) = BudgetRequest.objects.all()
    assert [one["way"] for one in done.body["amounts"]] == ["request", "change"]
    assert done.body["requests"] == [str(request.uid)]
    assert (request.amount, request.justification) == (50, "Advised")
    assert (amounts()["ML"], amounts()["Sales"]) == (400, Decimal("350.5"))
    assert [one["way"] for one in again.body["amounts"]] == ["asked", "change"]
    assert nobodys.body["amounts"][0]["way"] == "not_yours"
    assert (nobodys.body["changed"], nobodys.body["left"]) == (0, 1)


def test_an_owner_changes_their_own_and_the_rest_stays(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    owner = person_in(acme, "lead", Role.BUDGET_OWNER)
    Budget.objects.filter(pk=tree["ml"].pk).update(owner=owner)
    lead = Api(make_key(user=owner))

    done = send(lead, (tree["ml"], "350"), (tree["sales"], "100"))

    assert [one["way"] for one in done.body["amounts"]] == ["change", "not_yours"]
    assert (amounts()["ML"], amounts()["Sales"]) == (350, 300)
    person_in(acme, "boss", Role.FINANCE_ADMIN)
    raised = send(lead, (tree["ml"], "450"))  # the top of theirs
    assert [one["way"] for one in raised.body["amounts"]] == ["request"]
    assert amounts()["ML"] == 350


def test_what_is_wrong_is_named_and_nothing_changes(
    api: Api, tree: dict[str, Budget]
) -> None:
    other = make_budget(make_organization("other"))
    ml, sales = tree["ml"], tree["sales"]
    theirs = {"budget": str(other.uid), "amount": "6"}

    twice = send(api, (ml, "1"), (ml, "2"))
    less = send(api, (sales, "1"), (ml, "-2"))
    none = send(api)
    counted = send(api, (make_budget(ml.organization, "T", currency="tokens"), "0.5"))
    why = api.post(
        "budgets/amounts", {"amounts": [{"budget": str(ml.uid), "amount": "1"}]}
    )
    foreign = api.post("budgets/amounts", {"amounts": [theirs], "reason": "Mine now"})

    found = [
        (answer.status, answer.body["errors"][0]["attr"])
        for answer in (twice, less, none, counted, why, foreign)
    ]
    assert found == [
        (400, "amounts.0.budget"),
        (400, "amounts.1.amount"),
        (400, "amounts"),
        (400, "amounts.0.amount"),
        (400, "reason"),
        (400, "amounts.0.budget"),
    ]
    assert amounts()["ML"] == 400
