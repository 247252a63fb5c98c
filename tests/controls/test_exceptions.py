"""Rules that do not hold for a while, as was approved, when calls are decided."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Organization, User
from accounts.scopes import Role
from approvals.models import BudgetRequest
from budgets.models import Budget
from controls.models import ControlRule
from tests.approvals.factories import approve, asks, person_in
from tests.controls.factories import authorize, book
from tests.controls.guarding import given, guard
from tests.factories import make_api, make_budget

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def team(acme: Organization) -> Budget:
    return make_budget(acme, "Team", "10")


@pytest.fixture
def cfo(acme: Organization) -> User:
    return person_in(acme, "cfo", Role.FINANCE_ADMIN)


def lifted(rule: ControlRule, cfo: User, budget: Budget, **more: Any) -> BudgetRequest:
    """Ask for an exception of a day from *rule*, and have it approved."""
    name = f"pm{BudgetRequest.objects.count()}"
    pm = person_in(budget.organization, name, Role.BUDGET_OWNER)
    said = {"kind": "rule_exception", "until": timezone.now() + DAY, **more}
    made = asks(pm, budget, "0", rule=str(rule.uid), **said)
    return approve(made, cfo, now=timezone.now()).request


def test_the_rule_is_back_when_the_exception_is_over(
    acme: Organization, team: Budget, cfo: User
) -> None:
    (rule,) = guard(team, given())
    api = make_api(organization=acme)
    lifted(rule, cfo, team)
    assert authorize(api)["decision"] == "allow"

    with time_machine.travel(timezone.now() + DAY, tick=False):
        assert authorize(api)["decision"] == "block"


def test_a_limit_that_a_rule_made_hard_does_not_bind_meanwhile(
    acme: Organization, team: Budget, cfo: User
) -> None:
    (stop,) = guard(team, given(trigger="budget_percentage >= 1"))
    api = make_api(organization=acme)
    book(api, "9.5")
    team.refresh_from_db()
    assert (team.enforcement, stop.hardens) == ("hard", True)
    assert authorize(api)["decision"] == "block"  # a dollar does not fit

    lifted(stop, cfo, team, scope={"users": ["ann@acme.example"]})

    assert authorize(api, user_id="ann@acme.example")["decision"] == "allow"
    assert authorize(api, user_id="ben@acme.example")["decision"] == "block"


def test_whoever_decides_about_a_budget_lifts_no_rule_of_another(
    acme: Organization, team: Budget, cfo: User
) -> None:
    below = make_budget(acme, "Below", "5", parent=team, scope={"projects": ["search"]})
    (rule,) = guard(team, given())
    api = make_api(organization=acme)

    lifted(rule, cfo, below)

    assert authorize(api)["decision"] == "block"
