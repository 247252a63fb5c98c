"""The life of an alert, one move at a time."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from accounts.models import Organization
from accounts.scopes import Role
from alerts import escalation, services, tasks
from alerts.errors import AlreadyResolved, AnsweredMeanwhile, NotAnAnomalyAlert
from alerts.models import Alert, AlertEvent, AlertRule, AlertState, NotAnAnomaly
from budgets.models import Budget
from budgets.services import change_budget, plan_of
from costops.tasks import follow
from lib.errors import Invalid
from notifications.models import Channel, Delivery
from tests.alerts.factories import NOVEMBER, cross, fire, level, make_policy
from tests.factories import make_budget, make_person, spend

pytestmark = pytest.mark.django_db
NOW = NOVEMBER
HOUR = timedelta(hours=1)
ANN = "ann@acme.example"


@pytest.fixture
def ml(acme: Organization) -> Budget:
    owner = make_person("owner@acme.example", {acme: Role.BUDGET_OWNER})
    return make_budget(acme, "ML Team", "15000", now=NOW, owner=owner)


def kinds(alert: Alert) -> list[str]:
    return list(alert.events.order_by("pk").values_list("kind", flat=True))


def mailed() -> list[str]:
    return sorted(Delivery.objects.values_list("recipient", flat=True))


def test_a_crossing_raises_an_alert_and_tells_the_owner(ml: Budget) -> None:
    cross(ml, "12600", "0.8")
    escalation.run_due(NOW)

    alert = Alert.objects.get()
    assert (alert.key, alert.severity, alert.state) == (
        "threshold:0.8",
        "warning",
        "firing",
    )
    assert alert.value == Decimal("0.84")
    assert alert.message == (
        "ML Team has spent $12,600.00 of $15,000.00 in November 2026, 84\xa0%."
    )
    assert kinds(alert) == ["fired", "told"]
    assert mailed() == ["owner@acme.example"]


def test_the_same_crossing_twice_makes_one_alert(ml: Budget) -> None:
    cross(ml, "12600", "0.8")
    cross(ml, "12700", "0.8")
    escalation.run_due(NOW)

    assert Alert.objects.count() == AlertEvent.objects.filter(kind="fired").count() == 1
    assert Delivery.objects.count() == 1


def test_of_several_thresholds_the_highest_tells_for_all(
    ml: Budget, acme: Organization
) -> None:
    AlertRule.objects.create(
        organization=acme,
        budget=ml,
        type="threshold",
        threshold=Decimal("0.8"),
        recipients=["finance@acme.example"],
    )

    cross(ml, "15100", "0.8", "0.95", "1")
    told = escalation.run_due(NOW)

    alerts = Alert.objects.order_by("-threshold")
    assert [(one.key, len(one.steps)) for one in alerts] == [
        ("threshold:1", 2),
        ("threshold:0.95", 0),
        ("threshold:0.8", 0),
    ]
    assert told == 2
    assert mailed() == ["finance@acme.example", "owner@acme.example"]
    assert set(Delivery.objects.values_list("subject", flat=True)) == {
        str(alerts[0].uid)
    }


def test_what_was_told_together_is_answered_together(ml: Budget) -> None:
    cross(ml, "12100", "0.8", now=NOW - HOUR)
    apart = Alert.objects.get()
    cross(ml, "15100", "0.95", "1")
    told, quiet = Alert.objects.exclude(pk=apart.pk).order_by("-threshold")

    services.acknowledge(told, by=ANN, now=NOW + HOUR)

    states = {one.pk: one.state for one in Alert.objects.all()}
    assert states == {
        apart.pk: "firing",
        told.pk: "acknowledged",
        quiet.pk: "acknowledged",
    }
    assert kinds(quiet) == ["fired", "acknowledged"]


def test_each_level_of_the_tree_is_told_once(acme: Organization) -> None:
    boss = make_person("boss@acme.example", {acme: Role.FINANCE_ADMIN})
    top = make_budget(acme, "Acme", "1000", now=NOW, owner=boss)
    team = make_budget(acme, "Team", "900", now=NOW, parent=top)

    for budget in (top, team):
        cross(budget, "880", "0.8")
    escalation.run_due(NOW)

    assert mailed() == ["boss@acme.example", "boss@acme.example"]
    assert sorted(Alert.objects.values_list("budget__name", flat=True)) == [
        "Acme",
        "Team",
    ]


def test_late_usage_of_a_period_that_is_over_alarms_nobody(ml: Budget) -> None:
    cross(ml, "12600", "0.8", now=NOW + timedelta(days=40))

    assert not Alert.objects.exists()


def test_a_threshold_that_is_no_longer_watched_alarms_nobody(ml: Budget) -> None:
    cross(ml, "12600", "0.33")

    assert not Alert.objects.exists()


def test_what_a_person_resolved_stays_quiet_until_it_has_ended(ml: Budget) -> None:
    alert = fire(ml, now=NOW)
    services.resolve(alert, by=ANN, now=NOW + HOUR)

    with pytest.raises(AssertionError):  # the factory's: there is no alert
        fire(ml, now=NOW + 2 * HOUR)
    services.end([alert.pk], now=NOW + 3 * HOUR, why="Below again.")
    again = fire(ml, now=NOW + 4 * HOUR)

    assert again.pk != alert.pk
    alert.refresh_from_db()
    assert (alert.resolved_by, alert.rearmed_at) == (ANN, NOW + 3 * HOUR)
    assert kinds(alert) == ["fired", "resolved"]


def test_a_new_crossing_shows_that_it_had_ended(ml: Budget) -> None:
    cross(ml, "12600", "0.8")
    services.resolve(Alert.objects.get(), by=ANN, now=NOW)

    cross(ml, "12600", "0.8", now=NOW + HOUR)

    assert list(Alert.objects.order_by("pk").values_list("state", flat=True)) == [
        "resolved",
        "firing",
    ]


def test_what_ended_by_itself_may_fire_again(ml: Budget) -> None:
    alert = fire(ml, now=NOW)

    ended = services.end([alert.pk], now=NOW + HOUR, why="The amount was raised.")
    again = fire(ml, now=NOW + 2 * HOUR)

    alert.refresh_from_db()
    assert ended == 1
    assert (alert.state, alert.resolved_by) == ("resolved", "")
    assert alert.events.get(kind="resolved").text == "The amount was raised."
    assert again.state == "firing"


def test_a_rule_that_cools_down_keeps_quiet(ml: Budget) -> None:
    def velocity(now: datetime) -> bool:
        try:
            alert = fire(
                ml, now=now, key="velocity:x", type="velocity", cooldown_s=3600
            )
        except AssertionError:
            return False
        services.end([alert.pk], now=now, why="It is slow again.")
        return True

    assert velocity(NOW)
    assert not velocity(NOW + HOUR - timedelta(seconds=1))
    assert velocity(NOW + HOUR)


def test_an_acknowledgement_stops_the_ladder_and_lapses(ml: Budget) -> None:
    make_policy(ml, level(0, "lead@acme.example"), level(30, "cto@acme.example"))
    alert = fire(ml, now=NOW)
    escalation.run_due(NOW)

    services.acknowledge(alert, by=ANN, now=NOW + timedelta(minutes=10))
    quiet = escalation.run_due(NOW + 2 * HOUR)
    until = NOW + timedelta(hours=4, minutes=10)
    too_early = services.come_back(until - timedelta(seconds=1))
    lapsed = services.come_back(until)
    first = escalation.run_due(until)
    second = escalation.run_due(until + timedelta(minutes=30))

    alert.refresh_from_db()
    assert (quiet, too_early, lapsed, first, second) == (0, 0, 1, 2, 1)
    assert alert.state == "firing"
    assert kinds(alert) == [
        *("fired", "told", "told", "acknowledged", "lapsed"),
        *("told", "told", "told"),
    ]
    assert mailed().count("cto@acme.example") == 1
    assert mailed().count("lead@acme.example") == 2


def test_a_snooze_is_over_at_its_time(ml: Budget) -> None:
    alert = fire(ml, now=NOW)
    services.snooze(alert, by=ANN, until=NOW + HOUR, now=NOW)

    during = escalation.run_due(NOW + HOUR)
    woken = services.come_back(NOW + HOUR)
    told = escalation.run_due(NOW + HOUR)

    alert.refresh_from_db()
    assert (during, woken, told) == (0, 1, 1)
    assert (alert.state, alert.snoozed_until) == ("firing", None)
    assert kinds(alert) == ["fired", "snoozed", "awake", "told"]


def test_the_end_of_its_period_ends_an_alert(ml: Budget) -> None:
    alert = fire(ml, now=NOW)
    end = alert.period_ends_at

    escalation.run_due(NOW)
    early = services.end_over(end - timedelta(seconds=1))
    ended = services.end_over(end)

    alert.refresh_from_db()
    assert (early, ended, alert.state) == (0, 1, "resolved")
    assert escalation.run_due(end) == 0


def test_whoever_comes_too_late_is_told_who_was_first(ml: Budget) -> None:
    alert = fire(ml, now=NOW)
    stale = Alert.objects.select_related("budget").get(pk=alert.pk)
    services.acknowledge(alert, by=ANN, now=NOW)

    with pytest.raises(AnsweredMeanwhile) as refused:
        services.acknowledge(stale, by="bob@acme.example", now=NOW + HOUR)

    assert str(refused.value) == (
        "ann@acme.example has acknowledged it until 10 Nov 2026, 16:00 UTC."
    )
    assert (
        stale.acknowledged_by == ANN
    )  # brought up to date, so that a second try is meant


@pytest.mark.parametrize(
    "move",
    [
        lambda alert: services.acknowledge(alert, by="bob", now=NOW),
        lambda alert: services.snooze(alert, by="bob", until=NOW + HOUR, now=NOW),
        lambda alert: services.resolve(alert, by="bob", now=NOW),
    ],
    ids=["acknowledge", "snooze", "resolve"],
)
def test_a_resolved_alert_takes_no_answers(ml: Budget, move: Any) -> None:
    alert = fire(ml, now=NOW)
    services.resolve(alert, by=ANN, now=NOW)

    with pytest.raises(
        AlreadyResolved, match=r"ann@acme.example resolved it on 10 Nov"
    ):
        move(alert)

    assert kinds(alert) == ["fired", "resolved"]


@pytest.mark.parametrize(
    "away", [timedelta(0), timedelta(days=-1), timedelta(days=367)]
)
def test_an_answer_holds_for_a_sound_time(ml: Budget, away: timedelta) -> None:
    alert = fire(ml, now=NOW)

    with pytest.raises(Invalid):
        services.snooze(alert, by=ANN, until=NOW + away, now=NOW)

    alert.refresh_from_db()
    assert alert.state == AlertState.FIRING


def test_a_usual_day_is_remembered(ml: Budget) -> None:
    details = {"sentence": "Odd.", "day": "2026-11-09", "cost": "310.0000000000"}
    alert = fire(ml, now=NOW, type="anomaly", key="anomaly:x", details=details)

    services.not_an_anomaly(alert, by=ANN, now=NOW)

    fine = NotAnAnomaly.objects.get()
    assert (f"{fine.day}", fine.amount, fine.said_by) == ("2026-11-09", 310, ANN)
    alert.refresh_from_db()
    assert (alert.state, kinds(alert)[-1]) == ("resolved", "not_an_anomaly")
    said = alert.events.get(kind="not_an_anomaly")
    assert said.text.startswith("9 Nov 2026 was a usual day: $310.00 is within")


def test_only_an_unusual_day_can_be_called_usual(ml: Budget) -> None:
    alert = fire(ml, now=NOW)

    with pytest.raises(NotAnAnomalyAlert):
        services.not_an_anomaly(alert, by=ANN, now=NOW)

    assert not NotAnAnomaly.objects.exists()


def test_programs_hear_what_became_of_what_they_were_told(
    ml: Budget, acme: Organization
) -> None:
    pager = Channel.objects.create(
        organization=acme, name="Pager", type="pagerduty", secrets={"routing_key": "x"}
    )
    rule = AlertRule.objects.create(
        organization=acme,
        budget=ml,
        type="threshold",
        threshold=Decimal("0.8"),
        channels=["pagerduty", "email"],
        recipients=["lead@acme.example"],
    )
    alert = fire(
        ml, now=NOW, rule_id=rule.pk, channels=("pagerduty", "email"), recipients=(ANN,)
    )
    escalation.run_due(NOW)

    services.acknowledge(alert, by=ANN, now=NOW + HOUR)
    services.resolve(alert, by=ANN, now=NOW + 2 * HOUR)

    told = Delivery.objects.filter(channel=pager).order_by("pk")
    assert [one.message["event"] for one in told] == [
        "fired",
        "acknowledged",
        "resolved",
    ]
    assert {one.subject for one in told} == {str(alert.uid)}
    assert Delivery.objects.filter(type="email").count() == 1


def test_a_raised_amount_ends_the_alert_at_once_and_rearms_it(
    ml: Budget, acme: Organization
) -> None:
    now = timezone.now()
    budget = make_budget(acme, "Now", "100", now=now)
    spend(acme, "85")
    (alert,) = Alert.objects.filter(budget=budget)
    OrmQ.objects.all().delete()

    plan = plan_of(budget)
    plan.amount = Decimal(1000)
    change_budget(budget, plan, now=now)
    asked = [row.task for row in OrmQ.objects.all()]
    follow(*asked[0]["args"])
    tasks.reevaluate(*OrmQ.objects.latest("pk").task["args"])

    alert.refresh_from_db()
    assert [one["func"] for one in asked] == ["costops.tasks.follow"]
    assert (alert.state, alert.resolved_by) == ("resolved", "")
    assert alert.rearmed_at is not None


def test_what_is_not_judged_asks_no_worker(ml: Budget) -> None:
    plan = plan_of(ml)
    plan.note = "For models."

    change_budget(ml, plan, now=NOW)

    assert not OrmQ.objects.exists()
