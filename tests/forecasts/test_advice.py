"""Recommended amounts, over the API."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from accounts.models import Organization
from budgets.models import Budget
from tests.budgets.worlds import jan, january_budget
from tests.factories import Api, make_organization, make_tree, spend

pytestmark = pytest.mark.django_db

_NOW = jan(15, 12)


@pytest.fixture(autouse=True)
def _at_noon_of_the_fifteenth() -> Iterator[None]:
    with time_machine.travel(_NOW, tick=False):
        yield


@pytest.fixture
def tree(acme: Organization) -> dict[str, Budget]:
    """Return Acme 1,000 > Engineering 600 > ML 400, and Sales 300; ML spends 10 a day,
    the rest of Engineering 5, and Sales 2."""
    for day in range(1, 15):
        spend(acme, "10", jan(day, 9), department_id="engineering", team_id="ml")
        spend(acme, "5", jan(day, 9), department_id="engineering")
        spend(acme, "2", jan(day, 9), department_id="sales")
    return make_tree(acme)


def advice_of(api: Api, query: str = "") -> dict[str, dict[str, Any]]:
    """Return what is recommended, by the budget's name."""
    answer = api.get(f"budgets/recommendations{query}")
    assert answer.status == 200, answer.body
    return {one["name"]: one for one in answer.body["recommendations"]}


def amounts(found: dict[str, dict[str, Any]]) -> dict[str, Decimal]:
    return {name: Decimal(one["recommended_amount"]) for name, one in found.items()}


def check_adds_up(found: dict[str, dict[str, Any]]) -> None:
    for one in found.values():
        below = [
            Decimal(other["recommended_amount"])
            for other in found.values()
            if other["parent"] == one["budget"]
        ]
        assert sum(below) == Decimal(one["allocated"])
        parts = Decimal(one["allocated"]) + Decimal(one["unallocated"])
        assert parts == Decimal(one["recommended_amount"])


def test_everybody_gets_what_a_month_of_theirs_needs(
    api: Api, tree: dict[str, Budget]
) -> None:
    found = advice_of(api)

    assert list(found) == ["Acme", "Engineering", "ML", "Sales"]
    check_adds_up(found)
    ml = found["ML"]
    assert ml["present_amount"] == "400.0000000000"
    assert float(ml["forecasted_cost"]) == pytest.approx(280, rel=0.01)  # February
    assert 280 < float(ml["recommended_amount"]) < 320
    assert Decimal(ml["recommended_amount"]) % Decimal("0.01") == 0
    assert Decimal(ml["difference"]) == amounts(found)["ML"] - 400
    kept = Decimal(found["Engineering"]["unallocated"])
    assert 140 < kept < 160  # what of it no budget below it counts
    assert ml["reason"].startswith("No month is over yet, forecast $280")
    assert "a 90\N{NO-BREAK SPACE}% month needs $" in ml["reason"]


def test_a_total_is_parted_by_need_and_priority(
    api: Api, tree: dict[str, Budget]
) -> None:
    Budget.objects.filter(pk=tree["sales"].pk).update(priority="critical")

    found = advice_of(api, f"?root={tree['acme'].uid}&total=300")

    check_adds_up(found)
    got = amounts(found)
    assert got["Acme"] == 300
    assert 0 <= got["Sales"] - Decimal(found["Sales"]["needed"]) < Decimal("0.01")
    assert got["Engineering"] < Decimal(found["Engineering"]["needed"])
    assert "less than it needs: there is not enough." in found["ML"]["reason"]


def test_what_is_not_needed_stays_unallocated(
    api: Api, tree: dict[str, Budget]
) -> None:
    found = advice_of(api, "?total=present")

    check_adds_up(found)
    assert amounts(found)["Acme"] == 1000
    assert amounts(found)["ML"] < 320
    assert "more than is needed stays unallocated." in found["Acme"]["reason"]


def test_floors_and_caps_hold_and_are_told(api: Api, tree: dict[str, Budget]) -> None:
    ml, sales = tree["ml"].uid, tree["sales"].uid

    found = advice_of(api, f"?floor={ml}:500&cap={ml}:600&cap={sales}:10.50")

    check_adds_up(found)
    assert amounts(found)["ML"] == 500
    assert amounts(found)["Sales"] == Decimal("10.50")
    assert found["ML"]["floor"] == "500.0000000000"
    assert "At least $500.00 was asked for." in found["ML"]["reason"]
    assert "At most $10.50 was asked for." in found["Sales"]["reason"]


def test_another_period_or_currency_is_recommended_by_itself(
    api: Api, acme: Organization, tree: dict[str, Budget]
) -> None:
    since: dict[str, Any] = {"period": "weekly", "starts_at": jan(6)}
    weekly = january_budget(acme, "Weekly", "9", parent=tree["ml"], **since)
    january_budget(acme, "Later", starts_at=jan(20))

    found = advice_of(api)
    body = api.get("budgets/recommendations?period=weekly").body

    assert found["Weekly"]["parent"] is None
    assert float(found["Weekly"]["forecasted_cost"]) == pytest.approx(119, rel=0.05)
    assert "Later" not in found
    assert [one["budget"] for one in body["recommendations"]] == [str(weekly.uid)]
    assert {one["name"] for one in body["left_out"]} == {*amounts(found), "Later"} - {
        "Weekly"
    }


