"""Whoever changes the tree, and whoever changes what watches it, wait in one order."""

from functools import partial

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from alerts import configuration as watching
from alerts.api.schemas import ConfigurationIn
from budgets.models import Budget
from budgets.services import archive_budget, change_budget, move_budget, plan_of
from controls import configuration as guarding
from tests.factories import at_once, make_budget
from tests.sizes import size

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
TIMES = size(12, 60)
BLOCK = {"trigger": "budget_percentage >= 1", "action": "block", "config": {}}


def add(acme: Organization, parent: Budget) -> None:
    for number in range(TIMES):
        made = make_budget(acme, f"New {number}", "1", parent=parent)
        move_budget(made, None)
        archive_budget(made, now=timezone.now())


def watch(budget: Budget) -> None:
    for number in range(TIMES):
        rule = {"type": "threshold", "threshold": f"0.{number + 1:02}"}
        shape = ConfigurationIn(data={"alerts": [rule]})
        shape.is_valid(raise_exception=True)
        watching.configure(budget, shape.validated_data, now=timezone.now())


def guard(budget: Budget) -> None:
    """Make the limit hard by a rule, and soft again."""
    for _ in range(TIMES):
        guarding.configure(budget, [{**BLOCK, "notify": False}])
        guarding.configure(budget, [])
        fresh = Budget.objects.select_related("organization").get(pk=budget.pk)
        plan = plan_of(fresh)
        plan.enforcement = "soft"
        change_budget(fresh, plan, now=timezone.now())


def test_nobody_waits_for_who_waits_for_them(acme: Organization) -> None:
    parent = make_budget(acme)
    watched, guarded = (make_budget(acme, one, parent=parent) for one in "ab")

    results = at_once(
        partial(add, acme, parent),
        partial(add, acme, parent),
        partial(watch, watched),
        partial(guard, guarded),
    )

    assert results == [None] * 4
