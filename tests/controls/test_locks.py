"""Whoever may save a budget takes the trees' lock first, or two wait for each other."""

import pytest
from django.utils import timezone

from accounts.locks import ORGANIZATION_LOCK, TREE_LOCK
from accounts.models import Organization
from alerts import configuration as alerts
from console.controls.edits import edit
from tests.controls.guarding import given, guard
from tests.factories import make_budget

pytestmark = pytest.mark.django_db


def test_rules_are_set_in_the_order_of_locks(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = make_budget(acme)
    taken: list[int] = []
    monkeypatch.setattr(
        "accounts.locks.sql.hold", lambda kind, _number: taken.append(kind)
    )
    first = []

    guard(budget, given("block", "budget_percentage >= 1"))
    first.append(taken[:2])
    taken.clear()
    edit(budget, lambda rules: [*rules, given("notify")])
    first.append(taken[:2])
    taken.clear()
    alerts.configure(budget, {"escalation": None}, now=timezone.now())
    first.append(taken[:2])

    assert first == [[TREE_LOCK, ORGANIZATION_LOCK]] * 3
