"""Repricings that are taken back, by records of their own."""

from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum

from accounts.models import Organization
from budgets.models import Budget, BudgetPeriod
from intake.repricing import reprice_at_once
from intake.undoing import NotUndoable, undo_at_once
from ledger.gaps import gaps_of
from ledger.models import CostRecord, Price, Repricing
from ledger.prices import add_price, add_rate, change_price
from ledger.repricing import Selection
from tests.factories import NOON, Api, make_api, make_budget, report
from tests.factories import usage_record as usage

pytestmark = pytest.mark.django_db
NEW = {"model": "new-model", "provider": "house"}


@pytest.fixture
def api(acme: Organization) -> Api:
    return make_api(organization=acme)


@pytest.fixture
def budgets(acme: Organization) -> list[Budget]:
    add_rate(
        base="USD", quote="KES", rate=Decimal("0.3333333333"), date=date(2000, 1, 1)
    )
    return [
        make_budget(acme, name, "100", now=NOON, currency=currency)
        for name, currency in (
            ("Dollars", "USD"),
            ("Shillings", "KES"),
            ("T", "tokens"),
        )
    ]


def set_price(acme: Organization, price: str = "5") -> Price:
    return add_price(
        organization=acme,
        provider="house",
        model="new-model",
        effective_from=NOON - timedelta(days=30),
        input_per_million=Decimal(price),
        output_per_million=Decimal(price),
    )


def stands(acme: Organization) -> Any:
    """Return all that repricing moves."""
    periods = BudgetPeriod.objects.order_by("budget").values_list(
        "spent", "requests", "unpriced_requests"
    )
    total = CostRecord.objects.filter(organization=acme).aggregate(Sum("total_cost"))
    return list(periods), total["total_cost__sum"] or 0, list(gaps_of(acme))


def test_what_had_no_price_has_none_again(
    acme: Organization, budgets: list[Budget], api: Api
) -> None:
    report(acme, usage(**NEW, run_id="r"), usage(id="priced"))
    before = stands(acme)
    set_price(acme, "999")
    api.post("repricings", {"reason": "priced"})
    wrong = Repricing.objects.get()

    told = api.post(f"repricings/{wrong.pk}/undo", {"dry_run": True})
    assert stands(acme) != before
    done = api.post(f"repricings/{wrong.pk}/undo", {"reason": "999 was a typing error"})

    assert (told.status, done.status) == (200, 201)
    assert told.body["difference"] == done.body["difference"]
    assert told.body["budgets"] == done.body["budgets"]
    assert Decimal(done.body["difference"]) == -wrong.difference
    (*same, gaps), (*then, gaps_then) = stands(acme), before
    assert same == then
    assert [one.records for one in gaps] == [one.records for one in gaps_then] == [1]
    assert api.get(f"repricings/{done.body['id']}").body["undoes"] == wrong.pk
    call_command("verify")


def test_what_cost_something_else_costs_that_again_in_every_currency(
    acme: Organization, budgets: list[Budget]
) -> None:
    price = set_price(acme)
    report(acme, usage(**NEW), usage(id="two", **NEW, input_tokens=7))
    before = stands(acme)
    change_price(price, input_per_million=Decimal("7.7777777777"))
    wrong = reprice_at_once(acme, Selection(), reason="new").repricing
    assert wrong is not None
    assert stands(acme) != before

    undo_at_once(wrong, reason="the old one was right")

    assert stands(acme) == before
    call_command("verify")


def test_it_is_taken_back_once_and_what_came_since_stays(
    acme: Organization, budgets: list[Budget]
) -> None:
    price = set_price(acme)
    report(acme, usage(**NEW), usage(id="two", **NEW))
    change_price(price, input_per_million=Decimal(6))
    wrong = reprice_at_once(acme, Selection(), reason="new").repricing
    report(acme, usage(id="three", **NEW))
    change_price(price, input_per_million=Decimal(8))
    again = reprice_at_once(acme, Selection(), reason="newer").repricing
    assert wrong is not None
    assert again is not None

    with pytest.raises(NotUndoable, match="corrected again since"):
        undo_at_once(wrong, reason="x")
    taken = undo_at_once(again, reason="x").repricing
    assert taken is not None
    with pytest.raises(NotUndoable):
        undo_at_once(again, reason="x")
    with pytest.raises(NotUndoable, match="took another one back"):
        undo_at_once(taken, reason="x")


def test_a_long_one_is_taken_back_by_a_command(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intake.undoing.CHUNK", 2)
    report(acme, *(usage(id=str(n), **NEW) for n in range(5)))
    set_price(acme)
    wrong = reprice_at_once(acme, Selection(), reason="new").repricing
    assert wrong is not None
    said = StringIO()
    asked = {"organization": "acme", "undo": wrong.pk, "reason": "wrong"}

    call_command("reprice", **asked, stdout=said)

    assert said.getvalue().startswith("5 records were corrected by -")
    assert (Repricing.objects.count(), Repricing.objects.latest("pk").records) == (2, 5)
    with pytest.raises(CommandError, match="Nothing of it is left"):
        call_command("reprice", **asked)
