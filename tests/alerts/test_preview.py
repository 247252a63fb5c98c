from datetime import timedelta
from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from alerts.evaluation import sweep
from alerts.models import Alert
from alerts.preview import preview
from alerts.ruleset import effective_rules, of_rule
from budgets.models import Budget
from tests.alerts.factories import make_rule
from tests.budgets.worlds import jan, january_budget
from tests.factories import spend
from tests.sizes import every_day_on_sqlite, size

pytestmark = pytest.mark.django_db


def history(organization: Organization) -> Budget:
    """Return a budget of 3,100 that spent 50 a day, but 400 on the 16th at noon."""
    budget = january_budget(organization, amount=Decimal(3100), starts_at=jan(1))
    for day in range(1, 20):
        spend(organization, "400" if day == 16 else "50", jan(day, 12))
    return budget


@pytest.mark.parametrize(
    ("kind", "values", "fired"),
    [
        ("spike", {"threshold": Decimal(100), "window": "hourly"}, [jan(16, 13)]),
        ("spike", {"threshold": Decimal(401), "window": "hourly"}, []),
        ("spike", {"threshold": Decimal(700), "window": "weekly"}, [jan(16, 13)]),
        ("velocity", {}, [jan(16, 13)]),
        ("anomaly", {}, [jan(16, 13)]),
        ("anomaly", {"condition": "cost > mean + 2*stddev"}, [jan(16, 13)]),
        ("threshold", {"threshold": Decimal("0.3")}, [jan(16, 13)]),
        ("threshold", {"threshold": Decimal("0.5")}, []),
    ],
)
def test_a_preview_says_when_a_rule_would_have_fired(
    acme: Organization, kind: str, values: dict[str, object], fired: list[object]
) -> None:
    budget = history(acme)
    rule = of_rule(make_rule(budget, kind, **values))

    found = preview(budget, rule, now=jan(19, 18))

    assert [firing.at for firing in found] == fired


@every_day_on_sqlite
def test_a_preview_says_what_the_sweep_does(acme: Organization) -> None:
    budget = history(acme)
    rules = [
        make_rule(budget, "spike", threshold=Decimal(100)),
        make_rule(budget, "velocity", condition="spending_rate > projected_rate"),
        make_rule(budget, "anomaly"),
        make_rule(budget, "forecast", condition="projected > limit / 2"),
    ]
    expected = {
        rule.pk: [one.at for one in preview(budget, of_rule(rule), now=jan(19))]
        for rule in rules
    }

    since = at = jan(size(15, 1))  # when something happens, or from the beginning
    while at <= jan(19):
        # What came later is not in a sweep's facts; here all of it is there already.
        sweep(at - timedelta(microseconds=1))
        at += timedelta(hours=1)

    told = {
        rule.pk: [
            alert.fired_at + timedelta(microseconds=1)
            for alert in Alert.objects.filter(rule=rule).order_by("fired_at")
        ]
        for rule in rules[:3]
    }
    for pk, moments in told.items():
        assert moments == [moment for moment in expected[pk] if moment >= since]
    assert expected[rules[3].pk]


def test_a_preview_cools_down(acme: Organization) -> None:
    budget = january_budget(acme, amount=Decimal(3100), starts_at=jan(1))
    for hour in (1, 5, 9):
        spend(acme, "150", jan(10, hour))
    rule = make_rule(budget, "spike", threshold=Decimal(100))

    assert len(preview(budget, of_rule(rule), now=jan(12))) == 3
    rule.cooldown_s = 6 * 3600
    assert len(preview(budget, of_rule(rule), now=jan(12))) == 2


def test_a_preview_takes_three_queries(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    budget = history(acme)
    warning = effective_rules(budget)[0]
    assert budget.organization == acme

    with django_assert_num_queries(3):
        assert preview(budget, warning, now=jan(19)) == []


def test_a_budget_that_has_not_begun_has_no_preview(acme: Organization) -> None:
    budget = january_budget(acme, starts_at=jan(25))
    rule = of_rule(make_rule(budget, "spike", threshold=Decimal(0)))

    assert preview(budget, rule, now=jan(20)) == []
