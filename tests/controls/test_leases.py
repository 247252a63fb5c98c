"""Money set aside for clients that decide alone, through the API."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget, Reservation
from budgets.reservations.expire import GRACE, expire_all
from controls.models import Intervention
from tests.controls.factories import authorize, book, lease, make_hard, money_of
from tests.factories import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def company(acme: Organization) -> Budget:
    return make_hard(acme, "Company", "80")


def test_a_lease_takes_what_is_wanted_and_no_more_than_an_eighth_of_what_is_left(
    api: Api, company: Budget
) -> None:
    small = lease(api, amount="2")
    large = lease(api, amount="70")

    assert small["mode"] == "lease"
    assert small["granted"] == small["held"] == "2.0000000000"
    assert large["granted"] == "9.7500000000"  # of 78
    assert money_of(company) == (0, Decimal("11.75"))


def test_the_call_at_hand_gets_its_money_while_there_is_room(
    api: Api, company: Budget
) -> None:
    answer = lease(api, amount="1", minimum="79.5")

    assert answer["granted"] == "79.5000000000"


def test_no_lease_is_given_for_less_than_the_call_at_hand(
    api: Api, company: Budget
) -> None:
    answer = lease(api, amount="1", minimum="80.0000000001")

    assert answer["mode"] == "block"
    assert answer["id"] is None
    assert answer["granted"] == "0.0000000000"
    assert answer["reasons"][0]["rule"] == "hard_limit"
    assert answer["reasons"][0]["left"] == "80.0000000000"
    assert money_of(company) == (0, 0)


def test_usage_draws_on_the_lease_it_names(api: Api, company: Budget) -> None:
    held = lease(api, amount="5")

    for number in range(3):
        book(api, "1", id=f"u-{number}", authorization_id=held["id"])

    assert money_of(company) == (3, 2)
    state = api.get(f"leases/{held['id']}").body
    assert (state["state"], state["held"]) == ("open", "2.0000000000")


def test_usage_beyond_its_lease_is_booked_and_told(api: Api, company: Budget) -> None:
    held = lease(api, amount="1")

    booked = book(api, "3", authorization_id=held["id"])

    assert booked["authorization"]["over"] == "2.0000000000"
    assert money_of(company) == (3, 0)


def test_what_is_returned_can_be_spent_by_others(api: Api, company: Budget) -> None:
    held = lease(api, amount="5")
    book(api, "1", authorization_id=held["id"])

    part = api.post(f"leases/{held['id']}/return", {"amount": "1.5"})
    rest = api.post(f"leases/{held['id']}/return", {})
    again = api.post(f"leases/{held['id']}/return", {})

    assert part.body["returned"] == "1.5000000000"
    assert rest.body["returned"] == "2.5000000000"
    assert again.body["returned"] == "0.0000000000"
    assert rest.body["state"] == "returned"
    assert money_of(company) == (1, 0)


def test_usage_after_the_return_is_booked_all_the_same(
    api: Api, company: Budget
) -> None:
    held = lease(api, amount="5")
    api.post(f"leases/{held['id']}/return", {})

    book(api, "1", authorization_id=held["id"])

    assert money_of(company) == (1, 0)


def test_a_renewal_adds_money_and_time(api: Api, company: Budget) -> None:
    held = lease(api, amount="2", ttl_s=60)

    more = api.post(f"leases/{held['id']}/renew", {"amount": "3", "ttl_s": 120}).body

    assert more["id"] == held["id"]
    assert more["granted"] == "3.0000000000"
    assert more["held"] == "5.0000000000"
    assert more["expires_at"] > held["expires_at"]
    assert money_of(company) == (0, 5)


def test_a_look_at_a_lease_takes_nothing(api: Api, company: Budget) -> None:
    held = lease(api, amount="2")
    authorize(api, estimated_cost="78")

    look = api.post(f"leases/{held['id']}/renew", {"amount": "0"}).body

    assert look["mode"] == "lease"
    assert (look["granted"], look["held"]) == ("0.0000000000", "2.0000000000")


def test_a_renewal_that_finds_no_room_leaves_what_is_held(
    api: Api, company: Budget
) -> None:
    held = lease(api, amount="2")
    authorize(api, estimated_cost="78")

    more = api.post(f"leases/{held['id']}/renew", {"amount": "3", "minimum": "1"}).body

    assert more["mode"] == "block"
    assert more["held"] == "2.0000000000"


def test_a_lease_that_only_needs_time_gets_it_though_nothing_is_left(
    api: Api, company: Budget
) -> None:
    held = lease(api, amount="2")
    authorize(api, estimated_cost="78")

    longer = api.post(f"leases/{held['id']}/renew", {"amount": "3"}).body

    assert longer["mode"] == "lease"
    assert (longer["granted"], longer["held"]) == ("0.0000000000", "2.0000000000")


def test_a_lease_that_ended_can_not_be_renewed(api: Api, company: Budget) -> None:
    held = lease(api, amount="2")
    api.post(f"leases/{held['id']}/return", {})

    refused = api.post(f"leases/{held['id']}/renew", {"amount": "3"})

    assert refused.status == 409
    assert refused.body["code"] == "lease_over"


def test_a_lease_outlives_its_holder_by_the_time_calls_may_take(
    api: Api, company: Budget
) -> None:
    lease(api, amount="2", ttl_s=60)
    over = timezone.now() + timedelta(seconds=60) + GRACE

    kept = expire_all(over - timedelta(seconds=5))
    expired = expire_all(over + timedelta(seconds=1))

    assert (kept, expired) == (0, 1)
    assert money_of(company) == (0, 0)


def test_a_lease_ends_with_the_period_it_holds_money_of(
    acme: Organization, api: Api
) -> None:
    today = make_hard(acme, "Today", "10", period="daily")

    held = lease(api, amount="1", ttl_s=3_600)

    ends = Reservation.objects.get().expires_at - GRACE
    assert ends <= today.periods.get().ends_at
    assert 0 < held["ttl_s"] <= 3_600


def test_prices_and_figures_travel_with_the_lease(api: Api, company: Budget) -> None:
    book(api, "8")

    held = lease(api, amount="1")

    (price,) = held["prices"]
    assert (price["model"], price["priced"], price["currency"]) == (
        "gpt-4o",
        True,
        "USD",
    )
    assert (price["input"], price["output"]) == (25_000_000_000, 100_000_000_000)
    (budget,) = held["budgets"]
    assert (budget["id"], budget["spent"]) == (str(company.uid), "8.0000000000")
    assert (budget["limit"], budget["enforcement"]) == ("80.0000000000", "hard")


def test_only_what_scopes_look_at_needs_to_be_told_apart(
    acme: Organization, api: Api, company: Budget
) -> None:
    make_hard(acme, "Search", "5", parent=company, scope={"projects": ["search"]})

    assert lease(api, amount="1")["dimensions"] == ["project_id"]


def test_a_limit_in_another_currency_is_asked_for_each_time(
    acme: Organization, api: Api
) -> None:
    make_hard(acme, "Europe", "10", currency="EUR")

    answer = lease(api, amount="1")

    assert answer["mode"] == "ask"
    assert answer["id"] is None


def test_without_a_hard_limit_a_lease_is_what_was_wanted(
    acme: Organization, api: Api
) -> None:
    make_hard(acme, "Company", "10", enforcement="soft")

    answer = lease(api, amount="500")

    assert answer["mode"] == "lease"
    assert answer["granted"] == "500.0000000000"


def test_a_rule_that_holders_of_leases_apply_is_told_all_the_same(
    api: Api, company: Budget
) -> None:
    rule = {
        "trigger": "budget_percentage >= 0.1",
        "action": "model_downgrade",
        "config": {"downgrades": {"gpt-4o": "gpt-4o-mini"}},
        "notify": True,
    }
    api.send("PUT", f"budgets/{company.uid}/controls", {"rules": [rule]})
    lease(api, amount="1")
    assert not Intervention.objects.exists()
    book(api, "8")

    held = lease(api, amount="1")

    assert held["rules"][0]["downgrades"] == {"gpt-4o": "gpt-4o-mini"}
    assert [price["model"] for price in held["prices"]] == ["gpt-4o", "gpt-4o-mini"]
    assert Intervention.objects.count() == 1


def test_all_of_it_can_be_verified(api: Api, company: Budget) -> None:
    held = lease(api, amount="5")
    book(api, "1", authorization_id=held["id"])
    authorize(api)

    call_command("verify")
    Reservation.objects.filter(kind="lease").update(lines=[])
    with pytest.raises(CommandError, match="1 difference"):
        call_command("verify")


def test_calls_under_a_lease_of_a_former_server_count_where_they_say(
    api: Api, company: Budget
) -> None:
    """Its processes took leases, and named calls by tickets (ADR 0015)."""
    taken = lease(api, amount="1")
    row = Reservation.objects.get(uid=taken["id"])
    row.details |= {"done": [[1, 2]]}
    row.save()
    ticket = f"{taken['id']}.3.100000000.0123456789abcdef"

    booked = book(api, "0.004", authorization_id=ticket)
    released = api.post(f"authorizations/{ticket}/release", {})

    assert booked["authorization"]["known"] is False
    assert released.status == 404
    assert money_of(company) == (Decimal("0.004"), 1)
    expire_all(timezone.now() + timedelta(minutes=1) + GRACE)
    assert money_of(company) == (Decimal("0.004"), 0)
    call_command("verify")
