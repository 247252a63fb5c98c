"""A period that is opened late beside a change of its amount, in real threads."""

from collections.abc import Callable, Collection
from datetime import timedelta
from decimal import Decimal
from threading import Barrier, Event
from time import sleep
from typing import Any

import pytest
from django.db import connection

from accounts.models import Organization
from budgets import amounts, charging, closing, grants, phasing, services
from budgets.carrying import undo_rollover
from budgets.closing import sweep_periods
from budgets.errors import NotEnoughLeft, NothingCarried
from budgets.grants import give_grant
from budgets.models import AmountLine, Budget, BudgetPeriod
from budgets.temporary import transfer_amount
from tests.budgets.worlds import differences, jan, january_budget
from tests.factories import at_once, make_organization, report, usage_record

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]

_SAID = grants._said


def _book(organization: Organization) -> None:
    record = usage_record(timestamp=jan(15).isoformat(), cost="1")
    report(organization, record)


def _book_late(organization: Organization, cost: str) -> None:
    record = usage_record(id=cost, timestamp=jan(15).isoformat(), cost=cost)
    report(organization, record)


def _sweep(organization: Organization) -> None:
    sweep_periods(now=jan(15))


def _raise_it(budget: Budget) -> Any:
    plan = services.plan_of(budget)
    plan.amount = Decimal(300)
    return services.change_budget(budget, plan, now=jan(15, 13))


def _phase_it(budget: Budget) -> Any:
    return phasing.set_phasing(budget, [Decimal(300)] * 12, now=jan(15, 13))


@pytest.mark.parametrize("changing", [_raise_it, _phase_it], ids=["change", "phase"])
@pytest.mark.parametrize("opening", [_book, _sweep], ids=["usage", "sweep"])
@pytest.mark.parametrize("guarded", [True, False])
def test_a_period_opened_beside_a_change_has_the_amount_that_stands(
    monkeypatch: pytest.MonkeyPatch,
    opening: Callable[[Organization], None],
    changing: Callable[[Budget], Any],
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
        return changing(budget)

    monkeypatch.setattr(charging, "lasting_and_temporary", read_slowly)
    if not guarded:
        for module in (services, phasing):
            monkeypatch.setattr(module, "hold_alone", lambda _: None)

    results = at_once(lambda: opening(acme), change)

    assert not [error for error in results if isinstance(error, Exception)]
    amount = BudgetPeriod.objects.get(budget=budget).amount
    assert (amount == 300) is guarded
    assert (differences(acme) == []) is guarded


def test_of_many_transfers_at_once_as_many_go_as_there_is_money() -> None:
    acme = make_organization("acme")
    source, to = january_budget(acme, "A"), january_budget(acme, "B")

    results = at_once(
        *[lambda: transfer_amount(source, to, Decimal(30), now=jan(15, 13))] * 6
    )

    refused = [one for one in results if isinstance(one, NotEnoughLeft)]
    assert len(refused) == 3
    rows = BudgetPeriod.objects.order_by("budget__name")
    assert [row.limit for row in rows] == [10, 190]
    assert differences(acme) == []


def test_what_was_carried_over_is_taken_back_once() -> None:
    acme = make_organization("acme")
    budget = january_budget(acme, rollover_mode="both")
    sweep_periods(now=jan(15))
    february = jan(31) + timedelta(days=3)
    sweep_periods(now=february)

    results = at_once(*[lambda: undo_rollover(budget, now=february)] * 4)

    assert sum(isinstance(one, AmountLine) for one in results) == 1
    assert sum(isinstance(one, NothingCarried) for one in results) == 3
    assert differences(acme) == []


@pytest.mark.parametrize("guarded", [True, False])
def test_what_is_left_of_a_grant_goes_on_once(
    monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    """Beside another sweep and a late record; without the lock it is told twice."""
    acme = make_organization("acme")
    budget = january_budget(acme)
    february = jan(31) + timedelta(days=3)
    until = february + timedelta(days=20)
    give_grant(budget, Decimal(50), until=until, now=jan(15, 13))
    sweep_periods(now=february)
    _book_late(acme, "120")
    both_have_read = Barrier(2)

    def read_together(budget: Budget) -> Any:
        found = _SAID(budget)
        if not guarded:
            both_have_read.wait(10)
        return found

    monkeypatch.setattr(grants, "_said", read_together)
    if not guarded:
        monkeypatch.setattr(closing, "hold_alone", lambda _: None)

    results = at_once(
        *[lambda: sweep_periods(now=february)] * 2,
        *[lambda: _book_late(acme, "5")] * guarded,
    )
    monkeypatch.undo()

    assert not [error for error in results if isinstance(error, Exception)]
    lines = AmountLine.objects.filter(kind="grant", effective_from__gt=jan(31))
    if not guarded:
        assert [line.amount for line in lines] == [50, -20, -20]
        assert differences(acme)
        return
    sweep_periods(now=february)
    assert sum(line.amount for line in lines) == 25
    period = BudgetPeriod.objects.get(budget=budget, ends_at__gt=february)
    assert (period.adjusted, period.limit) == (25, 125)
    assert differences(acme) == []
