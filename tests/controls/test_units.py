"""Hard limits that count tokens or requests: filled exactly, whatever calls cost."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget
from budgets.reservations.expire import expire
from budgets.services import change_budget, move_budget, plan_of
from controls.replay import Proposal, last_period, replay
from lib.periods import Window
from tests.controls.factories import authorize, lease, make_hard, money_of
from tests.factories import Api, usage_record

pytestmark = pytest.mark.django_db


@pytest.fixture
def tokens(acme: Organization) -> Budget:
    return make_hard(acme, "Tokens", "1000", currency="tokens")


def ask(api: Api, most_in: int = 300, most_out: int = 100, **more: Any) -> Any:
    given = {"input_tokens": most_in, "max_output_tokens": most_out, **more}
    return authorize(api, **{"estimated_cost": None, **given})


def use(api: Api, usage_id: str, input_tokens: int, output: int, **more: Any) -> Any:
    record = usage_record(
        id=usage_id,
        provider="openai",
        model="gpt-4o",
        project_id="search",
        input_tokens=input_tokens,
        output_tokens=output,
        timestamp=timezone.now().isoformat(),
        **more,
    )
    return api.post("usage", record).body


@pytest.mark.usefixtures("_remembers")
def test_tokens_are_set_aside_and_the_limit_is_filled(api: Api, tokens: Budget) -> None:
    answers = [ask(api), ask(api), ask(api), ask(api, 100, 100)]

    assert [one["decision"] for one in answers] == ["allow", "allow", "block", "allow"]
    assert money_of(tokens) == (0, 1000)
    (reason,) = answers[2]["reasons"]
    assert (reason["left"], reason["currency"]) == ("200.0000000000", "tokens")
    assert reason["message"] == (
        "Tokens has 200 tokens left, which is less than the call may take."
    )


def test_what_was_used_counts_and_the_rest_is_free_again(
    api: Api, tokens: Budget
) -> None:
    first, second = ask(api), ask(api)

    use(api, "a", 120, 30, authorization_id=first["id"], cached_tokens=100)
    api.post(f"authorizations/{second['id']}/release", {})

    assert money_of(tokens) == (150, 0)
    call_command("verify")


@pytest.mark.usefixtures("_remembers")
def test_what_costs_nothing_takes_tokens_too(api: Api, tokens: Budget) -> None:
    free: dict[str, Any] = {"estimated_cost": "0", "model": "nobody-knows"}

    answers = [ask(api, 400, 100, **free) for _ in range(3)]

    assert [one["decision"] for one in answers] == ["allow", "allow", "block"]
    assert money_of(tokens) == (0, 1000)
    expire(tokens.organization_id, now=timezone.now() + timedelta(days=1))
    assert money_of(tokens) == (0, 0)


def test_tokens_have_to_be_said_where_they_are_counted(
    api: Api, tokens: Budget
) -> None:
    body = {"provider": "openai", "model": "gpt-4o", "estimated_cost": "1"}

    answer = api.post("authorizations", body)

    assert answer.status == 400
    assert answer.body["errors"][0]["attr"] == "input_tokens"
    assert money_of(tokens) == (0, 0)


def test_a_soft_budget_of_tokens_asks_for_none(api: Api, acme: Organization) -> None:
    make_hard(acme, "Soft", "1000", currency="tokens", enforcement="soft")

    assert authorize(api)["decision"] == "allow"


def test_requests_are_counted_one_by_one(api: Api, acme: Organization) -> None:
    budget = make_hard(acme, "Requests", "3", currency="requests")

    use(api, "day", 10, 10, requests=2)
    answers = [authorize(api) for _ in range(2)]

    assert [one["decision"] for one in answers] == ["allow", "block"]
    assert answers[1]["reasons"][0]["message"] == "Requests has no requests left."
    assert money_of(budget) == (2, 1)


def test_money_and_tokens_both_have_to_have_room(
    api: Api, acme: Organization, tokens: Budget
) -> None:
    money = make_hard(acme, "Money", "1")

    rules = [
        [reason["budget_name"] for reason in ask(api, **call)["reasons"]]
        for call in (
            {"most_in": 2_000},
            {"model": "nobody-knows", "estimated_cost": "2"},
            {"model": "nobody-knows", "estimated_cost": "1"},
        )
    ]

    assert rules == [["Tokens"], ["Money"], []]
    assert (money_of(money), money_of(tokens)) == ((0, 1), (0, 400))


def test_no_lease_is_for_tokens(api: Api, tokens: Budget) -> None:
    assert lease(api, amount="1")["mode"] == "ask"


def test_what_is_held_moves_with_the_tree(api: Api, acme: Organization) -> None:
    free: dict[str, Any] = {"estimated_cost": "0", "model": "nobody-knows"}
    top = make_hard(acme, "Top", "5000", currency="tokens", scope={"users": ["x"]})
    below = make_hard(acme, "Below", "1000", currency="tokens")
    ask(api, **free)

    move_budget(below, top)

    assert (money_of(top), money_of(below)) == ((0, 400), (0, 400))
    plan = plan_of(Budget.objects.select_related("organization").get(pk=below.pk))
    plan.enforcement = "soft"
    change_budget(below, plan, now=timezone.now())
    assert (money_of(top), money_of(below)) == ((0, 400), (0, 0))
    call_command("verify")


def test_a_dry_run_counts_tokens(api: Api, tokens: Budget) -> None:
    for number in range(4):
        use(api, str(number), 300, 100)
    now = timezone.now()
    window = Window(last_period(tokens, now).start, now)

    found = replay(
        tokens, Proposal(rules=[], amount=Decimal(900), is_hard=True), window
    )

    assert found.spent == 1600 * 10**10
    assert found.total("stopped").calls == 2
    assert "2 calls, 800 tokens" in found.sentence