def test_what_is_new_keeps_what_it_has(
    api: Api, acme: Organization, tree: dict[str, Budget]
) -> None:
    january_budget(acme, "New", "77", scope={"teams": ["new"]}, now=_NOW)

    new = advice_of(api)["New"]

    assert new["recommended_amount"] == "77.0000000000"
    assert new["forecasted_cost"] is None
    assert new["reason"].startswith("0 days with spend are too few to forecast")


@pytest.mark.parametrize(
    ("query", "attr", "told"),
    [
        ("?total=-1", "total", "amount"),
        ("?total=lots", "total", "amount"),
        ("?period=yearly", "period", "unknown"),
        ("?floor=5", "floor", "ID:AMOUNT"),
        ("?floor=nobody:5", "floor", "no budget nobody"),
        ("?root={sales}&cap={ml}:5", "cap", "no such budget"),
        ("?floor={ml}:9&cap={ml}:8", "floor", "“ML” is to get at least $9.00"),
        ("?floor={ml}:9&cap={engineering}:8", "cap", "floors below it, of “ML”"),
        ("?floor={ml}:9&total=8", "total", "The total of $8.00 is less"),
        ("?cap={acme}:9&total=10", "total", "at most $9.00, and the total is $10.00"),
    ],
)
def test_what_can_not_be_is_named(
    api: Api, tree: dict[str, Budget], query: str, attr: str, told: str
) -> None:
    answer = api.get(
        "budgets/recommendations"
        + query.format(**{name: budget.uid for name, budget in tree.items()})
    )

    assert answer.status == 400
    assert answer.body["errors"][0]["attr"] == attr
    assert told in answer.body["errors"][0]["detail"]


def test_a_total_for_several_kinds_at_the_top_is_refused(
    api: Api, acme: Organization, tree: dict[str, Budget]
) -> None:
    january_budget(acme, "Weekly", period="weekly", now=_NOW)

    refused = api.get("budgets/recommendations?total=100")

    assert refused.body["errors"][0]["attr"] == "total"
    assert amounts(advice_of(api, "?total=100&period=monthly"))["Acme"] == 100


def test_another_organizations_budget_is_not_there(
    api: Api, tree: dict[str, Budget]
) -> None:
    globex = january_budget(make_organization("globex"), now=_NOW)

    root = api.get(f"budgets/recommendations?root={globex.uid}")
    floor = api.get(f"budgets/recommendations?floor={globex.uid}:5")

    assert root.status == 404
    assert floor.status == 400


@pytest.mark.parametrize("more", [0, 20])
def test_queries_do_not_grow_with_the_budgets(
    api: Api,
    acme: Organization,
    tree: dict[str, Budget],
    more: int,
    django_assert_num_queries: Any,
) -> None:
    for number in range(more):
        january_budget(acme, f"Team {number}", parent=tree["ml"], now=_NOW)
    api.get("budgets/recommendations")

    with django_assert_num_queries(6):
        api.get("budgets/recommendations")


def test_templates_are_left_out_and_what_they_spend_is_needed_above(
    acme: Organization, api: Api
) -> None:
    for day in range(1, 15):
        spend(acme, "10", jan(day, 9), user_id="ann")
    company = january_budget(acme, name="Company", amount=Decimal(500))
    template = january_budget(
        acme, name="Each", parent=company, template_for_each="user"
    )
    ann = template.made.get()

    found = api.get("budgets/recommendations").body
    of_one = api.get(f"budgets/recommendations?root={ann.uid}").body

    (only,) = found["recommendations"]
    assert only["name"] == "Company"
    assert Decimal(only["unallocated"]) > 280  # all that Ann needs
    assert [one["reason"] for one in found["left_out"]] == [
        "A template gives all that it made one amount: change it there."
    ]
    assert of_one["left_out"][0]["reason"].startswith("It has its amount of its")


def test_tokens_and_money_are_recommended_beside_one_another(
    acme: Organization, api: Api
) -> None:
    for day in range(1, 15):
        spend(acme, "10", jan(day, 9), input_tokens=900, output_tokens=100)
    january_budget(acme, name="Money", amount=Decimal(500))
    january_budget(acme, name="Tokens", amount=Decimal(5000), currency="tokens")

    found = advice_of(api)
    refused = api.get("budgets/recommendations?total=9000")

    assert found["Tokens"]["currency"] == "tokens"
    assert amounts(found)["Tokens"] % 1 == 0
    assert 28_000 < amounts(found)["Tokens"] < 32_000
    assert "tokens" in found["Tokens"]["reason"]
    assert "$" not in found["Tokens"]["reason"]
    assert refused.body["errors"][0]["attr"] == "total"
