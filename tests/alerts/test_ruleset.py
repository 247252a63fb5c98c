from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from alerts.models import AlertRule
from alerts.ruleset import effective_rules, ruleset_of
from budgets.models import Budget
from tests.alerts.factories import make_rule
from tests.budgets.worlds import january_budget

pytestmark = pytest.mark.django_db


def shares(budget: Budget) -> dict[str, tuple[str, str, int]]:
    """Return each threshold's origin, severity and the budget it comes from."""
    return {
        f"{rule.threshold.normalize():f}": (rule.origin, rule.severity, rule.budget_id)
        for rule in effective_rules(budget)
        if rule.threshold is not None and rule.type == "threshold"
    }


def test_a_budgets_own_thresholds_are_rules(acme: Organization) -> None:
    budget = january_budget(acme, alerts=[{"threshold": "0.5", "channels": ["slack"]}])

    rules = effective_rules(budget)

    assert shares(budget) == {
        "0.5": ("budget", "info", budget.pk),
        "0.8": ("warning", "warning", budget.pk),
        "0.95": ("critical", "critical", budget.pk),
        "1": ("exceeded", "critical", budget.pk),
    }
    assert rules[0].channels == ("slack",)
    assert [rule.key for rule in rules][:2] == ["threshold:0.5", "threshold:0.8"]


def test_the_words_of_a_rule_are_used_for_its_share(acme: Organization) -> None:
    root = january_budget(acme)
    child = january_budget(
        acme,
        "Child",
        parent=root,
        scope={"teams": ["a"]},
        alerts=[{"threshold": "0.95", "channels": []}],
    )
    make_rule(
        root, "threshold", threshold=Decimal("0.80"), message="Look", severity="info"
    )
    make_rule(root, "threshold", threshold=Decimal("0.95"))
    make_rule(child, "threshold", threshold=Decimal("0.6"))

    assert shares(root)["0.8"] == ("rule", "info", root.pk)
    assert shares(child) == {
        "0.6": ("rule", "warning", child.pk),
        "0.8": ("rule", "info", root.pk),  # rather than a default of the child's
        "0.95": ("budget", "critical", child.pk),  # its own is nearer
        "1": ("exceeded", "critical", child.pk),
    }


def test_a_rule_that_is_switched_off_empties_its_slot(acme: Organization) -> None:
    root = january_budget(acme)
    child = january_budget(acme, "Child", parent=root, scope={"teams": ["a"]})
    make_rule(root, "spike", threshold=Decimal(100), window="hourly")
    daily = make_rule(root, "spike", threshold=Decimal(500), window="daily")
    make_rule(child, "spike", window="hourly", enabled=False)
    make_rule(child, "threshold", threshold=Decimal("0.8"), enabled=False)

    found = effective_rules(child)

    assert [rule.rule_id for rule in found if rule.type == "spike"] == [daily.pk]
    assert found[-1].is_inherited_by(child.pk)
    assert "0.8" not in shares(child)
    assert "0.8" in shares(root)


def test_the_nearest_rule_of_a_slot_is_the_one(acme: Organization) -> None:
    root = january_budget(acme)
    middle = january_budget(acme, "Middle", parent=root, scope={"teams": ["a"]})
    leaf = january_budget(acme, "Leaf", parent=middle, scope={"users": ["u"]})
    make_rule(root, "velocity")
    near = make_rule(middle, "velocity")
    also = make_rule(middle, "velocity", condition="spending_rate > 5")

    found = effective_rules(leaf)

    assert [rule.rule_id for rule in found if rule.type == "velocity"] == [
        near.pk,
        also.pk,
    ]


def test_many_budgets_ask_no_more_than_one(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    root = january_budget(acme)
    leaves = [
        january_budget(acme, f"Leaf {number}", parent=root) for number in range(3)
    ]
    make_rule(root, "velocity")

    with django_assert_num_queries(2):
        ruleset = ruleset_of(acme.pk)
        found = {leaf.pk: ruleset.of(leaf) for leaf in leaves}

    assert found == {leaf.pk: effective_rules(leaf) for leaf in leaves}
    assert AlertRule.objects.count() == 1
