"""What a budget's spend consists of."""

from datetime import date
from decimal import Decimal

import pytest

from accounts.models import Organization
from budgets.breakdowns import BREAKDOWNS, costs_by_day
from budgets.rollup import roll_up_all
from ledger.models import DIMENSIONS
from tests.budgets.worlds import jan, january_budget
from tests.factories import spend

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("rolled_up", [False, True])
def test_days_are_told_apart_by_name(acme: Organization, *, rolled_up: bool) -> None:
    budget = january_budget(acme, scope={"teams": ["ml"]})
    spend(acme, "5", jan(3, 9), team_id="ml", project_id="search")
    spend(acme, "2", jan(3, 23), team_id="ml", project_id="search")
    spend(acme, "1", jan(3, 9), team_id="ml")
    spend(acme, "9", jan(4, 9), team_id="ml", project_id="mail")
    spend(acme, "100", jan(4, 9), team_id="sales", project_id="mail")
    spend(acme, "50", jan(5, 0), team_id="ml", project_id="search")
    if rolled_up:
        roll_up_all()

    costs = costs_by_day(budget, "project", date(2025, 1, 3), date(2025, 1, 5))

    assert costs == {
        date(2025, 1, 3): {"search": Decimal(7), "": Decimal(1)},
        date(2025, 1, 4): {"mail": Decimal(9)},
    }


def test_each_breakdown_is_a_dimension() -> None:
    assert set(BREAKDOWNS) < set(DIMENSIONS)
