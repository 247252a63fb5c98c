"""Deciding calls before they are made, through the API."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget, Reservation
from budgets.reservations.expire import expire_all
from budgets.services import change_budget, move_budget, plan_of
from tests.controls.factories import authorize, book, call, make_hard, money_of
from tests.factories import Api, make_api, make_organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_remembers")]


@pytest.fixture
def company(acme: Organization) -> Budget:
    return make_hard(acme, "Company", "10")


def test_what_a_call_may_cost_is_set_aside_on_its_whole_path(
    acme: Organization, api: Api, company: Budget
) -> None:
    team = make_hard(
        acme, "Search", "5", parent=company, scope={"projects": ["search"]}
    )

    answer = authorize(api, estimated_cost="1.5")

    assert answer["decision"] == "allow"
    assert answer["model"] == "gpt-4o"
    assert answer["reserved"] == "1.5000000000"
    assert answer["currency"] == "USD"
    assert answer["reasons"] == []
    assert money_of(company) == money_of(team) == (0, Decimal("1.5"))


def test_the_worst_case_of_tokens_is_set_aside(api: Api, company: Budget) -> None:
    answer = authorize(
        api, estimated_cost=None, input_tokens=1_000, max_output_tokens=500
    )

    # $2.50 and $10.00 a million tokens.
    assert answer["reserved"] == "0.0075000000"
    assert answer["priced"] is True


def test_a_limit_may_be_filled_exactly_and_not_passed(
    api: Api, company: Budget
) -> None:
    authorize(api, estimated_cost="9.9999999999")

    last = authorize(api, estimated_cost="0.0000000001")
    beyond = authorize(api, estimated_cost="0.0000000001")

    assert last["decision"] == "allow"
    assert beyond["decision"] == "block"
    assert beyond["id"] is None
    assert beyond["reserved"] == "0.0000000000"
    assert beyond["reasons"] == [
        {
            "budget": str(company.uid),
            "budget_name": "Company",
            "rule": "hard_limit",
            "message": "Company has nothing left, and the call may cost something.",
            "left": "0.0000000000",
            "currency": "USD",
        }
    ]


def test_the_ancestor_without_room_is_named(
    acme: Organization, api: Api, company: Budget
) -> None:
    make_hard(acme, "Search", "50", parent=company, scope={"projects": ["search"]})

    answer = authorize(api, estimated_cost="11")

    assert answer["decision"] == "block"
    assert [reason["budget_name"] for reason in answer["reasons"]] == ["Company"]
    assert answer["reasons"][0]["left"] == "10.0000000000"


def test_a_soft_limit_blocks_nothing_and_holds_nothing(
    acme: Organization, api: Api
) -> None:
    soft = make_hard(acme, "Company", "10", enforcement="soft")

    answer = authorize(api, estimated_cost="11")

    assert answer["decision"] == "allow"
    assert answer["id"]
    assert not soft.periods.exists()


def test_the_usage_record_turns_what_was_set_aside_into_spend(
    api: Api, company: Budget
) -> None:
    answer = authorize(api, estimated_cost="2")

    booked = book(api, "1.25", authorization_id=answer["id"])

    assert money_of(company) == (Decimal("1.25"), 0)
    assert booked["authorization"] == {
        "id": answer["id"],
        "known": True,
        "reserved": "2.0000000000",
        "over": "0.0000000000",
        "differs": [],
        "without_leave": False,
    }
    state = api.get(f"authorizations/{answer['id']}").body
    assert state["state"] == "settled"
    assert state["settled"] == "1.2500000000"


def test_a_cost_above_the_estimate_is_booked_as_it_was_and_told(
    api: Api, company: Budget
) -> None:
    answer = authorize(api, estimated_cost="2")

    booked = book(api, "3", authorization_id=answer["id"])

    assert money_of(company) == (3, 0)
    assert booked["authorization"]["over"] == "1.0000000000"


def test_a_repeated_usage_record_settles_once(api: Api, company: Budget) -> None:
    first = authorize(api, estimated_cost="2")
    second = authorize(api, estimated_cost="2")
    book(api, "1", id="u-1", authorization_id=first["id"])

    answer = api.post(
        "usage",
        {
            "id": "u-1",
            "timestamp": "2026-01-01T00:00:00Z",
            "provider": "openai",
            "model": "gpt-4o",
            "cost": "1",
            "authorization_id": second["id"],
        },
    )

    assert answer.body["duplicate"] is True
    assert money_of(company) == (1, 2)


def test_an_authorization_nobody_knows_is_told_and_the_usage_booked(
    api: Api, company: Budget
) -> None:
    booked = book(api, "1", authorization_id="no-such-id")

    assert booked["authorization"]["known"] is False
    assert money_of(company) == (1, 0)


def test_a_call_that_is_not_made_gives_its_money_back_once(
    api: Api, company: Budget
) -> None:
    answer = authorize(api)

    for _ in range(2):
        released = api.post(f"authorizations/{answer['id']}/release", {})

        assert released.status == 200
        assert released.body == {"id": answer["id"], "state": "released"}
    assert money_of(company) == (0, 0)


def test_a_settled_call_can_not_be_released(api: Api, company: Budget) -> None:
    answer = authorize(api)
    book(api, "1", authorization_id=answer["id"])

    refused = api.post(f"authorizations/{answer['id']}/release", {})

    assert refused.status == 409
    assert refused.body["code"] == "already_settled"


def test_what_nobody_settles_expires_in_time(api: Api, company: Budget) -> None:
    authorize(api, ttl_s=60)
    now = timezone.now()

    early = expire_all(now + timedelta(seconds=50))
    late = expire_all(now + timedelta(seconds=61))
    again = expire_all(now + timedelta(seconds=61))

    assert (early, late, again) == (0, 1, 0)
    assert money_of(company) == (0, 0)


def test_usage_that_comes_after_the_expiry_is_booked_all_the_same(
    api: Api, company: Budget
) -> None:
    answer = authorize(api, ttl_s=60)
    expire_all(timezone.now() + timedelta(seconds=61))

    book(api, "1", authorization_id=answer["id"])

    assert money_of(company) == (1, 0)
    assert api.get(f"authorizations/{answer['id']}").body["state"] == "settled"


def test_what_has_expired_does_not_stand_in_the_way(api: Api, company: Budget) -> None:
    authorize(api, estimated_cost="10")
    Reservation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    answer = authorize(api, estimated_cost="10")

    assert answer["decision"] == "allow"
    assert money_of(company) == (0, 10)


def test_money_follows_a_budget_that_is_moved(
    acme: Organization, api: Api, company: Budget
) -> None:
    other = make_hard(acme, "Other", "10", scope={"projects": ["none"]})
    team = make_hard(acme, "Search", "5", scope={"projects": ["search"]})
    move_budget(team, other)
    answer = authorize(api, estimated_cost="2")

    move_budget(team, None)

    assert money_of(other) == (0, 0)
    assert money_of(team) == (0, 2)
    book(api, "1", authorization_id=answer["id"])
    assert money_of(team) == (1, 0)
    assert money_of(company) == (1, 0)
    call_command("verify")


def test_money_is_held_on_a_budget_that_becomes_hard(
    acme: Organization, api: Api
) -> None:
    budget = make_hard(acme, "Company", "10", enforcement="soft")
    authorize(api, estimated_cost="2")
    plan = plan_of(budget)
    plan.enforcement = "hard"

    change_budget(budget, plan, now=timezone.now())

    assert money_of(budget) == (0, 2)
    call_command("verify")


def test_money_is_held_on_a_budget_that_is_made_after_the_call_was_allowed(
    acme: Organization, api: Api, company: Budget
) -> None:
    answer = authorize(api, estimated_cost="2")

    team = make_hard(acme, "Search", "5", scope={"projects": ["search"]})

    assert (money_of(company), money_of(team)) == ((0, 2), (0, 2))
    book(api, "1", authorization_id=answer["id"])
    assert (money_of(company), money_of(team)) == ((1, 0), (1, 0))
    call_command("verify")


def test_money_is_held_on_the_new_periods_of_a_budget_that_is_redated(
    api: Api, company: Budget
) -> None:
    authorize(api, estimated_cost="2")
    plan = plan_of(company)
    plan.timezone = "Europe/Berlin"
    plan.starts_at = None

    change_budget(company, plan, now=timezone.now())

    assert money_of(company) == (0, 2)
    call_command("verify")


def test_a_budget_in_another_currency_is_reserved_on_in_its_own(
    acme: Organization, api: Api
) -> None:
    euro = make_hard(acme, "Europe", "10", currency="EUR")

    allowed = authorize(api, estimated_cost="2")

    _, reserved = money_of(euro)
    assert Decimal("1.5") < reserved < 2
    assert allowed["reserved"] == "2.0000000000"
    book(api, "2", authorization_id=allowed["id"])
    assert money_of(euro)[1] == 0


@pytest.mark.parametrize(
    ("policy", "decision"), [("allow", "allow"), ("block", "block")]
)
def test_the_organization_says_what_becomes_of_a_model_without_a_price(
    platform: Api, policy: str, decision: str
) -> None:
    organization = make_organization("beta", unpriced_policy=policy)
    make_hard(organization, "Company", "10")

    answer = authorize(
        platform,
        organization_id="beta",
        model="home-grown",
        estimated_cost=None,
        input_tokens=10,
        max_output_tokens=10,
    )

    assert answer["decision"] == decision
    assert answer["priced"] is False
    assert [reason["rule"] for reason in answer["reasons"]] == ["unpriced"]
    assert "No price is known for home-grown" in answer["reasons"][0]["message"]


@pytest.mark.parametrize(
    ("fields", "attr"),
    [
        pytest.param({"estimated_cost": None}, "estimated_cost", id="no-cost"),
        pytest.param({"estimated_cost": "NaN"}, "estimated_cost", id="nan"),
        pytest.param({"estimated_cost": "-1"}, "estimated_cost", id="negative"),
        pytest.param({"estimated_cost": "1e-11"}, "estimated_cost", id="too-fine"),
        pytest.param({"model": ""}, "model", id="no-model"),
        pytest.param({"provider": ""}, "provider", id="no-provider"),
        pytest.param({"tags": 5}, "tags", id="tags"),
        pytest.param({"ttl_s": 0}, "ttl_s", id="ttl"),
        pytest.param({"input_tokens": 5}, "max_output_tokens", id="half"),
        pytest.param({"project_id": "a\x00"}, "project_id", id="nul"),
    ],
)
def test_bad_input_is_named(
    api: Api, company: Budget, fields: dict[str, object], attr: str
) -> None:
    answer = api.post("authorizations", call(**fields))

    assert answer.status == 400
    assert attr in [error["attr"] for error in answer.body["errors"]]


def test_another_organization_neither_sees_nor_ends_an_authorization(
    api: Api, company: Budget
) -> None:
    answer = authorize(api)
    stranger = make_api(organization=make_organization("beta"))

    assert stranger.get(f"authorizations/{answer['id']}").status == 404
    assert stranger.post(f"authorizations/{answer['id']}/release", {}).status == 404
    assert stranger.post("authorizations", call(organization_id="acme")).status == 403
    assert money_of(company) == (0, 1)


def test_a_key_without_the_scope_may_not_ask(
    acme: Organization, company: Budget
) -> None:
    reader = make_api("costs:read", organization=acme)

    assert reader.post("authorizations", call()).status == 403


def test_the_same_request_twice_sets_money_aside_once(
    api: Api, company: Budget
) -> None:
    first = api.post("authorizations", call(), idempotency_key="one")
    second = api.post("authorizations", call(), idempotency_key="one")

    assert first.body == second.body
    assert money_of(company) == (0, 1)


def test_every_decision_is_durable_whatever_is_asked_for(
    api: Api, company: Budget
) -> None:
    answer = authorize(api, durable=False)

    assert Reservation.objects.get(uid=answer["id"]).state == "open"
    assert money_of(company) == (0, 1)
