"""Amounts over the API: the past stands, and each line says who, when and why."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from accounts.models import Organization
from budgets.closing import sweep_periods
from tests.budgets.worlds import differences
from tests.factories import Api, usage_record

pytestmark = pytest.mark.django_db
NOVEMBER = datetime(2026, 11, 15, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOVEMBER, tick=False) as travelling:
        yield travelling


def use(api: Api, name: str, day: str, input_tokens: int) -> None:
    """Report gpt-4o: $2.50 for a million tokens."""
    record = usage_record(
        id=name,
        timestamp=f"{day}T00:00:00Z",
        input_tokens=input_tokens,
        output_tokens=0,
    )
    assert api.post("usage", record).status == 201


def budget_of(api: Api, **fields: Any) -> str:
    body = {
        "name": "m",
        "amount": "100",
        "period": "monthly",
        "scope": "company-wide",
        **fields,
    }
    made = api.post("budgets", body)
    assert made.status == 201
    return str(made.body["id"])


def status(api: Api, budget: str, at: str = "") -> tuple[str, str, str]:
    body = api.get(f"budgets/{budget}/status{at and f'?at={at}'}").body
    return body["status"], body["limit"], body["total_spend"]


def hundred(number: int) -> str:
    return f"{number}.0000000000"


def test_a_new_amount_leaves_the_months_that_are_over(
    api: Api, acme: Organization
) -> None:
    budget = budget_of(api, start_date="2026-08-01")
    use(api, "a", "2026-09-10", 20_000_000)
    before = status(api, budget, "2026-08-15T00:00:00Z")

    api.patch(f"budgets/{budget}", {"amount": "500"})
    after = status(api, budget, "2026-08-15T00:00:00Z")
    use(api, "late-aug", "2026-08-20", 48_000_000)

    assert before == after == ("OK", hundred(100), hundred(0))
    for _ in range(2):
        periods = api.get(f"budgets/{budget}/periods").body
        assert [(one["start"][:7], one["amount"], one["spent"]) for one in periods] == [
            ("2026-11", hundred(500), hundred(0)),
            ("2026-09", hundred(100), hundred(50)),
            ("2026-08", hundred(100), hundred(120)),
        ]
        assert status(api, budget, "2026-08-31T23:59:59Z") == (
            *("EXCEEDED", hundred(100), hundred(120)),
        )
        assert status(api, budget, "2026-09-30T00:00:00Z")[1] == hundred(100)
        assert status(api, budget, "2026-10-15T00:00:00Z")[1] == hundred(100)
        assert status(api, budget)[1] == hundred(500)
        assert differences(acme) == []
        sweep_periods(now=NOVEMBER)


def test_a_moment_of_the_open_period_tells_its_amount(
    api: Api, clock: time_machine.Traveller
) -> None:
    clock.move_to(datetime(2026, 11, 2, tzinfo=UTC))
    budget = budget_of(api)
    use(api, "a", "2026-11-02", 4_000_000)
    clock.move_to(NOVEMBER)

    api.patch(f"budgets/{budget}", {"amount": "300"})

    early = "2026-11-10T00:00:00Z"
    assert status(api, budget, early) == ("OK", hundred(100), hundred(10))
    assert status(api, budget) == ("OK", hundred(300), hundred(10))
    (then,) = api.get(f"budgets/{budget}/periods?at={early}").body
    assert (then["amount"], then["spent"]) == (hundred(100), hundred(10))
    (now,) = api.get(f"budgets/{budget}/periods").body
    assert (now["amount"], now["spent"]) == (hundred(300), hundred(10))
    variance = api.get(f"budgets/{budget}/variance?at={early}").body
    assert variance["expected_spend"] == hundred(30)


@pytest.mark.parametrize("what", ["status", "periods", "variance"])
def test_before_the_first_period_there_is_none(api: Api, what: str) -> None:
    budget = budget_of(api, start_date="2026-08-01")

    answer = api.get(f"budgets/{budget}/{what}?at=2026-07-31T23:59:59Z")

    assert (answer.status, answer.body["code"]) == (404, "no_period")
    assert api.get(f"budgets/{budget}/{what}?at=2026-08-01").status == 200


def test_a_budget_to_come_shows_its_first_period(api: Api) -> None:
    budget = budget_of(api, start_date="2026-12-01")

    assert status(api, budget)[1] == hundred(100)
    assert api.get(f"budgets/{budget}/periods").body == []
    answer = api.get(f"budgets/{budget}/status?at=2026-11-15")
    assert answer.body["code"] == "no_period"


def test_once_a_budget_is_over_a_moment_has_no_period(api: Api) -> None:
    budget = budget_of(api, start_date="2026-10-01", end_date="2026-10-31")

    assert api.get(f"budgets/{budget}/periods?at=2026-11-01").body == []
    (last,) = api.get(f"budgets/{budget}/periods?at=2026-10-31").body
    assert last["end"] == "2026-11-01T00:00:00Z"


def test_lines_say_when_by_how_much_by_whom_and_why(
    api: Api, clock: time_machine.Traveller
) -> None:
    budget = budget_of(api, start_date="2026-08-01", reason="Plan of 2026")
    clock.move_to(datetime(2026, 11, 20, tzinfo=UTC))
    api.patch(f"budgets/{budget}", {"amount": "80.5", "reason": "Fewer people"})
    api.patch(f"budgets/{budget}", {"name": "renamed", "reason": "A better name"})

    assert api.get(f"budgets/{budget}/lines").body == [
        {
            "budget": budget,
            "at": "2026-11-15T12:00:00Z",
            "effective_from": "2026-08-01T00:00:00Z",
            "effective_to": None,
            "amount": hundred(100),
            "currency": "USD",
            "kind": "planned",
            "actor": "key tests",
            "reason": "Plan of 2026",
            "request": None,
            "counterpart": None,
        },
        {
            "budget": budget,
            "at": "2026-11-20T00:00:00Z",
            "effective_from": "2026-11-20T00:00:00Z",
            "effective_to": None,
            "amount": "-19.5000000000",
            "currency": "USD",
            "kind": "change",
            "actor": "key tests",
            "reason": "Fewer people",
            "request": None,
            "counterpart": None,
        },
    ]
    assert "reason" not in api.get(f"budgets/{budget}").body


def test_what_is_carried_over_is_a_line_of_its_period(api: Api) -> None:
    budget = budget_of(api, start_date="2026-10-01", rollover={"mode": "both"})
    use(api, "a", "2026-10-10", 4_000_000)
    sweep_periods(now=NOVEMBER)

    line = api.get(f"budgets/{budget}/lines").body[-1]

    assert (line["kind"], line["amount"]) == ("rollover", hundred(90))
    assert line["effective_from"] == "2026-11-01T00:00:00Z"
    assert line["effective_to"] == "2026-12-01T00:00:00Z"
    assert status(api, budget)[1] == hundred(190)


def test_a_reason_that_is_too_long_is_named(api: Api) -> None:
    budget = budget_of(api)

    answer = api.patch(f"budgets/{budget}", {"amount": "1", "reason": "x" * 501})

    assert (answer.status, answer.body["errors"][0]["attr"]) == (400, "reason")
