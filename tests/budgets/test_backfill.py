from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Organization
from budgets import backfill
from budgets.models import Backfill, Budget
from tests.budgets.worlds import differences, jan, january_budget, period_of
from tests.factories import spend

pytestmark = pytest.mark.django_db
NOW = jan(15, 12)
INSTANT = timedelta(microseconds=1)


def test_a_long_history_is_left_to_a_worker(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(1, 6):
        spend(acme, "1", jan(day))
    told: list[tuple[Any, ...]] = []
    monkeypatch.setattr(backfill, "AT_ONCE", 4)
    monkeypatch.setattr(backfill, "CHUNK", 2)
    monkeypatch.setattr(backfill, "enqueue", lambda *task: told.append(task))

    budget = january_budget(acme)

    row = Backfill.objects.get()
    assert budget.backfill == row
    assert told == [("budgets.tasks.continue_backfill", row.pk)]
    shares = []
    while backfill.step(row.pk):
        spend(acme, "10", jan(1))
        shares.append(Backfill.objects.get().share_done)
    assert shares == sorted(shares)
    assert 0 < shares[0] < 1
    assert Budget.objects.get().backfill is None
    assert period_of(budget, NOW).spent == 5 + 10 * len(shares)
    assert differences(acme) == []


def test_a_backfill_that_is_done_or_gone_has_no_next_step(acme: Organization) -> None:
    assert backfill.step(12345) is False


def test_many_records_of_one_instant_are_one_step(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        spend(acme, "1", NOW)
    spend(acme, "1", NOW + INSTANT)
    monkeypatch.setattr(backfill, "CHUNK", 2)

    assert period_of(january_budget(acme), NOW).spent == 6
