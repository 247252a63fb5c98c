"""Calls that cost nothing, under a budget that is used up."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget, Reservation
from controls.replay import Proposal, replay
from ledger.models import Price
from lib.periods import Window
from tests.controls.factories import authorize, book, lease, make_hard, money_of
from tests.controls.guarding import given, guard
from tests.factories import Api

pytestmark = pytest.mark.django_db
TOKENS: dict[str, Any] = {"input_tokens": 10, "max_output_tokens": 10}


@pytest.fixture
def company(api: Api, acme: Organization) -> Budget:
    """A budget of $1.00 of which $1.50 are spent, and a model that is free."""
    Price.objects.create(
        organization=acme,
        provider="acme",
        model="free",
        effective_from=datetime(2000, 1, 1, tzinfo=UTC),
        input_per_million=0,
        output_per_million=0,
    )
    acme.touch()
    company = make_hard(acme, "Company", "1")
    book(api, "1.5")
    return company


def ask(api: Api, model: str = "free", **fields: Any) -> dict[str, Any]:
    given = {"provider": "acme", "model": model, "estimated_cost": None}
    return authorize(api, **{**given, **TOKENS, **fields})


@pytest.mark.usefixtures("_remembers", "company")
def test_a_free_call_is_allowed(api: Api) -> None:
    answers = [ask(api) for _ in range(3)]

    assert [answer["decision"] for answer in answers] == ["allow"] * 3
    assert {answer["reserved"] for answer in answers} == {"0.0000000000"}
    assert all(answer["priced"] for answer in answers)


@pytest.mark.usefixtures("company")
def test_what_may_cost_something_is_not(api: Api) -> None:
    cheap = ask(api, estimated_cost="0.0000000001", **NO_TOKENS)
    listed = ask(api, "gpt-4o-mini", provider="openai")

    assert (cheap["decision"], listed["decision"]) == ("block", "block")


NO_TOKENS: dict[str, Any] = {"input_tokens": None, "max_output_tokens": None}


@pytest.mark.usefixtures("company")
def test_what_has_no_price_is_not_free(api: Api) -> None:
    answer = ask(api, "nobody-knows")

    assert answer["decision"] == "block"


def test_a_free_model_has_a_lease_that_holds_nothing(api: Api, company: Budget) -> None:
    _, reserved = money_of(company)

    taken = lease(api, provider="acme", model="free", amount="5")
    again = api.post(f"leases/{taken['id']}/renew", {"amount": "5"}).body
    dear = lease(api, amount="5")

    assert (taken["mode"], again["mode"], dear["mode"]) == ("lease", "lease", "block")
    assert taken["granted"] == again["held"] == "0.0000000000"
    assert money_of(company)[1] == reserved == 0
    assert Reservation.objects.get(uid=taken["id"]).state == "open"


def test_a_dry_run_stops_no_free_use(api: Api, company: Budget) -> None:
    book(api, "0", id="free")
    now = timezone.now()
    window = Window(now - timedelta(hours=1), now + timedelta(hours=1))

    found = replay(company, Proposal(rules=(), is_hard=True), window)

    assert (found.calls, found.total("stopped").calls) == (2, 1)


NOTHING = "Company is $0.50 past its limit: only what costs nothing is allowed."


@pytest.mark.usefixtures("company")
def test_a_limit_that_is_passed_is_called_so(api: Api) -> None:
    (reason,) = ask(api, estimated_cost="1", **NO_TOKENS)["reasons"]

    assert (reason["message"], reason["left"]) == (NOTHING, "0.0000000000")


@pytest.mark.usefixtures("company")
def test_what_has_no_price_is_told_so_where_the_limit_is_passed(api: Api) -> None:
    *_, reason = ask(api, "nobody-knows")["reasons"]

    assert reason["message"] == (
        "Company is $0.50 past its limit, and no price is known for the call."
    )


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize("provider", ["acme", "nobody"])
@pytest.mark.parametrize("tokens", [NO_TOKENS, dict.fromkeys(TOKENS, 0)])
def test_a_call_that_is_said_to_cost_nothing_is_allowed(
    api: Api, provider: str, tokens: dict[str, Any]
) -> None:
    answer = ask(api, "any", provider=provider, estimated_cost="0", **tokens)

    assert (answer["decision"], answer["reasons"]) == ("allow", [])


@pytest.mark.usefixtures("company")
def test_a_call_without_tokens_is_allowed(api: Api) -> None:
    none = dict.fromkeys(TOKENS, 0)

    assert ask(api, "gpt-4o", provider="openai", **none)["decision"] == "allow"


@pytest.mark.usefixtures("company")
def test_a_lease_that_asks_for_nothing_holds_nothing(api: Api) -> None:
    taken = lease(api, amount="0")

    assert (taken["mode"], taken["granted"]) == ("lease", "0.0000000000")


@pytest.mark.parametrize(
    ("minimum", "message"),
    [
        ("0", "Company has nothing left to set aside."),
        ("1", "Company has nothing left, and the call may cost something."),
    ],
)
def test_a_lease_is_told_what_it_lacks(
    api: Api, acme: Organization, minimum: str, message: str
) -> None:
    make_hard(acme, "Company", "1")
    book(api, "1")

    (reason,) = lease(api, minimum=minimum)["reasons"]

    assert reason["message"] == message


@pytest.mark.usefixtures("_remembers")
def test_a_free_call_waits_for_no_limit_of_money(api: Api, acme: Organization) -> None:
    soft = make_hard(acme, "Company", "100", enforcement="soft")
    guard(soft, given("rate_limit", max_cost_per_hour="1"))
    dear = authorize(api, estimated_cost="1")
    book(api, "5", authorization_id=dear["id"])

    free = authorize(api, estimated_cost="0")
    cheap = authorize(api, estimated_cost="0.01")

    assert (free["decision"], cheap["decision"]) == ("allow", "rate_limit")
