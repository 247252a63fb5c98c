"""A period that is opened late beside a change of its amount, in real threads."""

from collections.abc import Callable, Collection
from decimal import Decimal
from threading import Event
from time import sleep
from typing import Any

import pytest
from django.db import connection

from accounts.models import Organization
from budgets import amounts, charging, services
from budgets.closing import sweep_periods
from budgets.models import BudgetPeriod
from tests.budgets.worlds import differences, jan, january_budget
from tests.factories import at_once, make_organization, report, usage_record

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]


def _book(organization: Organization) -> None:
    record = usage_record(timestamp=jan(15).isoformat(), cost="1")
    report(organization, record)


def _sweep(organization: Organization) -> None:
    sweep_periods(now=jan(15))


@pytest.mark.parametrize("opening", [_book, _sweep], ids=["usage", "sweep"])
@pytest.mark.parametrize("guarded", [True, False])
def test_a_period_opened_beside_a_change_has_the_amount_that_stands(
    monkeypatch: pytest.MonkeyPatch,
    opening: Callable[[Organization], None],
    *,
    guarded: bool,
) -> None:
    """Without the organization's lock the change is lost on the period."""
    acme = make_organization("acme")
    budget = january_budget(acme)
    has_read = Event()

    def read_slowly(ids: Collection[int]) -> Any:
        found = amounts.lasting_and_temporary(ids)
        has_read.set()
        sleep(0.5)
        return found

    def change() -> Any:
        assert has_read.wait(10)
        plan = services.plan_of(budget)
        plan.amount = Decimal(300)
        return services.change_budget(budget, plan, now=jan(15, 13))

    monkeypatch.setattr(charging, "lasting_and_temporary", read_slowly)
    if not guarded:
        monkeypatch.setattr(services, "hold_alone", lambda _: None)

    results = at_once(lambda: opening(acme), change)

    assert not [error for error in results if isinstance(error, Exception)]
    amount = BudgetPeriod.objects.get(budget=budget).amount
    assert (amount == 300) is guarded
    assert (differences(acme) == []) is guarded
