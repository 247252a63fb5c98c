"""Fixed charges in what leaves the house: each once."""

import csv
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.db.models import Sum

from accounts.models import Organization
from intake.fixed_charges import book_due, cancel
from ledger.models import CostRecord
from reports.chargeback.allocation import AllocationKey
from reports.chargeback.services import charged_back
from reports.exports import KINDS, file_of, order_of
from reports.journals.verification import differences as of_journals
from reports.monthly.verification import differences as of_reports
from tests.factories import NOON, make_budget, make_organization, spend
from tests.filled import post_january
from tests.intake.fixed_charges import all_differences, at, seats
from tests.reports.focus_reader import billed_in, faults_in
from tests.reports.monthly.factories import gathered, keep_report, row_of

pytestmark = pytest.mark.django_db


def focus(organization: Organization) -> str:
    order = order_of(KINDS["focus"], organization, {}, now=NOON)
    return b"".join(file_of(KINDS["focus"], order, "csv")).decode()


def rows_of(organization: Organization) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(focus(organization), newline="")))


def ledger_sum(organization: Organization) -> Decimal:
    rows = CostRecord.objects.filter(organization=organization)
    return rows.aggregate(sum=Sum("total_cost"))["sum"] or Decimal(0)


@pytest.fixture
def acme() -> Organization:
    """One with 310 of seats in January, and 4 of usage beside them."""
    organization = make_organization()
    seats(organization)
    spend(organization, "4", NOON, department_id="engineering")
    book_due(at(2, month=2))
    return organization


def test_in_focus_each_day_is_a_purchase_that_recurs(acme: Organization) -> None:
    rows = [row for row in rows_of(acme) if row["ChargeCategory"] == "Purchase"]

    assert len(rows) == 31
    first = rows[0]
    assert (first["ChargeFrequency"], first["BilledCost"]) == (
        "Recurring",
        "10.0000000000",
    )
    assert (first["ChargePeriodStart"], first["ChargePeriodEnd"]) == (
        "2025-01-01T00:00:00Z",
        "2025-01-02T00:00:00Z",
    )
    assert (first["PricingQuantity"], first["PricingUnit"]) == ("1.0", "Days")
    assert (first["ConsumedQuantity"], first["ConsumedUnit"]) == ("", "")
    assert first["x_PriceSource"] == "fixed-charge"
    assert list(faults_in(focus(acme))) == []
    assert billed_in(focus(acme)) == ledger_sum(acme) == 314


def test_in_focus_what_was_taken_off_corrects_a_month_that_was_over() -> None:
    acme = make_organization()
    charge = seats(acme, interval="once")
    book_due(at(2, month=2))
    cancel(charge, day=date(2025, 1, 31), reason="Credit note", now=at(3, month=2))

    last = rows_of(acme)[-1]

    assert (last["ChargeFrequency"], last["ChargeClass"]) == ("One-Time", "Correction")
    assert (last["BilledCost"], last["PricingQuantity"]) == ("-10.0000000000", "-1.0")
    assert last["ListUnitPrice"] == "10.0000000000"
    assert list(faults_in(focus(acme))) == []
    assert billed_in(focus(acme)) == ledger_sum(acme) == 300


def test_chargeback_report_and_journal_have_it_once(acme: Organization) -> None:
    budget = make_budget(acme, now=NOON)
    figures = charged_back(acme, date(2025, 1, 1), "department", AllocationKey.SPEND)

    report = row_of(gathered(acme), "Company")
    keep_report(acme, budget)
    post_january(acme)

    assert [(one.name, Decimal(one.total)) for one in figures.lines] == [
        ("engineering", Decimal(314))
    ]
    assert report.month.spent == 314
    assert [*of_reports(acme), *of_journals(acme), *all_differences(acme)] == []
