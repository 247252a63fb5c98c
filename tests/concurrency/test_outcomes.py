"""Outcomes that several connections report at the same time."""

from functools import partial
from typing import Any

import pytest
from django.db import connection

from ledger.models import Attribution, OutcomeRecord
from tests.factories import NOON, at_once, make_api, make_organization

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]


def test_one_id_counts_once_however_many_send_it_at_once() -> None:
    api = make_api(organization=make_organization())

    def send(number: int) -> Any:
        body = {
            "id": f"o-{number % 2}",
            "name": "orders",
            "timestamp": NOON.isoformat(),
            "count": 1 + number // 6,  # the last two say otherwise
            "team_id": "ml",
        }
        return api.post("outcomes", body)

    answers = at_once(*(partial(send, number) for number in range(8)))

    assert sorted(answer.status for answer in answers) == [200] * 6 + [201] * 2
    assert OutcomeRecord.objects.count() == 2
    assert Attribution.objects.count() == 1
    counts = dict(OutcomeRecord.objects.values_list("outcome_id", "count"))
    for answer in answers:
        assert answer.body["count"] == counts[answer.body["id"]]
