"""Corrections of usage beside one another, beside repricings and beside ingest."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.db.models import Sum

from accounts.models import Organization
from budgets.models import BudgetPeriod
from intake.corrections import correct
from intake.repricing import reprice
from ledger.models import CostRecord, Price
from ledger.prices import add_price, change_price
from ledger.repricing import Selection
from ledger.usage import check, decode_one
from tests.budgets.worlds import differences, january_budget
from tests.factories import NOON, at_once, make_organization, report
from tests.factories import usage_record as usage

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
IDS, ROUNDS = 8, 12


@pytest.fixture
def acme() -> Organization:
    organization = make_organization()
    root = january_budget(organization)
    january_budget(organization, "P", parent=root, scope={"projects": ["p"]})
    return organization


def corrected(acme: Organization, start: int) -> None:
    """Correct all usage again and again, beginning with another one."""
    for number in range(start, start + ROUNDS):
        records = [
            usage(
                id=f"u{place % IDS}",
                output_tokens=1000 * (number + place),
                project_id=["p", "q"][number % 2],
            )
            for place in range(number, number + IDS)
        ]
        read = [decode_one(msgspec.json.encode(record)) for record in records]
        assert not any(map(check, read))
        correct(acme.pk, read, reason="wrong")


def all_done(*calls: Callable[[], Any]) -> None:
    for result in at_once(*calls):
        if isinstance(result, Exception):
            raise result


def assert_everything_adds_up(acme: Organization) -> None:
    assert differences(acme) == []
    rows = CostRecord.objects.all()
    total = rows.aggregate(total=Sum("total_cost"), n=Sum("requests"))
    period = BudgetPeriod.objects.get(budget__name="All")
    assert (period.spent, period.requests) == (total["total"], total["n"])
    # Of each usage one content counts, and all that is booked comes to what it costs.
    for row in rows.standing():
        sums = CostRecord.objects.filter(usage_id=row.usage_id).aggregate(
            tokens=Sum("output_tokens"), n=Sum("requests")
        )
        assert (sums["tokens"], sums["n"]) == (row.output_tokens, 1)


def test_corrections_at_once_leave_one_content_of_each_usage(
    acme: Organization,
) -> None:
    report(acme, *[usage(id=f"u{number}") for number in range(IDS)])

    all_done(*(partial(corrected, acme, 5 * thread) for thread in range(4)))

    assert CostRecord.objects.standing().count() == IDS
    assert_everything_adds_up(acme)


def test_corrections_beside_repricings_and_ingest_add_up(acme: Organization) -> None:
    price = add_price(
        provider="openai",
        model="gpt-4o",
        effective_from=NOON.replace(year=2020),
        input_per_million=Decimal(1),
        cached_input_per_million=Decimal(1),
        output_per_million=Decimal(1),
    )
    report(acme, *[usage(id=f"u{number}") for number in range(IDS)])

    def repriced() -> None:
        for number in range(ROUNDS):
            found = Price.objects.get(pk=price.pk)
            change_price(found, output_per_million=Decimal(number + 2))
            reprice(acme, Selection(), reason="dearer")

    def booked(thread: int) -> None:
        for number in range(5 * ROUNDS):
            repeats = [usage(id=f"u{place}") for place in range(IDS)]
            report(acme, *repeats, usage(id=f"new-{thread}-{number}"))

    all_done(
        repriced,
        *(partial(corrected, acme, 5 * thread) for thread in range(2)),
        *(partial(booked, thread) for thread in range(2)),
    )

    assert_everything_adds_up(acme)
    reprice(acme, Selection(), reason="all of it")
    assert_everything_adds_up(acme)
