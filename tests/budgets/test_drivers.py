from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from budgets.drivers import top_drivers
from budgets.rollup import roll_up
from tests.budgets.worlds import jan, january_budget
from tests.factories import spend

pytestmark = pytest.mark.django_db


def test_the_greatest_of_each_kind_come_first(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    budget = january_budget(acme, scope={"teams": ["a"]})
    for cost, model, project, user in (
        ("60", "m1", "p1", "u1"),
        ("30", "m1", "p2", ""),
        ("10", "m2", "p1", "u2"),
    ):
        spend(
            acme,
            cost,
            jan(10, 12),
            team_id="a",
            model=model,
            project_id=project,
            user_id=user,
        )
    spend(acme, "900", jan(10, 12), team_id="b", model="m9")
    spend(acme, "900", jan(20), team_id="a", model="m9")

    with django_assert_num_queries(2):
        found = top_drivers(budget, jan(1), jan(15), most=4)

    assert [(one.dimension, one.name, one.cost) for one in found] == [
        ("model", "m1", 90),
        ("project", "p1", 70),
        ("user", "u1", 60),
        ("project", "p2", 30),
    ]
    assert found[0].share == Decimal("0.9")


def test_what_is_not_rolled_up_counts(acme: Organization) -> None:
    budget = january_budget(acme)
    spend(acme, "1", jan(10), model="m1")
    roll_up(acme.pk)
    spend(acme, "2", jan(10), model="m1")

    (found,) = top_drivers(budget, jan(10), jan(11), most=1)

    assert found.cost == 3


def test_without_spend_there_are_no_drivers(acme: Organization) -> None:
    assert top_drivers(january_budget(acme), jan(1), jan(15), most=3) == []
