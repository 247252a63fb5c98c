"""Rules and switches that several people change at once, in real threads.

Each of these fails when the guard it is about is taken out: see its comment.
"""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.db import connection

from accounts.models import Organization
from accounts.scopes import Role
from budgets.models import Budget
from controls.configuration import configure, own_rules, switch_off, switch_on
from controls.models import ControlRule, Intervention, KillSwitch
from controls.notices import tell
from notifications.models import Delivery
from tests.factories import at_once, make_budget, make_organization, make_person

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
WORKERS = 8


@pytest.fixture
def acme() -> Organization:
    return make_organization("acme")


@pytest.fixture
def ml(acme: Organization) -> Budget:
    owner = make_person("lead@acme.example", {acme: Role.BUDGET_OWNER})
    return make_budget(acme, "ML Team", "100", owner=owner)


def rules(number: int) -> list[dict[str, Any]]:
    return [
        {
            "trigger": f"hour == {number} and minute == {minute}",
            "action": "block",
            "config": {},
            "notify": True,
        }
        for minute in range(3)
    ]


def test_of_several_sets_of_rules_one_stands_as_a_whole(
    acme: Organization, ml: Budget
) -> None:
    # The guard: the organization is held alone before the rules are read.
    outcomes = at_once(*(partial(configure, ml, rules(n)) for n in range(WORKERS)))

    stand = list(ControlRule.objects.values_list("trigger", flat=True))
    assert all(isinstance(one, list) for one in outcomes)  # none failed
    assert stand in [[one["trigger"] for one in rules(n)] for n in range(WORKERS)]


def test_a_budget_is_switched_off_once(acme: Organization, ml: Budget) -> None:
    # The guard: as above; without it the second row breaks the constraint.
    outcomes = at_once(*[partial(switch_off, ml, "Stop.", now=NOW)] * WORKERS)

    assert outcomes == [None] * WORKERS
    assert KillSwitch.objects.count() == 1
    assert at_once(*[partial(switch_on, ml)] * WORKERS) == [None] * WORKERS
    assert not KillSwitch.objects.exists()


def test_of_many_that_see_the_first_effect_one_tells(
    acme: Organization, ml: Budget
) -> None:
    # The guard: the row of the effect, of which there can be only one.
    configure(ml, rules(1))
    acted = [(rule, NOW) for rule in own_rules(ml)]

    outcomes = at_once(*[partial(tell, acme.pk, acted, NOW)] * WORKERS)

    assert outcomes == [None] * WORKERS
    assert Intervention.objects.count() == 3
    assert Delivery.objects.count() == 3
