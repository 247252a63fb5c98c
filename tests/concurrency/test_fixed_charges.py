"""Booking a fixed charge beside others that book or cancel it."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection

from accounts.models import Organization
from intake.fixed_charges import book_due, cancel
from ledger import fixed_charges
from ledger.models import CostRecord, FixedCharge
from tests.budgets.worlds import differences, january_budget
from tests.factories import at_once, make_organization
from tests.intake.fixed_charges import at, booked, seats

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]


@pytest.fixture
def acme() -> Organization:
    organization = make_organization()
    january_budget(organization)
    return organization


def test_each_day_is_booked_once_however_many_sweep(acme: Organization) -> None:
    charge = seats(acme)

    counts = at_once(*[lambda: book_due(at(20))] * 4)

    assert sum(counts) == CostRecord.objects.filter(charge=charge).count() == 20
    assert booked(charge) == 200
    assert differences(acme) == []


def test_what_is_cancelled_while_it_is_booked_comes_to_its_days(
    acme: Organization,
) -> None:
    for number in range(5):
        charge = seats(acme, name=f"Seats {number}")

        def end(charge: FixedCharge = charge) -> FixedCharge:
            return cancel(charge, day=date(2025, 1, 6), reason="Left", now=at(20))

        at_once(lambda: book_due(at(20)), end)

        assert booked(charge) == Decimal(50)
    assert [*fixed_charges.differences(acme), *differences(acme)] == []
