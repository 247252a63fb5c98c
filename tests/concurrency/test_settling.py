"""Calls that are asked under one name and reported under another, all at once."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from budgets.models import Budget, BudgetPeriod
from tests.concurrency.interleaving import at_once_behind, locked, several_servers
from tests.controls.factories import make_hard
from tests.factories import Api, at_once, make_api, make_organization, usage_record

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]

CLIENTS, CALLS = 8, 12
ASKED = ("gpt-4o", "GPT-4o", "openai/gpt-4o")
REPORTED = (
    {"model": "gpt-4o-2024-08-06", "project_id": None},
    {"model": "GPT-4O", "project_id": "Search"},
    {"provider": "openai.chat", "project_id": "search", "user_id": "bob"},
)


def client(api: Api, number: int, turn: int) -> Callable[[], int]:
    """Ask for a call of a cent and settle it; return how many were allowed."""

    def run() -> int:
        words = {"provider": "openai", "model": ASKED[turn % 3]}
        asked = api.post(
            "authorizations",
            {**words, "project_id": "search", "estimated_cost": "0.01"},
        ).body
        if asked["decision"] != "allow":
            return 0
        record: dict[str, Any] = usage_record(
            id=f"{number}-{turn}",
            timestamp=timezone.now().isoformat(),
            cost="0.01",
            authorization_id=asked["id"],
            **{**words, **REPORTED[(number + turn) % 3]},
        )
        answer = api.post("usage", record)
        assert answer.status == 201, answer.body
        return 1

    return run


def race() -> tuple[Budget, int]:
    organization = make_organization()
    scope = {"models": ["gpt-4o"], "projects": ["search"]}
    limited = make_hard(organization, "Limited", "0.50", scope=scope)
    api = make_api(organization=organization)
    period = BudgetPeriod.objects.filter(budget=limited)
    with several_servers(CLIENTS):
        allowed = at_once(*(client(api, number, 0) for number in range(CLIENTS)))
        for turn in range(1, CALLS):
            clients = (client(api, number, turn) for number in range(CLIENTS))
            allowed += at_once_behind(locked(period), *clients)
    assert all(isinstance(one, int) for one in allowed), allowed
    return limited, sum(allowed)


# Without the lock of the period in one round trip: it is passed.
def test_a_limit_is_filled_and_not_passed_however_calls_are_reported() -> None:
    limited, allowed = race()

    period = BudgetPeriod.objects.get(budget=limited)
    assert allowed == 50
    assert (period.spent, period.reserved) == (Decimal("0.5"), 0)
    call_command("verify")
