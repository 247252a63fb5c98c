from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from alerts import escalation, evaluation
from alerts.bounds import amount_at
from alerts.evaluation import (
    Swept,
    evaluate_thresholds,
    sweep,
)
from alerts.models import Alert, AlertRule, NotAnAnomaly, Watch
from alerts.services import resolve
from alerts.types import EffectiveRule, Origin
from budgets import services
from budgets.closing import sweep_periods
from budgets.index import is_passed
from budgets.models import Backfill, Budget, BudgetPeriod
from budgets.rollup import roll_up
from lib.periods import HOUR
from tests.alerts.factories import make_rule
from tests.budgets.worlds import jan, january_budget
from tests.factories import make_organization, spend

pytestmark = pytest.mark.django_db
NOON = jan(20, 12)


@pytest.fixture(autouse=True)
def _unnoticed() -> Any:
    """Let nothing be noticed where it is charged: the sweep is what is tested."""
    with patch("alerts.services.observe"):
        yield


def change(budget: Budget, *, now: datetime = NOON, **values: Any) -> None:
    plan = services.plan_of(Budget.objects.get(pk=budget.pk))
    for name, value in values.items():
        setattr(plan, name, value)
    services.change_budget(budget, plan, now=now)


def open_keys(budget: Budget) -> list[str]:
    rows = Alert.objects.filter(budget=budget, resolved_at=None)
    return sorted(rows.values_list("key", flat=True))


def spend_daily(
    organization: Organization, cost: str, first: int, last: int, **more: Any
) -> None:
    """Book that *cost* at noon of each day of January from *first* to *last*."""
    for day in range(first, last + 1):
        spend(organization, cost, jan(day, 12), **more)


# -- Thresholds


def test_the_sweep_raises_what_was_not_noticed_and_ends_it(acme: Organization) -> None:
    budget = january_budget(acme)
    spend(acme, "96", jan(20, 11))

    first = sweep(NOON)
    again = sweep(NOON)
    change(budget, amount=Decimal(110))
    raised = sweep(NOON)

    assert (first.raised, again.raised, again.ended) == (2, 0, 0)
    assert (raised.raised, raised.ended) == (0, 1)
    assert open_keys(budget) == ["threshold:0.8"]


def test_a_lowered_amount_and_a_new_rule_raise(acme: Organization) -> None:
    budget = january_budget(acme)
    spend(acme, "50", jan(20, 11))
    assert sweep(NOON).raised == 0

    make_rule(budget, "threshold", threshold=Decimal("0.4"))
    assert sweep(NOON).raised == 1
    change(budget, amount=Decimal(60))
    assert sweep(NOON).raised == 1

    assert open_keys(budget) == ["threshold:0.4", "threshold:0.8"]


def test_a_threshold_that_is_switched_off_ends_its_alert(acme: Organization) -> None:
    budget = january_budget(acme)
    rule = make_rule(budget, "threshold", threshold=Decimal("0.4"))
    spend(acme, "50", jan(20, 11))
    sweep(NOON)

    AlertRule.objects.filter(pk=rule.pk).update(enabled=False)
    sweep(NOON)

    assert open_keys(budget) == []


def test_a_refund_ends_the_alert_and_arms_it_again(acme: Organization) -> None:
    budget = january_budget(acme)
    spend(acme, "85", jan(20, 10))
    assert sweep(NOON).raised == 1

    spend(acme, "-10", jan(20, 11))
    assert sweep(NOON).ended == 1
    spend(acme, "10", jan(20, 11))
    assert sweep(NOON).raised == 1

    assert Alert.objects.filter(budget=budget).count() == 2


def test_of_a_limit_of_nothing_any_spend_is_told_once(acme: Organization) -> None:
    budget = january_budget(acme, amount=Decimal(0))
    spend(acme, "0.0000000001", jan(20, 11))

    sweep(NOON)

    assert open_keys(budget) == ["threshold:0.8", "threshold:0.95", "threshold:1"]
    assert Alert.objects.filter(budget=budget).exclude(steps=[]).count() <= 1


