"""Thresholds as the transaction that takes usage in notices them: without a sweep."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organization
from alerts import escalation, tasks
from alerts.api.schemas import ConfigurationIn
from alerts.configuration import configure
from alerts.evaluation import sweep
from alerts.models import Alert
from budgets.models import Budget
from budgets.services import change_budget, move_budget, plan_of
from notifications.models import Delivery
from tests.alerts.factories import level, make_policy, make_rule
from tests.factories import make_budget, spend

pytestmark = pytest.mark.django_db
LEAD = "lead@acme.example"


@pytest.fixture
def ml(acme: Organization) -> Budget:
    return make_budget(acme, "ML Team", "100", scope={"teams": ["ml"]})


def watch(budget: Budget, *thresholds: str, **more: Any) -> None:
    """Give *budget* threshold rules, as the API does, in place of those it has."""
    rules = [
        {"type": "threshold", "threshold": one, "recipients": [LEAD], **more}
        for one in thresholds
    ]
    shape = ConfigurationIn(data={"alerts": rules})
    shape.is_valid(raise_exception=True)
    found = Budget.objects.select_related("organization").get(pk=budget.pk)
    configure(found, shape.validated_data, now=timezone.now())


def raised(budget: Budget) -> list[str]:
    rows = Alert.objects.filter(budget=budget).order_by("threshold")
    return list(rows.values_list("key", flat=True))


def test_a_share_too_large_for_the_database_raises_an_alert_all_the_same(
    acme: Organization,
) -> None:
    tiny = make_budget(acme, amount="0.0000000001")

    spend(acme, "1")

    alert = Alert.objects.get(budget=tiny, key="threshold:1")
    assert Decimal(900_000_000) <= alert.value <= Decimal(10) ** 10
    assert alert.spent == 1
    assert tiny.periods.get().spent == 1


def test_a_rule_of_the_budget_is_noticed_with_the_next_record(
    acme: Organization, ml: Budget
) -> None:
    spend(acme, "10", team_id="ml")  # the process knows the budget without its rule
    watch(ml, "0.3")

    spend(acme, "25", team_id="ml")

    alert = Alert.objects.get()
    assert alert.key == "threshold:0.3"
    assert alert.rule is not None
    assert alert.steps[0]["recipients"] == [LEAD]


def test_an_inherited_rule_is_noticed_with_the_next_record(
    acme: Organization, ml: Budget
) -> None:
    search = make_budget(acme, "Search", "20", parent=ml, scope={"projects": ["s"]})
    ranking = make_budget(acme, "Rank", "40", parent=search, scope={"users": ["r"]})
    spend(acme, "1", team_id="ml", project_id="s", user_id="r")
    watch(ml, "0.3")

    spend(acme, "12", team_id="ml", project_id="s", user_id="r")

    assert raised(search) == raised(ranking) == ["threshold:0.3"]
    assert raised(ml) == []
    assert set(Alert.objects.values_list("rule__budget", flat=True)) == {ml.pk}


def test_a_rule_whose_share_was_written_away_is_noticed_again(
    acme: Organization, ml: Budget
) -> None:
    watch(ml, "0.3")
    plan = plan_of(Budget.objects.get(pk=ml.pk))
    plan.alerts = []
    change_budget(ml, plan, now=timezone.now())
    spend(acme, "1", team_id="ml")
    tasks.reevaluate(acme.pk)

    spend(acme, "34", team_id="ml")

    assert raised(ml) == ["threshold:0.3"]


def test_a_rule_that_was_written_by_itself_is_noticed_after_a_sweep(
    acme: Organization, ml: Budget
) -> None:
    search = make_budget(acme, "Search", "20", parent=ml, scope={"projects": ["s"]})
    spend(acme, "1", team_id="ml", project_id="s")
    make_rule(ml, "threshold", threshold=Decimal("0.3"))
    done = sweep(timezone.now())

    spend(acme, "34", team_id="ml", project_id="s")

    assert done.failed == []
    assert raised(ml) == ["threshold:0.3"]
    assert raised(search)[0] == "threshold:0.3"


def test_what_a_budget_does_not_inherit_is_not_noticed(
    acme: Organization, ml: Budget
) -> None:
    off = make_budget(acme, "Off", "20", parent=ml, scope={"projects": ["s"]})
    watch(off, "0.3", enabled=False)
    watch(ml, "0.3")
    beside = make_budget(acme, "Beside", "20", scope={"projects": ["s"]})

    spend(acme, "12", team_id="ml", project_id="s")

    assert raised(off) == raised(beside) == []


def test_a_rule_that_is_gone_is_not_noticed_any_more(
    acme: Organization, ml: Budget
) -> None:
    search = make_budget(acme, "Search", "20", parent=ml, scope={"projects": ["s"]})
    watch(ml, "0.3")
    spend(acme, "1", team_id="ml", project_id="s")
    watch(ml)

    spend(acme, "12", team_id="ml", project_id="s")

    assert raised(search) == raised(ml) == []


def test_a_budget_that_is_moved_inherits_with_the_next_record(
    acme: Organization, ml: Budget
) -> None:
    search = make_budget(acme, "Search", "20", scope={"projects": ["s"]})
    watch(ml, "0.3")
    spend(acme, "1", project_id="s")
    move_budget(search, ml)

    spend(acme, "12", project_id="s")

    assert raised(search) == ["threshold:0.3"]


def test_the_first_cost_of_a_budget_of_nothing_tells_once(
    acme: Organization, ml: Budget
) -> None:
    free = make_budget(acme, "Free", "0", parent=ml, scope={"projects": ["free"]})
    make_policy(free, level(0, LEAD))

    spend(acme, "0", team_id="ml", project_id="free")
    assert raised(free) == []
    spend(acme, "0.5", team_id="ml", project_id="free")
    spend(acme, "0.5", team_id="ml", project_id="free")
    escalation.run_due(timezone.now())

    assert raised(free) == ["threshold:0.8", "threshold:0.95", "threshold:1"]
    told = Delivery.objects.filter(recipient=LEAD).values_list("subject", flat=True)
    assert Counter(told) == {str(Alert.objects.get(key="threshold:1").uid): 1}


def test_what_had_passed_before_the_amount_was_taken_away_is_not_a_crossing(
    acme: Organization, ml: Budget
) -> None:
    spend(acme, "1", team_id="ml")
    plan = plan_of(ml)
    plan.amount = Decimal(0)
    change_budget(ml, plan, now=timezone.now())

    spend(acme, "1", team_id="ml")

    # It had passed before: that is the sweep's to find, which the change has asked for.
    assert raised(ml) == []
