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
