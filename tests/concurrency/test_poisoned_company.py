"""What one request brings can fail only that one, whoever shares its transaction."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Organization
from ledger import services as ledger
from ledger.models import CostRecord
from ledger.usage import Usage
from tests.factories import at_once, make_key, usage_record

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
EACH = 10


def test_good_requests_beside_a_poisoned_one_all_succeed(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    booked = ledger.record

    def poisoned(
        snapshot: Any, usage: Sequence[Usage], *rest: Any, **named: Any
    ) -> Any:
        if any(one.id.startswith("poison") for one in usage):
            raise OverflowError("It shows only while booking.")
        return booked(snapshot, usage, *rest, **named)

    monkeypatch.setattr(ledger, "record", poisoned)

    secret = make_key(organization=acme)

    def send(name: str) -> list[int]:
        client = Client(headers={"authorization": f"Bearer {secret}"})
        # Else it raises what requests of other threads have raised, too.
        client.raise_request_exception = False
        return [
            client.post(
                "/api/v1/usage",
                usage_record(id=f"{name}{number}"),
                content_type="application/json",
            ).status_code
            for number in range(EACH)
        ]

    names = ["poison", *"abcdefgh"]
    results = at_once(*(partial(send, name) for name in names))

    assert results == [[500] * EACH] + [[201] * EACH] * 8
    assert CostRecord.objects.count() == 8 * EACH
