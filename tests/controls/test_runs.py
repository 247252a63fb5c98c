"""What a run may cost: held, settled, refused in plain words, and told."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Run
from budgets.reservations.expire import expire
from budgets.runs import KEPT, differences, prune
from tests.controls.factories import authorize, book, make_hard, money_of
from tests.factories import Api, usage_record

pytestmark = pytest.mark.django_db


def ask(api: Api, cost: str = "1", **fields: Any) -> dict[str, Any]:
    return authorize(api, run_id="agent-7", estimated_cost=cost, **fields)


def money(name: str = "agent-7") -> tuple[Decimal, Decimal, Decimal | None]:
    run = Run.objects.get(run_id=name)
    return run.spent, run.reserved, run.cap


def test_a_run_is_filled_to_its_cap_and_no_further(api: Api) -> None:
    answers = [ask(api, run_cap="2.5") for _ in range(3)]

    assert [one["decision"] for one in answers] == ["allow", "allow", "block"]
    assert money() == (0, 2, Decimal("2.5"))
    exact = ask(api, "0.5")
    assert exact["decision"] == "allow"
    (reason,) = answers[2]["reasons"]
    assert reason["rule"] == "run_cap"
    assert (reason["left"], reason["currency"]) == ("0.5000000000", "USD")
    assert reason["message"] == (
        "The run “agent-7” has $0.50 left of its cap of $2.50; the call may cost $1.00."
    )


def test_the_first_cap_holds_and_a_later_one_only_lowers_it(api: Api) -> None:
    caps = []
    for cap in ("3", "5", "2", None, "2.5"):
        ask(api, "0.1", **({} if cap is None else {"run_cap": cap}))
        caps.append(money()[2])

    assert caps == [3, 3, 2, 2, 2]


def test_a_cap_that_comes_late_counts_what_was_spent_before(api: Api) -> None:
    book(api, "1.5", id="a", run_id="agent-7")

    refused = ask(api, "0.6", run_cap="2")
    fits = ask(api, "0.5")

    assert (refused["decision"], fits["decision"]) == ("block", "allow")
    assert money() == (Decimal("1.5"), Decimal("0.5"), 2)


def test_a_call_is_settled_by_its_record_or_given_back(api: Api) -> None:
    first, second, third = (ask(api, run_cap="3") for _ in range(3))

    book(api, "0.25", id="a", authorization_id=first["id"])
    api.post(f"authorizations/{second['id']}/release", {})
    expire(Organization.objects.get().pk, now=timezone.now() + timedelta(days=1))

    assert money() == (Decimal("0.25"), 0, 3)
    assert third["id"]
    assert list(differences(Organization.objects.get())) == []


def test_a_record_belongs_to_the_run_of_its_decision(api: Api) -> None:
    answer = ask(api)

    told = book(api, "1", id="a", authorization_id=answer["id"], run_id="other")

    assert told["authorization"]["differs"] == [
        {"field": "run_id", "asked": "agent-7", "sent": "other"}
    ]
    assert money()[0] == 1
    assert not Run.objects.filter(run_id="other").exists()
    again = api.post(
        "usage",
        usage_record(
            id="a",
            provider="openai",
            model_name="gpt-4o",
            project_id="search",
            cost="1",
            authorization_id=answer["id"],
            run_id="other",
            timestamp=api.get("costs").body[0]["timestamp"],
        ),
    )
    assert again.body["duplicate"]
    assert not again.body.get("conflict")


def test_a_repeat_counts_once_and_a_correction_moves(api: Api) -> None:
    record = usage_record(id="a", cost="2", run_id="one")
    for _ in range(2):
        api.post("usage", record)

    moved = {**record, "cost": "3", "run_id": "two"}
    api.post("usage/a/correction", {**moved, "reason": "Wrong run"})

    assert money("one") == (0, 0, None)
    assert money("two") == (3, 0, None)
    assert [row["run_id"] for row in api.get("costs?run_id=two").body] == ["two"]
    assert api.get("costs?run_id=one").body == []
    call_command("verify")


def test_a_hard_budget_and_a_cap_both_have_to_have_room(
    api: Api, acme: Organization
) -> None:
    company = make_hard(acme, "Company", "1")

    rules = [
        [reason["rule"] for reason in ask(api, cost, run_cap="1.5")["reasons"]]
        for cost in ("1.2", "1.6", "1")
    ]

    assert rules == [["hard_limit"], ["hard_limit", "run_cap"], []]
    assert money_of(company) == (0, 1)
    assert money()[:2] == (0, 1)


def test_what_has_no_price_needs_leave_under_a_cap(
    api: Api, acme: Organization
) -> None:
    acme.unpriced_policy = "block"
    acme.save()
    unknown: dict[str, Any] = {
        "estimated_cost": None,
        "model": "nobody-knows",
        "input_tokens": 10,
        "max_output_tokens": 10,
        "run_id": "agent-7",
    }

    free = authorize(api, **unknown)
    capped = authorize(api, **unknown, run_cap="1")

    assert (free["decision"], capped["decision"]) == ("allow", "block")
    assert capped["reasons"][0]["rule"] == "unpriced"


@pytest.mark.parametrize(
    ("given", "attr"),
    [
        ({"run_cap": "1"}, "run_id"),
        ({"run_id": "a", "run_cap": "-1"}, "run_cap"),
        ({"run_id": "a", "run_cap": "0.00000000001"}, "run_cap"),
        ({"run_id": "a" * 201}, "run_id"),
    ],
)
def test_what_is_wrong_is_named(api: Api, given: dict[str, Any], attr: str) -> None:
    body = {"provider": "openai", "model": "gpt-4o", "estimated_cost": "1", **given}

    answer = api.post("authorizations", body)

    assert answer.status == 400
    assert answer.body["errors"][0]["attr"] == attr


def test_runs_are_listed_and_told(api: Api) -> None:
    ask(api, run_cap="4")
    book(api, "1", id="a", run_id="batch/2026")

    listed = api.get("runs").body["results"]
    one = api.get("runs/agent-7").body

    assert [row["run_id"] for row in listed] == ["batch/2026", "agent-7"]
    assert api.get("runs/batch/2026").body["spent"] == "1.0000000000"
    assert one["cap"] == "4.0000000000"
    assert one["remaining"] == "3.0000000000"
    assert one["utilization_percent"] == 25
    assert [call["run_id"] for call in one["authorizations"]] == ["agent-7"]
    assert api.get("runs/nobody").status == 404


def test_what_came_to_nothing_is_forgotten_in_the_end(api: Api) -> None:
    api.post(f"authorizations/{ask(api)['id']}/release", {})
    book(api, "1", id="a", run_id="spent")
    ask(api)  # which still holds
    now = timezone.now() + KEPT

    assert prune(now) == 0
    assert prune(now + timedelta(minutes=1)) == 0
    expire(Organization.objects.get().pk, now=now)
    assert prune(now + timedelta(minutes=1)) == 1
    assert list(Run.objects.values_list("run_id", flat=True)) == ["spent"]


def test_verify_finds_a_run_that_is_wrong(api: Api) -> None:
    book(api, "1", id="a", run_id="agent-7")
    Run.objects.update(spent=2)

    (wrong,) = differences(Organization.objects.get())

    assert "spent is 2" in wrong


def test_usage_without_runs_asks_nothing_of_them(api: Api) -> None:
    with CaptureQueriesContext(connection) as seen:
        book(api, "1", id="a")

    assert not [one for one in seen.captured_queries if "budgets_run" in one["sql"]]


def test_a_run_lasts_from_its_first_usage_to_its_last(api: Api) -> None:
    days = [3, 1, 2]
    for day in days:
        at = datetime(2026, 3, day, tzinfo=UTC).isoformat()
        api.post("usage", usage_record(id=str(day), run_id="agent-7", timestamp=at))

    run = Run.objects.get()

    assert (run.first_at.day, run.last_at.day, run.requests) == (1, 3, 3)
