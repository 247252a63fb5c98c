import random
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from itertools import chain
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Sum

from accounts.models import Organization
from budgets.models import Budget, BudgetPeriod
from budgets.rollup import roll_up_all
from budgets.verification import differences as wrong_budgets
from intake import repricing
from intake.repricing import reprice, reprice_at_once
from ledger.models import CostRecord, Repricing
from ledger.prices import add_price, add_rate
from ledger.repricing import Selection
from ledger.verification import differences as wrong_ledger
from tests.factories import NOON, Api, at_once, make_api, make_organization, report
from tests.factories import usage_record as usage


def set_price(
    organization: Organization, model: str = "gpt-4o", price: int = 5
) -> None:
    add_price(
        organization=organization,
        provider="openai",
        model=model,
        effective_from=NOON - timedelta(days=30),
        input_per_million=Decimal(price),
        output_per_million=Decimal(4 * price),
    )


def post_budget(api: Api, **overrides: Any) -> str:
    body = {"name": "All", "amount": "100", "period": "monthly"}
    answer = api.post("budgets", {**body, "start_date": "2025-01-01", **overrides})
    assert answer.status == 201, answer.body
    return str(answer.body["id"])


def assert_all_is_right(organization: Organization) -> None:
    wrong = chain(wrong_ledger(organization), wrong_budgets(organization))
    assert list(wrong) == []


def total(organization: Organization) -> Any:
    rows = CostRecord.objects.filter(organization=organization)
    return rows.aggregate(total=Sum("total_cost"))["total"]


def test_a_preview_tells_per_budget_and_changes_nothing(
    acme: Organization, api: Api
) -> None:
    budget = post_budget(api)
    report(acme, usage(), usage(id="u2", model="new"))
    set_price(acme)
    set_price(acme, "new")

    told = api.post("repricings", {"dry_run": True})

    assert told.status == 200
    assert told.body == {
        "id": None,
        "dry_run": True,
        "organization_id": "acme",
        "filters": {},
        "currency": "USD",
        "records": 2,
        "newly_priced": 1,
        "still_unpriced": 0,
        "old": "0.0125000000",
        "new": "0.0500000000",
        "difference": "0.0375000000",
        "budgets": [
            {
                "budget": budget,
                "name": "All",
                "currency": "USD",
                "period_start": "2025-01-01T00:00:00Z",
                "period_end": "2025-02-01T00:00:00Z",
                "old": "0.0125000000",
                "new": "0.0500000000",
                "difference": "0.0375000000",
            }
        ],
    }
    assert not Repricing.objects.exists()
    assert total(acme) == Decimal("0.0125")


def test_repricing_does_what_the_preview_told_once(
    acme: Organization, api: Api
) -> None:
    post_budget(api)
    report(acme, usage(), usage(id="u2", model="new"))
    set_price(acme)
    set_price(acme, "new")
    told = api.post("repricings", {"dry_run": True}).body

    done = api.post("repricings", {"reason": "New contract"})
    again = api.post("repricings", {"reason": "New contract"})

    assert done.status == 201
    assert {**done.body, "id": None, "dry_run": True} == told
    assert (again.status, again.body["records"], again.body["id"]) == (200, 0, None)
    assert total(acme) == Decimal("0.05")
    period = BudgetPeriod.objects.get()
    assert (period.spent, period.requests) == (Decimal("0.05"), 2)
    assert period.unpriced_requests == 0
    assert_all_is_right(acme)


def test_a_repricing_keeps_who_why_and_how_much(acme: Organization, api: Api) -> None:
    report(acme, usage())
    set_price(acme)

    made = api.post(
        "repricings", {"reason": "New contract", "filters": {"model": "gpt-4o"}}
    )

    (kept,) = api.get("repricings").body["results"]
    del kept["created_at"]
    assert kept == {
        "id": made.body["id"],
        "organization_id": "acme",
        "reason": "New contract",
        "actor": "key tests",
        "filters": {"model": "gpt-4o"},
        "records": 1,
        "difference": "0.0125000000",
        "currency": "USD",
        "undoes": None,
    }
    assert api.get(f"repricings/{kept['id']}").body["reason"] == "New contract"
    correction = CostRecord.objects.get(correction=1)
    assert correction.repricing_id == kept["id"]


def test_a_second_price_change_corrects_the_correction(acme: Organization) -> None:
    report(acme, usage())
    set_price(acme)
    reprice_at_once(acme, Selection(), reason="first")
    acme.prices.update(input_per_million=Decimal(1), output_per_million=Decimal(4))
    acme.touch()

    reprice_at_once(acme, Selection(), reason="second")

    numbers = CostRecord.objects.order_by("correction").values_list(
        "correction", "total_cost"
    )
    assert list(numbers) == [
        (0, Decimal("0.0125")),
        (1, Decimal("0.0125")),
        (2, Decimal("-0.02")),
    ]
    assert total(acme) == Decimal("0.005")


def test_budgets_in_a_foreign_currency_are_charged_at_todays_rate(
    acme: Organization, api: Api
) -> None:
    add_rate(
        organization=acme, base="USD", quote="EUR", rate=Decimal(2), date=NOON.date()
    )
    post_budget(api, currency="EUR")
    report(acme, usage())
    set_price(acme)
    acme.exchange_rates.update(rate=Decimal(3))
    acme.touch()

    reprice_at_once(acme, Selection(), reason="both")

    assert BudgetPeriod.objects.get().spent == Decimal("0.075")  # 0.025 USD
    assert_all_is_right(acme)


