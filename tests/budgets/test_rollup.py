from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import OperationalError
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from budgets import rollup
from budgets.models import Budget, BudgetHour
from budgets.rollup import hours_of, roll_up, roll_up_all, total_of
from ledger.models import DailySpend, SpendDelta
from tests.budgets.worlds import differences, jan, january_budget
from tests.factories import Api, make_organization, spend, usage_record

pytestmark = pytest.mark.django_db
INSTANT = timedelta(microseconds=1)


def hours(budget: Budget) -> list[tuple[object, Decimal, int]]:
    found = hours_of([budget], jan(1), jan(31))
    return [(hour.starts_at, hour.spent, hour.requests) for hour in found]


def test_folding_moves_deltas_and_changes_no_figure(acme: Organization) -> None:
    budget = january_budget(acme, currency="EUR")
    spend(acme, "103", jan(15, 10))
    spend(acme, "-51.5", jan(15, 10, 30))
    before = hours(budget)

    roll_up(acme.pk)

    assert hours(budget) == before == [(jan(15, 10), 50, 2)]
    assert SpendDelta.objects.count() == 0
    assert BudgetHour.objects.get().spent == 50
    assert DailySpend.objects.get().cost == Decimal("51.5")
    assert differences(acme) == []


def test_what_is_rolled_up_and_what_is_not_are_read_as_one(acme: Organization) -> None:
    budget = january_budget(acme)
    spend(acme, "1", jan(15, 10))
    roll_up(acme.pk)
    spend(acme, "2", jan(15, 10, 59))
    assert hours(budget) == [(jan(15, 10), 3, 2)]

    roll_up(acme.pk)

    assert hours(budget) == [(jan(15, 10), 3, 2)]
    assert differences(acme) == []


def test_folding_twice_changes_nothing(acme: Organization) -> None:
    budget = january_budget(acme)
    spend(acme, "1", jan(15, 10))
    roll_up(acme.pk)

    roll_up(acme.pk)

    assert total_of(hours_of([budget], jan(1), jan(31))) == 1


def test_the_last_instant_of_a_day_is_of_that_day(acme: Organization) -> None:
    last = jan(16) - INSTANT
    budget = january_budget(acme, period="custom", starts_at=last, ends_at=jan(17))
    spend(acme, "5", last)

    roll_up(acme.pk)

    assert DailySpend.objects.get().day == last.date()
    assert hours(budget) == [(last, 5, 1)]
    assert differences(acme) == []


def test_every_organization_with_deltas_is_rolled_up(acme: Organization) -> None:
    other = make_organization("other")
    make_organization("idle")
    for organization in (acme, other):
        spend(organization, "1", jan(15))

    assert roll_up_all() == 2
    assert roll_up_all() == 0
    assert DailySpend.objects.count() == 2


def test_one_organizations_folding_leaves_the_others_alone(acme: Organization) -> None:
    other = make_organization("other")
    spend(other, "1", jan(15))

    roll_up(acme.pk)

    assert SpendDelta.objects.get().organization == other


def test_hours_take_one_query_and_none_for_nobody(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    budgets = [january_budget(acme, f"{number}") for number in range(3)]
    spend(acme, "1", jan(15))

    with django_assert_num_queries(1):
        assert len(list(hours_of(budgets, jan(1), jan(31)))) == 3
    with django_assert_num_queries(0):
        assert list(hours_of([], jan(1), jan(31))) == []


@pytest.mark.django_db(transaction=True)
def test_without_a_worker_whoever_writes_rolls_up_now_and_then(
    acme: Organization, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollup, "LOOK_EVERY", 4)
    monkeypatch.setattr(rollup, "MOST_WAITING", 6)
    budget = january_budget(acme)

    waiting = []
    for hour in range(12):
        at = jan(15, hour).isoformat()
        api.post("usage", usage_record(id=f"{hour}", timestamp=at, cost="1"))
        waiting.append(SpendDelta.objects.count())

    assert waiting == [1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4]
    assert total_of(hours_of([budget], jan(1), jan(31))) == 12
    assert differences(acme) == []


@pytest.mark.django_db(transaction=True)
def test_a_fault_of_rolling_up_is_none_of_who_writes(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OperationalError("somebody holds it")

    monkeypatch.setattr(rollup, "LOOK_EVERY", 1)
    monkeypatch.setattr(rollup, "MOST_WAITING", 0)
    monkeypatch.setattr(rollup, "roll_up", fail)

    assert api.post("usage", usage_record()).status == 201