def test_what_a_person_resolved_fires_again_only_after_it_ended(
    acme: Organization,
) -> None:
    budget = january_budget(acme)
    spend(acme, "85", jan(20, 10))
    sweep(NOON)
    resolve(Alert.objects.get(), by="ann@acme.example", now=NOON)

    change(budget, warning_threshold=Decimal("0.81"))
    change(budget, warning_threshold=Decimal("0.80"))
    assert sweep(NOON).raised == 0
    change(budget, amount=Decimal(200))
    sweep(NOON)
    change(budget, amount=Decimal(100))
    assert sweep(NOON).raised == 1


def test_a_budget_whose_spend_is_not_known_yet_is_left_alone(
    acme: Organization,
) -> None:
    budget = january_budget(acme)
    make_rule(budget, "spike", threshold=Decimal(10), window="daily")
    spend(acme, "85", jan(20, 10))
    filling = Backfill.objects.create(
        organization=acme, upto_id=1, done_until=jan(1), until=jan(20), total=1
    )
    Budget.objects.filter(pk=budget.pk).update(backfill=filling)

    assert sweep(NOON) == Swept()
    Budget.objects.filter(pk=budget.pk).update(backfill=None)

    assert sweep(NOON).raised == 2


def test_alerts_stay_while_spend_is_reckoned_anew(acme: Organization) -> None:
    budget = january_budget(acme)
    make_rule(budget, "spike", threshold=Decimal(10), window="daily")
    spend(acme, "85", jan(20, 10))
    sweep(NOON)
    before = open_keys(budget)
    filling = Backfill.objects.create(
        organization=acme, upto_id=1, done_until=jan(1), until=jan(20), total=1
    )
    Budget.objects.filter(pk=budget.pk).update(backfill=filling)
    BudgetPeriod.objects.filter(budget=budget).update(spent=0)

    sweep(NOON)

    assert len(before) == 2
    assert open_keys(budget) == before


def test_what_is_carried_over_moves_the_thresholds(acme: Organization) -> None:
    budget = january_budget(acme)
    spend(acme, "85", jan(20, 10))
    assert sweep(NOON).raised == 1

    BudgetPeriod.objects.filter(budget=budget).update(carried_over=Decimal(50))
    assert sweep(NOON).ended == 1
    BudgetPeriod.objects.filter(budget=budget).update(carried_over=Decimal(-10))
    assert sweep(NOON).raised == 1


def test_the_end_of_a_period_ends_its_alerts(acme: Organization) -> None:
    budget = january_budget(acme)
    make_rule(budget, "spike", threshold=Decimal(10), window="weekly")
    spend(acme, "85", jan(31, 23))
    assert sweep(jan(31, 23)).raised == 2
    escalation.run_due(jan(31, 23))

    done = sweep(datetime(2025, 2, 1, tzinfo=UTC))

    assert done.ended == 2
    assert open_keys(budget) == [f"spike:{AlertRule.objects.get().uid}"]  # of February


def test_an_archived_budget_is_not_judged(acme: Organization) -> None:
    budget = january_budget(acme)
    make_rule(budget, "spike", threshold=Decimal(10), window="weekly")
    spend(acme, "85", jan(20, 10))
    sweep(NOON)
    escalation.run_due(NOON)

    services.archive_budget(budget, now=NOON + HOUR)
    sweep(NOON + HOUR)

    assert open_keys(budget) == []


@given(
    st.decimals(-(10**6), 10**6, places=10),
    st.decimals("0.0001", 5, places=10),
)
def test_the_amount_of_a_threshold_is_the_least_that_passes_it(
    limit: Decimal, share: Decimal
) -> None:
    amount = amount_at(limit, share)

    assert is_passed(amount, limit, share)
    assert not is_passed(amount - Decimal("1e-10"), limit, share)


shares = st.lists(
    st.sampled_from(["0.5", "0.8", "0.8001", "1", "1.5"]), min_size=1, unique=True
)
cents = st.integers(-100, 2_000).map(lambda number: Decimal(number) / 10)


