"""A month turns: rollover, phasing and a temporary raise, where clocks are put back."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine
from django.core.management import call_command

from accounts.models import Organization
from tests.factories import Api, usage_record

pytestmark = pytest.mark.django_db
OCTOBER = datetime(2026, 10, 20, 12, tzinfo=UTC)  # clocks go back on the 25th
# What January to December have: October 300, November 100.
YEAR = [200] * 9 + [300, 100, 200]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(OCTOBER, tick=False) as travelling:
        yield travelling


def use(api: Api, name: str, at: str, cost: str) -> None:
    record = usage_record(id=name, timestamp=at, cost=cost)
    assert api.post("usage", record).status == 201


def test_a_month_turns_with_all_that_is_dated(
    api: Api, acme: Organization, clock: time_machine.Traveller
) -> None:
    def limit(at: str = "") -> Decimal:
        query = f"?at={at}" if at else ""
        return Decimal(api.get(f"{path}/status{query}").body["limit"])

    body = {
        "name": "Team",
        "amount": "200",
        "timezone": "Europe/Berlin",
        "rollover": {"mode": "unused", "cap": "0.5"},
        "start_date": "2026-10-01",
    }
    path = f"budgets/{api.post('budgets', body).body['id']}"
    call_command("sweep")
    assert api.send("PUT", f"{path}/phasing", {"amounts": YEAR}).status == 200
    body = {"amount": "60", "until": "2026-11-02", "reason": "A launch"}
    assert api.post(f"{path}/raises", body).status == 201
    assert limit() == 360

    # The last instant of October in Berlin is an hour later than in summer.
    use(api, "a", "2026-10-31T22:59:59.999999Z", "80")
    clock.move_to(datetime(2026, 10, 31, 22, 59, 59, tzinfo=UTC))
    call_command("sweep")
    preview = api.get(f"{path}/rollover").body
    assert (preview["left"], preview["most"]) == ("220.0000000000", "50.0000000000")
    assert limit() == 360

    clock.move_to(datetime(2026, 10, 31, 23, tzinfo=UTC))
    call_command("sweep")
    assert limit() == 100 + Decimal(preview["carries"]) + 60 == 210
    reasons = [one["reason"] for one in api.get(f"{path}/lines").body]
    assert "Carried over from the period 1 to 31 October 2026" in reasons
    use(api, "b", "2026-10-31T23:00:00Z", "7")
    assert api.get(f"{path}/status").body["total_spend"] == "7.0000000000"

    clock.move_to(datetime(2026, 11, 2, 23, tzinfo=UTC))  # the raise is over
    call_command("sweep")
    assert (limit(), limit("2026-11-02T22:59:59Z")) == (150, 210)
    use(api, "late", "2026-10-30T00:00:00Z", "200")
    call_command("sweep")
    assert limit() == 100 + 20  # of October's own 300 are 20 left now

    undone = api.post(f"{path}/rollover/undo", {"reason": "A new year"})
    assert [one["amount"] for one in undone.body["lines"]] == ["-20.0000000000"]
    call_command("sweep")
    assert limit() == 100
    assert limit("2026-10-31T22:59:59Z") == 360
    periods = api.get(f"{path}/periods").body
    assert [(one["amount"][:3], one["start"]) for one in periods] == [
        ("100", "2026-10-31T23:00:00Z"),
        ("300", "2026-09-30T22:00:00Z"),
    ]
    call_command("verify")


def test_the_year_of_lines_is_the_amount_of_any_moment(
    api: Api, clock: time_machine.Traveller
) -> None:
    """Each line over the API, put together again by who reads them."""
    body = {"name": "Team", "amount": "200", "timezone": "Europe/Berlin"}
    path = f"budgets/{api.post('budgets', body).body['id']}"
    api.send("PUT", f"{path}/phasing", {"amounts": YEAR})
    lines = api.get(f"{path}/lines").body

    def replayed(at: str) -> Decimal:
        return sum(
            (
                Decimal(one["amount"])
                for one in lines
                if one["effective_from"] <= at < (one["effective_to"] or "9")
            ),
            Decimal(0),
        )

    for at, amount in (
        ("2026-10-20T11:59:59Z", 200),
        ("2026-10-20T12:00:00Z", 300),
        ("2026-10-31T22:59:59Z", 300),
        ("2026-10-31T23:00:00Z", 100),
        ("2027-10-31T22:59:59Z", 300),
    ):
        assert replayed(at) == amount
