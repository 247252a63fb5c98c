"""Rows of the ledger: most are short, those with more stand among them in order."""

from decimal import Decimal

import pytest

from accounts.models import Organization
from ledger.models import CostRecord
from tests.factories import Api, usage_record

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("unknown", [{0}, {399}, {5, 49, 50, 160}, set(range(400))])
def test_a_batch_keeps_the_order_of_its_ids_whatever_its_rows_have(
    acme: Organization, api: Api, unknown: set[int]
) -> None:
    batch = [
        usage_record(
            id=f"u{number:04}", model="no-such-model" if number in unknown else "gpt-4o"
        )
        for number in range(400)
    ]

    answer = api.post("usage/batch", batch)

    assert answer.body["accepted"] == 400
    rows = CostRecord.objects.order_by("pk")
    kept = list(rows.values_list("usage_id", "total_cost", "requests", "unpriced"))
    assert kept == [
        (
            f"u{number:04}",
            None if number in unknown else Decimal("0.0125"),
            1,
            int(number in unknown),
        )
        for number in range(400)
    ]