@given(shares, cents, cents, cents)
def test_within_a_watch_the_same_thresholds_are_passed(
    given: list[str], limit: Decimal, spent: Decimal, later: Decimal
) -> None:
    rules = [
        EffectiveRule("threshold", one, 1, Origin.BUDGET, "info", Decimal(one))
        for one in given
    ]
    period = BudgetPeriod(pk=1, starts_at=jan(1), ends_at=jan(31), spent=spent)
    period.limit = limit

    watch = evaluation._watch(period, rules)

    inside = (watch.at_least is None or later >= watch.at_least) and (
        watch.below is None or later < watch.below
    )
    same = [is_passed(spent, limit, Decimal(one)) for one in given] == [
        is_passed(later, limit, Decimal(one)) for one in given
    ]
    assert inside is same


def test_a_sweep_that_finds_nothing_new_asks_twice(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(3):
        january_budget(acme, f"Budget {number}")
    spend(acme, "85", jan(20, 10))
    acme.refresh_from_db()
    evaluate_thresholds(acme, now=NOON)
    spend(acme, "1", jan(20, 11))

    with django_assert_num_queries(3):  # the rules, the state, the periods
        evaluate_thresholds(acme, now=NOON)


# -- By the clock


def test_scene_3_fires_as_written(acme: Organization) -> None:
    budget = january_budget(acme, amount=Decimal(3100), starts_at=jan(1))
    spend_daily(acme, "50", 1, 19)
    velocity = make_rule(
        budget,
        "velocity",
        condition="spending_rate > projected_rate * 1.2",
        message="Spending 20% faster than projected!",
        cooldown_s=3600,
    )
    anomaly = make_rule(budget, "anomaly", condition="cost > mean + 2*stddev")
    spike = make_rule(budget, "spike", threshold=Decimal(100), window="hourly")
    assert sweep(NOON).raised == 0

    spend(acme, "150", jan(20, 11, 50))
    done = sweep(jan(20, 12, 5))

    assert (done.evaluated, done.raised) == (1, 3)
    assert open_keys(budget) == sorted(
        f"{rule.type}:{rule.uid}" for rule in (velocity, anomaly, spike)
    )
    told = {alert.rule_id: alert for alert in Alert.objects.all()}
    assert told[velocity.pk].message == "Spending 20% faster than projected!"
    assert "an hour" in told[velocity.pk].details["sentence"]
    assert told[spike.pk].value == 150


def test_what_has_ended_ends_by_itself(acme: Organization) -> None:
    budget = january_budget(acme, amount=Decimal(3100), starts_at=jan(1))
    make_rule(budget, "spike", threshold=Decimal(100), window="hourly")
    spend(acme, "150", jan(20, 11, 50))
    assert sweep(NOON).raised == 1

    assert sweep(jan(20, 12, 59)).ended == 0
    assert sweep(jan(20, 13)).ended == 1
    spend(acme, "150", jan(20, 14))
    assert sweep(jan(20, 14, 1)).raised == 1


def test_rules_watch_all_below_unless_the_nearest_has_its_own(
    acme: Organization,
) -> None:
    root = january_budget(acme, amount=Decimal(10_000))
    child = january_budget(
        acme, "A", parent=root, scope={"teams": ["a"]}, amount=Decimal(9000)
    )
    other = january_budget(
        acme, "B", parent=root, scope={"teams": ["b"]}, amount=Decimal(9000)
    )
    mine = make_rule(root, "spike", threshold=Decimal(100))
    make_rule(other, "spike", threshold=Decimal(100), enabled=False)
    spend(acme, "120", jan(20, 11), team_id="a")
    spend(acme, "120", jan(20, 11), team_id="b")

    sweep(NOON)

    assert open_keys(root) == open_keys(child) == [f"spike:{mine.uid}"]
    assert open_keys(other) == []


def test_amounts_are_in_the_budgets_own_currency(acme: Organization) -> None:
    budget = january_budget(acme, currency="EUR", amount=Decimal(5000))
    make_rule(budget, "spike", threshold=Decimal(100), window="daily")
    spend(acme, "102", jan(20, 10))  # USD; the euro was worth 1.03 of them

    assert sweep(NOON).raised == 0
    spend(acme, "3", jan(20, 11))
    assert sweep(NOON).raised == 1


def test_a_drop_is_found_and_told_once_over_the_end_of_a_period(
    acme: Organization,
) -> None:
    budget = january_budget(acme, period="daily", starts_at=jan(1), amount=Decimal(200))
    make_rule(budget, "anomaly")
    spend_daily(acme, "100", 1, 19)
    spend(acme, "300", jan(20, 10))
    assert sweep(NOON).raised == 4  # with 80, 95 and 100 %
    sweep(jan(21, 2))
    anomalies = Alert.objects.filter(type="anomaly")

    assert anomalies.count() == 1  # not again the next day
    sweep(jan(22, 2))  # the 21st cost nothing
    assert list(anomalies.values_list("details__day", flat=True)) == [
        "2025-01-21",
        "2025-01-20",
    ]


def test_not_an_anomaly_is_remembered(acme: Organization) -> None:
    budget = january_budget(acme, amount=Decimal(9000), starts_at=jan(1))
    make_rule(budget, "anomaly")
    spend_daily(acme, "100", 1, 19)
    spend(acme, "300", jan(20, 10))
    NotAnAnomaly.objects.create(
        organization=acme, budget=budget, day=date(2025, 1, 20), amount=Decimal(300)
    )

    assert sweep(NOON).raised == 0
    spend(acme, "290", jan(21, 10))
    assert sweep(jan(21, 12)).raised == 0
    spend(acme, "900", jan(21, 11))
    assert sweep(jan(21, 12)).raised == 1


def test_an_organization_that_fails_keeps_no_other_from_being_told(
    acme: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    other = make_organization("other")
    january_budget(acme)
    january_budget(other)
    spend(other, "85", jan(20, 10))
    whole = evaluation.evaluate_thresholds

    def broken(organization: Organization, **more: Any) -> Swept:
        if organization == acme:
            raise ZeroDivisionError
        return whole(organization, **more)

    with patch.object(evaluation, "evaluate_thresholds", broken):
        done = sweep(NOON)

    assert (done.raised, done.failed) == (1, ["acme"])
    assert "Can't judge the budgets of acme" in caplog.text


@pytest.mark.parametrize(
    "condition", ["spent>" + "-" * 489 + "spent", "spent > 1e999", "speed > 1"]
)
def test_a_rule_that_can_not_be_read_keeps_no_other_from_being_judged(
    acme: Organization, caplog: pytest.LogCaptureFixture, condition: str
) -> None:
    budget, other = january_budget(acme), january_budget(acme, "Other")
    rule = make_rule(budget, "velocity", condition="spent > 10")
    make_rule(other, "velocity", condition="spent > 20")
    make_rule(budget, "spike", threshold=Decimal(30))
    spend(acme, "15", jan(20, 11))
    assert sweep(NOON).raised == 1
    AlertRule.objects.filter(pk=rule.pk).update(condition=condition)

    spend(acme, "20", jan(20, 11))
    done = sweep(NOON)

    assert (done.raised, done.ended, done.failed) == (2, 0, [])
    assert open_keys(budget) == sorted(
        f"{one.type}:{one.uid}" for one in AlertRule.objects.filter(budget=budget)
    )
    assert list(done.broken) == [f"velocity:{rule.uid}"]
    assert f"velocity:{rule.uid} is not judged. The condition" in caplog.text


def test_as_many_queries_for_many_budgets_as_for_two(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    root = january_budget(acme, amount=Decimal(10_000))
    for kind in ("forecast", "velocity", "anomaly"):
        make_rule(root, kind)
    make_rule(root, "spike", threshold=Decimal(100))
    january_budget(acme, "One", parent=root)
    spend(acme, "1", jan(20, 10))
    acme.refresh_from_db()

    # rules, alerts, parents, budgets; periods, fine days, hours
    with django_assert_num_queries(7):
        evaluation.evaluate_by_clock(acme, now=NOON)
    for number in range(5):
        january_budget(acme, f"More {number}", parent=root)
    with django_assert_num_queries(7):
        evaluation.evaluate_by_clock(acme, now=NOON)


def test_watches_go_with_their_periods(acme: Organization) -> None:
    budget = january_budget(acme)
    spend(acme, "85", jan(20, 10))
    sweep_periods(now=NOON)
    sweep(NOON)

    change(budget, period="weekly")

    assert not Watch.objects.exclude(period__in=BudgetPeriod.objects.all()).exists()
    roll_up(acme.pk)
    sweep(NOON + timedelta(minutes=1))
    assert Watch.objects.count() >= 1
