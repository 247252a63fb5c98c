"""One response that several connections report at the same time."""

from functools import partial
from random import Random
from typing import Any

import pytest
from django.db import connection

from ledger.models import CostRecord
from tests.factories import at_once, make_budget, make_organization, report
from tests.factories import usage_record as usage

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
RESPONSES, THREADS = 60, 4


def test_a_response_that_many_report_at_once_is_booked_for_one() -> None:
    acme = make_organization()
    make_budget(acme)

    def reported(thread: int) -> list[Any]:
        numbers = Random(thread).sample(range(RESPONSES), RESPONSES)
        found: list[Any] = []
        for start in range(0, RESPONSES, 10):
            batch = [_record(thread, number) for number in numbers[start : start + 10]]
            found += zip(batch, report(acme, *batch), strict=True)
        return found

    threads = at_once(*(partial(reported, thread) for thread in range(THREADS)))

    for result in threads:
        if isinstance(result, Exception):
            raise result
    rows = list(CostRecord.objects.values_list("response_id", "usage_id"))
    assert len(rows) == len({response_id for response_id, _ in rows}) == RESPONSES
    holders = dict(rows)
    for record, outcome in (pair for result in threads for pair in result):
        holder = holders[record["response_id"]]
        assert outcome.duplicate == (holder != record["id"])
        assert outcome.duplicate_of == (holder if outcome.duplicate else None)


def _record(thread: int, number: int) -> dict[str, Any]:
    return usage(id=f"{thread}-{number}", response_id=f"response-{number}")
