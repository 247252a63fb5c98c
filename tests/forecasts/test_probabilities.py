"""How likely budgets are to be passed, from what their days cost."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Organization
from budgets.models import Budget
from forecasts.probabilities import probabilities
from tests.budgets.worlds import World, jan, january_budget
from tests.factories import spend

pytestmark = pytest.mark.django_db
NOW = jan(15, 12)


def ten_a_day(organization: Organization) -> None:
    """Spend 10 on each of the first fourteen days, and on none before."""
    for day in range(1, 15):
        spend(organization, "10", jan(day, 9))


def likely(budget: Budget, now: Any = NOW) -> Decimal | None:
    return probabilities([budget], now)[budget.pk]


def test_a_budget_that_will_do_is_hardly_passed(acme: Organization) -> None:
    ten_a_day(acme)

    probability = likely(january_budget(acme, amount=Decimal(400)))

    assert probability is not None
    assert probability < Decimal("0.01")


def test_a_budget_at_its_pace_is_as_likely_as_not(acme: Organization) -> None:
    ten_a_day(acme)

    probability = likely(january_budget(acme, amount=Decimal(310)), jan(15))

    assert probability == Decimal("0.5")


def test_a_budget_that_is_passed_is_certain(acme: Organization) -> None:
    ten_a_day(acme)

    assert likely(january_budget(acme, amount=Decimal(100))) == 1


def test_too_little_history_says_nothing(acme: Organization) -> None:
    spend(acme, "10", jan(13, 12))
    spend(acme, "10", jan(14, 12))

    assert likely(january_budget(acme)) is None
    assert likely(january_budget(acme), jan(16, 12)) is not None


def test_a_budget_without_a_present_period_has_none(acme: Organization) -> None:
    ten_a_day(acme)
    over = january_budget(acme, starts_at=jan(1), ends_at=jan(10))
    to_come = january_budget(acme, starts_at=jan(20))

    assert probabilities([over, to_come], NOW) == {over.pk: None, to_come.pk: None}


def test_days_are_those_of_the_budgets_zone(acme: Organization) -> None:
    """Three days' spend in Auckland are two in UTC."""
    for at in (jan(12, 1), jan(12, 12), jan(13, 12)):
        spend(acme, "10", at)
    here = january_budget(acme)
    there = january_budget(acme, timezone="Pacific/Auckland")

    found = probabilities([here, there], jan(14, 12))

    assert found[here.pk] is None
    assert found[there.pk] is not None


def test_nothing_is_asked_of_no_budgets() -> None:
    assert probabilities([], NOW) == {}


def test_it_takes_a_query_and_one_for_each_zone(
    acme: Organization, django_assert_num_queries: Any
) -> None:
    ten_a_day(acme)
    zones = ["UTC", "UTC", "Europe/Berlin"]
    for zone in zones:
        january_budget(acme, timezone=zone)
    budgets = list(Budget.objects.select_related("organization"))

    with django_assert_num_queries(4):
        found = probabilities(budgets, NOW)

    assert None not in found.values()


def test_spend_counts_before_and_after_it_is_rolled_up() -> None:
    world = World()
    ten_a_day(world.organization)
    budget = january_budget(world.organization, amount=Decimal(250))

    before = likely(budget, NOW + timedelta(hours=1))
    world.roll_up()

    assert before == likely(budget, NOW + timedelta(hours=1))
