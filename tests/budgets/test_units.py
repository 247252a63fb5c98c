"""Budgets that count tokens or requests: made, charged, corrected and told."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organization
from alerts.models import Alert
from budgets.models import Budget
from budgets.verification import differences
from ledger.models import Price
from lib.money import format_money
from tests.factories import Api, usage_record

pytestmark = pytest.mark.django_db


def make(api: Api, name: str = "Tokens", **fields: Any) -> dict[str, Any]:
    body = {"name": name, "amount": "12000", "unit": "tokens", **fields}
    answer = api.post("budgets", body)
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.body
    return made


def use(api: Api, usage_id: str, tokens: int = 100, **more: Any) -> dict[str, Any]:
    record = usage_record(
        id=usage_id, input_tokens=tokens, output_tokens=tokens // 2, **more
    )
    record["timestamp"] = timezone.now().isoformat()
    assert api.post("usage", record).status == 201
    return record


def spent(api: Api, budget: dict[str, Any]) -> Decimal:
    return Decimal(api.get(f"budgets/{budget['id']}/status").body["total_spend"])


def test_a_budget_says_what_it_counts(api: Api) -> None:
    made = make(api, currency="USD")

    assert (made["unit"], made["currency"]) == ("tokens", "tokens")
    assert api.get(f"budgets/{made['id']}").body == made
    status = api.get(f"budgets/{made['id']}/status").body
    assert (status["unit"], status["limit"]) == ("tokens", "12000.0000000000")
    money = api.post("budgets", {"name": "Money", "amount": "1"}).body
    assert (money["unit"], money["currency"]) == ("money", "USD")


def test_a_child_counts_what_its_parent_does(api: Api) -> None:
    tokens = make(api)
    money = api.post("budgets", {"name": "Money", "amount": "1"}).body

    child = api.post(
        "budgets", {"name": "Child", "amount": "5", "parent": tokens["id"]}
    )
    under_money = {"name": "No", "amount": "5", "parent": money["id"]}
    wrong = api.post("budgets", {**under_money, "unit": "requests"})
    moved = api.patch(f"budgets/{tokens['id']}", {"parent": money["id"]})

    assert child.body["unit"] == "tokens"
    for answer in (wrong, moved):
        assert answer.status == 400
        assert answer.body["errors"][0]["attr"] == "parent"
        assert "counts money" in answer.body["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("change", "attr"),
    [
        ({"unit": "requests"}, "unit"),
        ({"unit": "money"}, "unit"),
        ({"currency": "EUR"}, "unit"),
        ({"amount": "1.5"}, "amount"),
        ({"unit": "characters"}, "unit"),
    ],
)
def test_what_it_counts_stays(api: Api, change: dict[str, str], attr: str) -> None:
    made = make(api)

    answer = api.patch(f"budgets/{made['id']}", change)

    assert answer.status == 400
    assert answer.body["errors"][0]["attr"] == attr


def test_tokens_are_input_and_output_and_requests_what_a_record_says(api: Api) -> None:
    before = use(api, "a", cached_tokens=50), use(api, "b", requests=40)
    tokens, requests = make(api), make(api, "Requests", unit="requests")
    use(api, "c", 10, model="nobody-knows")

    assert before
    assert (spent(api, tokens), spent(api, requests)) == (315, 42)
    assert list(differences(Organization.objects.get())) == []


def test_a_correction_moves_tokens_and_a_repricing_does_not(
    api: Api, acme: Organization
) -> None:
    tokens, requests = make(api), make(api, "Requests", unit="requests")
    money = api.post("budgets", {"name": "Money", "amount": "1"}).body
    record = use(api, "a", 100, model="some-model", requests=3)

    wrong = {**record, "input_tokens": 1_000, "requests": 5, "reason": "Miscounted"}
    assert api.post("usage/a/correction", wrong).status == 201

    assert (spent(api, tokens), spent(api, requests)) == (1_050, 5)
    Price.objects.create(
        organization=acme,
        provider=record["provider"],
        model="some-model",
        effective_from=timezone.now().replace(year=2000),
        input_per_million=1_000,
        output_per_million=1_000,
    )
    acme.touch()
    assert api.post("repricings", {"reason": "A price"}).status == 201
    assert (spent(api, tokens), spent(api, requests)) == (1_050, 5)
    assert spent(api, money) == Decimal("1.05")
    assert list(differences(acme)) == []


def test_variance_says_whose_tokens(api: Api) -> None:
    budget = make(api)
    use(api, "a", 1_000, project_id="search")
    use(api, "b", 100, project_id="chat")

    found = api.get(f"budgets/{budget['id']}/variance").body

    assert found["actual_spend"] == "1650.0000000000"
    assert found["drivers_currency"] == "tokens"
    named = {one["name"]: one["cost"] for one in found["drivers"]}
    assert named["search"] == "1500.0000000000"


def test_money_and_tokens_of_one_scope_are_no_conflict(api: Api) -> None:
    make(api)
    api.post("budgets", {"name": "Money", "amount": "1"})
    use(api, "a")

    assert api.get("budgets/conflicts").body == []


def test_what_only_tokens_are_counted_of_has_no_budget(api: Api) -> None:
    make(api)
    use(api, "a", cost="5")

    (found,) = api.get("budgets/conflicts").body

    assert found["type"] == "orphan_spend"


def test_an_alert_tells_tokens(api: Api) -> None:
    make(api, amount="1000")

    use(api, "a", 600)

    alert = Alert.objects.get()
    assert "tokens" in alert.message
    assert "$" not in alert.message


def test_amounts_are_written_without_a_currency() -> None:
    words = [
        format_money(Decimal(amount), unit)
        for amount, unit in (
            ("12000", "tokens"),
            ("1", "requests"),
            ("1234.5", "tokens"),
            ("0.25", "requests"),
        )
    ]

    assert words == [
        "12,000 tokens",
        "1 request",
        "1,234 tokens",
        "0.25 requests",
    ]


def test_a_tree_of_tokens_is_told(api: Api) -> None:
    top = make(api)
    make(api, "Below", amount="2000", parent=top["id"], scope={"projects": ["x"]})
    use(api, "a", 1_000, project_id="x")

    (node,) = api.get("budgets/tree").body

    assert (node["allocated"], node["unallocated"]) == (
        "2000.0000000000",
        "10000.0000000000",
    )
    assert node["children"][0]["total_spend"] == "1500.0000000000"
    assert Budget.objects.get(name="Below").unit == "tokens"


def test_counted_amounts_stay_whole_and_apart_from_money(api: Api) -> None:
    tokens, money = make(api), api.post("budgets", {"name": "M", "amount": "9"}).body

    raised = api.post(
        f"budgets/{tokens['id']}/raises", {"amount": "0.5", "until": "2199-01-01"}
    )
    moved = api.post(
        f"budgets/{tokens['id']}/transfers", {"to": money["id"], "amount": "1"}
    )

    assert raised.body["errors"][0]["detail"] == "Must be a whole number of tokens."
    assert moved.body["errors"][0]["attr"] == "to"