def test_a_mixed_history_comes_out_right_chunk_by_chunk(
    acme: Organization, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(5)
    monkeypatch.setattr(repricing, "CHUNK", 7)
    parent = post_budget(api)
    post_budget(api, name="P", parent=parent, scope={"projects": ["p"]}, period="daily")
    post_budget(api, name="Y", currency="EUR", timezone="Asia/Tokyo", period="weekly")
    for batch in range(4):
        report(
            acme,
            *[
                usage(
                    id=f"u{batch}-{n}",
                    timestamp=str(NOON + timedelta(minutes=dice.randrange(5_000))),
                    model=dice.choice(["gpt-4o", "new", "newer"]),
                    project_id=dice.choice(["p", "q"]),
                    input_tokens=dice.randrange(10_000),
                )
                for n in range(20)
            ],
        )
        if batch == 1:
            set_price(acme, "new")
            roll_up_all()
    seen: list[int] = []

    set_price(acme, "gpt*", price=1)
    outcome = reprice(acme, Selection(), reason="all", tell=seen.append)

    assert sum(seen) == 80
    assert max(seen) == 7
    assert 0 < outcome.unpriced < outcome.records
    assert_all_is_right(acme)
    roll_up_all()
    assert_all_is_right(acme)
    assert reprice(acme, Selection(), reason="again").records == 0


def test_late_corrections_of_closed_periods_show_as_late(
    acme: Organization, api: Api
) -> None:
    post_budget(api)
    report(acme, usage())
    BudgetPeriod.objects.update(closed_at=NOON + timedelta(days=40))
    set_price(acme)

    reprice_at_once(acme, Selection(), reason="late")

    assert BudgetPeriod.objects.get().late_spend == Decimal("0.0125")


def test_an_idempotency_key_gets_the_same_answer(acme: Organization, api: Api) -> None:
    report(acme, usage())
    set_price(acme)

    first = api.post("repricings", {"reason": "r"}, idempotency_key="k")
    second = api.post("repricings", {"reason": "r"}, idempotency_key="k")

    assert first.body == second.body
    assert Repricing.objects.count() == 1


def test_more_than_one_request_may_go_through_is_refused(
    acme: Organization, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(acme, usage(), usage(id="u2"))
    monkeypatch.setattr(repricing, "MOST_AT_ONCE", 1)

    answer = api.post("repricings", {"reason": "r"})

    assert (answer.status, answer.body["code"]) == (400, "too_many_records")
    assert "manage.py reprice" in answer.body["detail"]


def test_other_organizations_are_neither_repriced_nor_shown(
    acme: Organization, api: Api
) -> None:
    other = make_organization("other")
    report(other, usage())
    set_price(other)
    done = reprice_at_once(other, Selection(), reason="r").repricing
    assert done is not None

    assert api.get("repricings").body["results"] == []
    assert api.get(f"repricings/{done.pk}").status == 404
    body = {"reason": "r", "organization_id": "other"}
    assert api.post("repricings", body).status == 403


def test_only_admins_reprice(acme: Organization) -> None:
    reader = make_api("costs:read", organization=acme)

    assert reader.get("repricings").status == 200
    assert reader.post("repricings", {"dry_run": True}).status == 403


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("reprice", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_previews_and_corrects(acme: Organization, api: Api) -> None:
    post_budget(api)
    report(acme, usage(), usage(id="u2", timestamp="2025-01-16T00:00:00Z"))
    set_price(acme)
    arguments = ["--organization=acme", "--reason=contract", "--to=2025-01-15"]

    told = run(*arguments, "--dry-run")
    done = run(*arguments)

    assert told.startswith("1 records would be corrected by 0.0125000000 USD in all")
    assert done.startswith("1 records were corrected by 0.0125000000 USD in all")
    assert "All, period from 2025-01-01: 0.0250000000 -> 0.0375000000 USD" in done
    assert Repricing.objects.get().actor == "manage.py reprice"


@pytest.mark.parametrize(
    "wrong",
    [
        ["--organization=nobody", "--reason=r"],
        ["--organization=acme", "--reason= "],
        ["--organization=acme", "--reason=r", "--from=never"],
    ],
)
@pytest.mark.usefixtures("acme")
def test_the_command_refuses_in_one_sentence(wrong: list[str]) -> None:
    with pytest.raises(CommandError, match=r"\.$"):
        run(*wrong)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="has one writer at a time")
def test_repricings_at_once_correct_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repricing, "CHUNK", 10)
    acme = make_organization("acme")
    post_budget(make_api(organization=acme))
    report(acme, *[usage(id=f"u{n}") for n in range(60)])
    set_price(acme)

    def correct() -> int:
        return reprice(acme, Selection(), reason="race").records

    def ingest() -> int:
        for n in range(20):
            report(acme, usage(id=f"late-{n}", model="gpt-4o-mini"))
        return 0

    results = at_once(correct, ingest, correct, correct)

    assert sum(results) == 60, results
    assert CostRecord.objects.filter(correction__gt=0).count() == 60
    assert Budget.objects.get().periods.get().spent == total(acme)
    assert_all_is_right(acme)
