"""Fixed charges: booked by the day, once, charged like usage, and taken off again."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum

from accounts.models import LateRecords, Organization
from budgets.models import BudgetPeriod
from intake.corrections import OfFixedCharge, correct
from intake.fixed_charges import book_due, cancel, correct_charge
from ledger import fixed_charges
from ledger.fixed_charges import ChargeCancelled
from ledger.models import CostRecord, FixedCharge
from ledger.prices import add_rate
from ledger.usage import check, decode_one
from lib.errors import Invalid
from tests.budgets.worlds import january_budget
from tests.factories import Api, make_organization, spend, usage_record
from tests.intake.fixed_charges import (
    FIRST,
    LAST,
    all_differences,
    at,
    booked,
    close,
    seats,
)

pytestmark = pytest.mark.django_db


def test_a_day_is_booked_once_it_has_begun_and_charged_up_the_tree(
    acme: Organization,
) -> None:
    budget = january_budget(acme)
    charge = seats(acme)

    assert book_due(datetime(2024, 12, 31, 23, tzinfo=UTC)) == 0
    assert book_due(at(3)) == 3
    assert book_due(at(3, 23)) == 0

    assert booked(charge) == 30
    period = BudgetPeriod.objects.get(budget=budget)
    assert period.spent == 30
    row = CostRecord.objects.filter(charge=charge).latest("timestamp")
    assert (row.timestamp, row.requests) == (at(3, 0), 0)
    named = row.attribution
    assert (named.provider, named.department) == ("openai", "engineering")
    assert (named.sent_model, named.tags) == ("seat: ChatGPT Team", {"contract": "c-1"})
    assert all_differences(acme) == []


def test_the_days_are_those_of_the_organization(acme: Organization) -> None:
    kiribati = make_organization("kiribati", timezone="Pacific/Kiritimati")
    charge = seats(kiribati)

    assert book_due(datetime(2024, 12, 31, 10, 30, tzinfo=UTC)) == 1
    row = CostRecord.objects.get(charge=charge)
    assert row.timestamp == datetime(2024, 12, 31, 10, tzinfo=UTC)


def test_a_charge_of_the_past_is_booked_to_today_and_ends_with_its_last_day(
    acme: Organization,
) -> None:
    charge = seats(acme, amount=Decimal(100), start_date=date(2023, 1, 1))

    assert book_due(at(1, month=3)) == 365 + 366 + 31

    assert booked(charge) == 2_500
    assert book_due(at(1, month=4)) == 0
    assert all_differences(acme) == []


def test_what_is_cancelled_is_taken_off_by_records_beside_it(
    acme: Organization,
) -> None:
    budget = january_budget(acme)
    charge = seats(acme)
    book_due(at(10))
    before = set(CostRecord.objects.values_list("pk", "total_cost"))

    cancel(charge, day=date(2025, 1, 6), reason="Left", now=at(10))

    assert booked(charge) == 50
    assert before < set(CostRecord.objects.values_list("pk", "total_cost"))
    assert BudgetPeriod.objects.get(budget=budget).spent == 50
    assert book_due(at(20)) == 0
    assert all_differences(acme) == []
    charge.refresh_from_db()
    assert (charge.cancelled_from, charge.cancel_reason) == (date(2025, 1, 6), "Left")
    with pytest.raises(ChargeCancelled):
        cancel(charge, day=date(2025, 1, 2), reason="Again", now=at(20))


def test_a_correction_takes_all_off_and_puts_another_in_its_place(
    acme: Organization,
) -> None:
    charge = seats(acme)
    book_due(at(10))

    new = correct_charge(
        charge,
        reason="Twenty seats, not ten",
        now=at(10),
        name="ChatGPT Team",
        kind="seat",
        amount=Decimal(620),
        interval="monthly",
        start_date=FIRST,
        last_day=LAST,
        provider="openai",
    )
    book_due(at(10))

    assert (booked(charge), booked(new), new.replaces) == (0, 200, charge)
    assert all_differences(acme) == []


def test_what_is_taken_off_has_the_rate_it_was_booked_at(acme: Organization) -> None:
    add_rate(organization=acme, base="EUR", quote="USD", rate="1.1", date=FIRST)
    charge = seats(acme, amount=Decimal(100), currency="EUR")
    book_due(at(31))
    kept = CostRecord.objects.filter(charge=charge).aggregate(sum=Sum("source_cost"))
    add_rate(
        organization=acme, base="EUR", quote="USD", rate="1.3", date=date(2025, 1, 2)
    )

    assert kept["sum"] == 100
    cancel(charge, day=FIRST, reason="Never signed", now=at(31))

    assert booked(charge) == 0
    assert all_differences(acme) == []


def test_what_belongs_to_a_closed_month_is_taken_off_in_the_open_one() -> None:
    acme = make_organization("acme", late_records=LateRecords.OPEN_MONTH)
    charge = seats(acme)
    book_due(at(3, month=2))
    close(acme)

    cancel(charge, day=date(2025, 1, 30), reason="Credit note", now=at(3, month=3))

    rows = CostRecord.objects.filter(charge=charge, total_cost__lt=0)
    assert set(rows.values_list("timestamp", flat=True)) == {at(1, 12, month=2)}
    assert (booked(charge), all_differences(acme)) == (290, [])


def test_nobody_sends_usage_under_the_id_of_a_charge_or_corrects_it(
    acme: Organization, api: Api
) -> None:
    charge = seats(acme)
    usage_id = charge.booked_as(FIRST)

    answer = api.post("usage", usage_record(id=usage_id))

    assert (answer.status, answer.body["errors"][0]["attr"]) == (400, "id")
    book_due(at(1))
    sent = decode_one(json.dumps(usage_record(id=usage_id)).encode())
    assert check(sent) == ()
    with pytest.raises(OfFixedCharge):
        correct(acme.pk, [sent], reason="Mine")


def test_what_is_not_as_a_charge_says_is_found(acme: Organization) -> None:
    charge = seats(acme)
    book_due(at(3))
    FixedCharge.objects.filter(pk=charge.pk).update(booked_to=date(2025, 1, 9))

    (found,) = fixed_charges.differences(acme)
    assert found == (
        "Fixed charge “ChatGPT Team”: 30.0000000000 USD is booked, its days until "
        "2025-01-09 come to 80.0000000000."
    )


def test_what_cannot_be_is_refused_by_its_name(acme: Organization) -> None:
    for wrong, attr in (
        ({"amount": Decimal(0)}, "amount"),
        ({"currency": "XXZ"}, "currency"),
        ({"last_day": FIRST - timedelta(days=1)}, "end_date"),
        ({"name": " "}, "name"),
        ({"reason": ""}, "reason"),
        ({"kind": "gift"}, "kind"),
    ):
        with pytest.raises(Invalid) as refused:
            seats(acme, **wrong)
        assert [one.attr for one in refused.value.errors] == [attr]


def test_usage_beside_a_charge_counts_beside_it(acme: Organization) -> None:
    budget = january_budget(acme)
    seats(acme)
    spend(acme, "4", at(1), department_id="engineering")
    book_due(at(1))

    assert BudgetPeriod.objects.get(budget=budget).spent == 14


def test_usage_that_is_paid_for_counts_nothing_and_keeps_its_price_by_list(
    acme: Organization, api: Api
) -> None:
    budget = january_budget(acme)
    charge = seats(acme, covers=["gpt-4o*"])
    paid = usage_record(timestamp=at(5).isoformat(), department_id="engineering")

    first = api.post("usage", {**paid, "id": "paid"})
    again = api.post("usage", {**paid, "id": "paid"})
    api.post("usage", {**paid, "id": "overage", "cost": "3"})
    api.post("usage", {**paid, "id": "sales", "department_id": "sales"})
    api.post("usage", {**paid, "id": "later", "timestamp": "2025-02-01T00:00:00Z"})
    book_due(at(1))

    assert (first.body["cost"], first.body["priced"]) == ("0.0000000000", True)
    assert (again.body["duplicate"], again.body["conflict"]) == (True, False)
    row = CostRecord.objects.get(usage_id="paid")
    assert (row.total_cost, row.charge) == (0, charge)
    assert (row.input_cost, row.output_cost) == (Decimal("0.0025"), Decimal("0.01"))
    costs = {one.usage_id: one.total_cost for one in CostRecord.objects.all()}
    assert (costs["overage"], costs["sales"], costs["later"]) == (
        *(3, Decimal("0.0125"), Decimal("0.0125")),
    )
    january = BudgetPeriod.objects.filter(budget=budget).earliest("starts_at")
    assert january.spent == Decimal("13.0125")
    cancel(charge, day=date(2025, 1, 5), reason="Left", now=at(6))
    assert api.post("usage", {**paid, "id": "after"}).body["cost"] == "0.0125000000"
    assert all_differences(acme) == []
