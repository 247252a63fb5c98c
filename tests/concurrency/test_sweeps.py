"""Sweeps that go side by side, in real threads."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from threading import Barrier, BrokenBarrierError
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from alerts import firing
from alerts.evaluation import sweep
from alerts.models import Alert, AlertEvent
from budgets.models import BudgetPeriod
from tests.alerts.factories import make_rule
from tests.factories import at_once, make_budget, make_organization, spend

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
SWEEPS = 2
KEYS = ("threshold:0.8", "threshold:0.95", "threshold:1")


@pytest.fixture
def _all_look_before_any_raises() -> Iterator[None]:
    """Have each sweep see what may fire before another has raised it."""
    barrier = Barrier(SWEEPS)
    free = firing._free

    def look(*args: Any) -> Any:
        found = free(*args)
        with suppress(BrokenBarrierError):
            barrier.wait(5)
        return found

    with patch.object(firing, "_free", look):
        yield


@pytest.mark.usefixtures("_all_look_before_any_raises")
def test_sweeps_side_by_side_make_one_alert_each() -> None:
    # Fails without the constraint one_alert_per_key_and_period_until_rearmed.
    budgets = []
    for slug in ("acme", "globex"):
        organization: Organization = make_organization(slug)
        budgets += [make_budget(organization, f"{n}", "1000") for n in range(2)]
        spend(organization, "1")
        make_rule(budgets[-1], "spike", threshold=Decimal("0.5"), window="daily")
    # As if the amounts had been cut: nothing is charged, so only a sweep can see it.
    BudgetPeriod.objects.update(amount=Decimal("0.9"))

    done = at_once(*[lambda: sweep(timezone.now())] * SWEEPS)

    expected = Counter((budget.pk, key) for budget in budgets for key in KEYS)
    thresholds = Alert.objects.filter(type="threshold")
    assert Counter(thresholds.values_list("budget", "key")) == expected
    spikes = Alert.objects.filter(type="spike").values_list("budget", flat=True)
    assert sorted(spikes) == [budgets[1].pk, budgets[3].pk]
    assert [one.failed for one in done] == [[], []]
    assert sum(one.raised for one in done) == Alert.objects.count()
    assert AlertEvent.objects.filter(kind="fired").count() == Alert.objects.count()
