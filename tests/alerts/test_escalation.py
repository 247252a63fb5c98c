"""Who is told, when, and what is said of it."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django_q.models import OrmQ

from accounts.models import Organization
from accounts.scopes import Role
from alerts import escalation, services, tasks
from alerts.models import Alert, AlertEvent, EscalationPolicy, MaintenanceWindow
from alerts.policies import oversight_of
from alerts.schedule import ESCALATE
from alerts.watchdog import audit
from budgets.models import Budget
from console.alerts.steps import rungs_of
from notifications.models import Channel, Delivery
from tests.alerts.factories import fire, level, make_policy
from tests.factories import make_budget, make_person

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LEAD, CTO = "lead@acme.example", "cto@acme.example"


@pytest.fixture
def engineering(acme: Organization) -> Budget:
    return make_budget(acme, "Engineering", "30000", now=NOW)


@pytest.fixture
def ml(acme: Organization, engineering: Budget) -> Budget:
    owner = make_person("owner@acme.example", {acme: Role.BUDGET_OWNER})
    return make_budget(
        acme, "ML Team", "15000", now=NOW, owner=owner, parent=engineering
    )


def mailed() -> list[str]:
    rows = Delivery.objects.order_by("pk")
    return list(rows.values_list("recipient", flat=True))


def states(alert: Alert) -> list[tuple[int, str]]:
    alert.refresh_from_db()
    return [(step["level"], step["state"]) for step in rungs_of(alert)]


def silence(organization: Organization, **more: Any) -> MaintenanceWindow:
    usual = {
        "starts_at": NOW - MINUTE,
        "ends_at": NOW + 60 * MINUTE,
        "reason": "The provider moves.",
    }
    return MaintenanceWindow.objects.create(organization=organization, **usual | more)


def test_each_level_is_told_at_its_time(ml: Budget) -> None:
    make_policy(ml, level(0, LEAD), level(30, CTO))
    alert = fire(ml, now=NOW)

    made = [
        escalation.run_due(NOW + MINUTE * minutes) for minutes in (0, 29, 30, 31, 600)
    ]

    assert made == [2, 0, 1, 0, 0]
    assert mailed() == ["owner@acme.example", LEAD, CTO]
    assert states(alert) == [(0, "done"), (1, "done"), (2, "done")]
    assert alert.next_step_at is None


def test_nobody_gets_the_same_news_twice(ml: Budget) -> None:
    make_policy(ml, level(0, "Owner@acme.example", LEAD), level(30, LEAD))
    fire(ml, now=NOW, recipients=("owner@acme.example", LEAD))

    escalation.run_due(NOW)
    at_first = sorted(mailed())
    escalation.run_due(NOW + 30 * MINUTE)

    assert at_first == [LEAD, "owner@acme.example"]
    assert mailed()[2:] == [LEAD]  # once more, for nobody has acknowledged


def test_the_policy_is_frozen_when_the_alert_starts(ml: Budget) -> None:
    policy = make_policy(ml, level(30, CTO))
    fire(ml, now=NOW)
    policy.levels = [level(1, "somebody.else@acme.example")]
    policy.save()

    escalation.run_due(NOW + 30 * MINUTE)

    assert mailed() == ["owner@acme.example", CTO]


def test_the_nearest_policy_above_counts(
    ml: Budget, engineering: Budget, acme: Organization
) -> None:
    whole = EscalationPolicy.objects.create(
        organization=acme, levels=[level(0, "a@b.c")]
    )
    for_whole = oversight_of(ml).policy
    nearer = make_policy(engineering, level(0, LEAD))
    for_above = oversight_of(ml).policy
    own = make_policy(ml, level(0, CTO), enabled=False)

    assert (for_whole, for_above) == (whole, nearer)
    assert oversight_of(ml).policy == own  # switched off: then nobody is told by one
    assert oversight_of(engineering).policy == nearer


USUAL: dict[str, tuple[bool, bool, list[str]]] = {
    "its owner": (True, True, ["owner@acme.example"]),
    "the owner above": (False, True, ["head@acme.example"]),
    "the finance admins": (
        False,
        False,
        ["money1@acme.example", "money2@acme.example"],
    ),
}


@pytest.mark.parametrize(("own", "above", "told"), USUAL.values(), ids=USUAL)
def test_a_rule_that_names_nobody_tells(
    ml: Budget, engineering: Budget, *, own: bool, above: bool, told: list[str]
) -> None:
    head = make_person("head@acme.example", {ml.organization: Role.VIEWER})
    for number in (1, 2):
        make_person(
            f"money{number}@acme.example", {ml.organization: Role.FINANCE_ADMIN}
        )
    Budget.objects.filter(pk=engineering.pk).update(owner=head if above else None)
    if not own:
        Budget.objects.filter(pk=ml.pk).update(owner=None)

    fire(ml, now=NOW)
    escalation.run_due(NOW)

    assert sorted(mailed()) == told


def test_a_channel_that_is_not_set_up_is_said_and_somebody_is_told(ml: Budget) -> None:
    alert = fire(ml, now=NOW, channels=("slack", "pagerduty"))

    escalation.run_due(NOW)

    assert mailed() == ["owner@acme.example"]
    told = alert.events.get(kind="told")
    assert told.text == "Not set up: slack, pagerduty."


def test_who_is_told_on_a_channel_is_not_told_by_mail_too(
    ml: Budget, acme: Organization
) -> None:
    slack = Channel.objects.create(organization=acme, name="Ops", type="slack")
    fire(ml, now=NOW, channels=("slack",))

    escalation.run_due(NOW)

    (sent,) = Delivery.objects.all()
    assert (sent.type, sent.channel) == ("slack", slack)
    assert sent.message["links"][0]["label"] == "Acknowledge"


@pytest.mark.parametrize("owned", [True, False])
def test_a_mail_channel_made_for_one_rule_hears_of_no_other(
    ml: Budget, acme: Organization, *, owned: bool
) -> None:
    if not owned:
        Budget.objects.filter(pk=ml.pk).update(owner=None)
    Channel.objects.create(
        organization=acme,
        name="Finance",
        type="email",
        config={"recipients": ["finance@acme.example", "owner@acme.example"]},
    )
    fire(ml, now=NOW, channels=("email",))

    escalation.run_due(NOW)

    assert mailed() == (["owner@acme.example"] if owned else [])


def test_a_level_tells_its_own_people_and_numbers_and_no_channels(
    ml: Budget, acme: Organization
) -> None:
    for kind, address in (("email", "finance@acme.example"), ("sms", "+15550100100")):
        Channel.objects.create(
            organization=acme, name=kind, type=kind, config={"recipients": [address]}
        )
    make_policy(
        ml,
        level(0, LEAD),
        level(30),
        level(60, CTO, "+15550199999", channels=["email", "sms"]),
        level(90, channels=["sms"]),
    )
    fire(ml, now=NOW, recipients=(LEAD,))

    for minutes in (0, 30, 60, 90):
        escalation.run_due(NOW + timedelta(minutes=minutes))

    told = Delivery.objects.order_by("created_at", "type")
    assert list(told.values_list("type", "recipient")) == [
        ("email", LEAD),
        ("email", "owner@acme.example"),
        ("email", CTO),
        ("sms", "+15550199999"),
        ("sms", "+15550100100"),
    ]


def test_whom_no_channel_of_a_rule_reaches_is_not_listed_as_told(
    ml: Budget, acme: Organization
) -> None:
    Channel.objects.create(organization=acme, name="hook", type="webhook")
    alert = fire(ml, now=NOW, channels=("hook",), recipients=("ann@acme.example",))

    escalation.run_due(NOW)

    alert.refresh_from_db()
    assert alert.steps[0]["recipients"] == []
    assert alert.events.get(kind="told").text == (
        "Not told by its channels: ann@acme.example."
    )


def test_a_level_waits_for_business_hours(ml: Budget) -> None:
    hours = {"from": "09:00", "until": "18:00", "days": [0, 1, 2, 3, 4]}
    make_policy(ml, level(0, LEAD, hours=hours), timezone="Europe/Berlin")
    evening = NOW + timedelta(hours=6)

    alert = fire(ml, now=evening)
    at_night = escalation.run_due(evening)
    morning = datetime(2026, 11, 11, 8, tzinfo=UTC)

    assert at_night == 1  # the rule's own people
    assert states(alert) == [(0, "done"), (1, "due")]
    assert alert.next_step_at == morning
    assert escalation.run_due(morning) == 1


SILENCES = {
    "of the budget": lambda ml: {"budget": ml},
    "of the one above": lambda ml: {"budget": ml.parent},
    "of the organization": lambda _: {"budget": None},
}


@pytest.mark.parametrize("whose", SILENCES.values(), ids=SILENCES)
def test_maintenance_silences_every_step_and_tells_when_it_is_over(
    ml: Budget, acme: Organization, whose: Any
) -> None:
    make_policy(ml, level(0, LEAD), level(30, CTO), level(90, "ceo@acme.example"))
    window = silence(acme, **whose(ml))
    alert = fire(ml, now=NOW)

    for minutes in range(0, 60, 10):
        escalation.run_due(NOW + minutes * MINUTE)
    silent = list(mailed())
    said = list(alert.events.values_list("kind", "text"))
    escalation.run_due(window.ends_at)
    at_its_end = list(mailed())
    escalation.run_due(window.ends_at + 30 * MINUTE)

    assert silent == []
    assert said[1:] == [("silenced", "The provider moves.")] * 3
    assert at_its_end == ["owner@acme.example", LEAD]
    assert mailed()[2:] == [CTO]


OTHERS: Mapping[str, dict[str, Any]] = {
    "over": {"starts_at": NOW - 9 * MINUTE, "ends_at": NOW},
    "to come": {"starts_at": NOW + MINUTE},
}


@pytest.mark.parametrize("times", OTHERS.values(), ids=OTHERS)
def test_maintenance_at_another_time_silences_nothing(
    ml: Budget, acme: Organization, times: dict[str, Any]
) -> None:
    silence(acme, **times)
    fire(ml, now=NOW)

    escalation.run_due(NOW)

    assert mailed() == ["owner@acme.example"]


def test_maintenance_of_a_neighbour_silences_nothing(
    ml: Budget, engineering: Budget, acme: Organization
) -> None:
    beside = make_budget(acme, "Sales", "100", now=NOW, parent=engineering)
    silence(acme, budget=beside)
    fire(ml, now=NOW)

    escalation.run_due(NOW)

    assert mailed() == ["owner@acme.example"]


def test_a_step_that_comes_late_is_told_and_raises_the_alarm(
    ml: Budget, caplog: pytest.LogCaptureFixture
) -> None:
    make_person("money@acme.example", {ml.organization: Role.FINANCE_ADMIN})
    make_policy(ml, level(30, CTO))
    alert = fire(ml, now=NOW)
    escalation.run_due(NOW)

    with caplog.at_level(logging.ERROR, "alerts"):
        found = audit(NOW + 42 * MINUTE)
        again = audit(NOW + 43 * MINUTE)

    assert (found, again) == (1, 0)
    assert mailed() == ["owner@acme.example", CTO, "money@acme.example"]
    assert states(alert) == [(0, "done"), (1, "missed")]
    assert alert.events.get(kind="missed").text == "Told 12 min late."
    alarm = Delivery.objects.get(recipient="money@acme.example").message
    assert alarm["title"].startswith("Escalation ran late: Warning")
    assert "was told 12 minutes late" in caplog.text


def test_the_auditor_lets_what_is_on_time_be(ml: Budget) -> None:
    make_policy(ml, level(30, CTO))
    fire(ml, now=NOW)
    escalation.run_due(NOW)

    assert audit(NOW + 34 * MINUTE) == 0
    assert mailed() == ["owner@acme.example"]


def test_the_auditor_leaves_what_was_acknowledged(ml: Budget) -> None:
    make_policy(ml, level(30, CTO))
    alert = fire(ml, now=NOW)
    services.acknowledge(alert, by=LEAD, now=NOW)

    assert audit(NOW + 60 * MINUTE) == 0
    assert states(alert) == [(0, "stopped"), (1, "stopped")]


def test_the_auditor_finds_a_step_that_left_no_trace(
    ml: Budget, caplog: pytest.LogCaptureFixture
) -> None:
    alert = fire(ml, now=NOW)
    Alert.objects.filter(pk=alert.pk).update(next_step=1, next_step_at=None)

    with caplog.at_level(logging.ERROR, "alerts"):
        found = audit(NOW + MINUTE)

    assert found == 1
    assert states(alert) == [(0, "missed")]
    assert "left no trace" in caplog.text


def test_one_broken_alert_keeps_no_other_from_being_told(
    ml: Budget, engineering: Budget, caplog: pytest.LogCaptureFixture
) -> None:
    broken = fire(engineering, now=NOW)
    Alert.objects.filter(pk=broken.pk).update(steps=[{"at": "at some time"}])
    fire(ml, now=NOW)

    with caplog.at_level(logging.ERROR, "alerts"):
        made = escalation.run_due(NOW)
        audit(NOW + 10 * MINUTE)

    assert made == 1
    assert mailed() == ["owner@acme.example"]
    assert f"alert {broken.uid} stands still" in caplog.text


def test_workers_are_asked_to_come_at_the_moment(ml: Budget) -> None:
    make_policy(ml, level(1, LEAD), level(30, CTO))
    fire(ml, now=NOW)
    OrmQ.objects.all().delete()

    escalation.run_due(NOW)
    close = moments()
    tasks.escalate_at(NOW + 29 * MINUTE)
    later = moments() - close

    assert close == {NOW + MINUTE}
    assert later == {NOW + 30 * MINUTE}


def moments() -> set[datetime]:
    """Return when the queue's runs of `escalate` become visible."""
    rows = OrmQ.objects.all()
    return {row.lock for row in rows if row.task["func"] == ESCALATE}


def test_the_task_does_all_that_is_due(ml: Budget, engineering: Budget) -> None:
    acknowledged = fire(engineering, now=NOW)
    services.acknowledge(acknowledged, by=LEAD, until=NOW + 10 * MINUTE, now=NOW)
    fire(ml, now=NOW)

    said = tasks.escalate_at(NOW + 11 * MINUTE)
    over = tasks.escalate_at(acknowledged.period_ends_at)

    assert said == (
        "Told 2 escalation steps; 1 alerts were taken up again, 0 ended with their "
        "period."
    )
    assert over.endswith("2 ended with their period.")
    assert not Alert.objects.filter(resolved_at=None).exists()
    assert AlertEvent.objects.filter(text="The period is over.").count() == 2


def test_a_ladder_shows_its_deliveries(ml: Budget) -> None:
    make_policy(ml, level(0, LEAD), level(30, CTO))
    alert = fire(ml, now=NOW)
    escalation.run_due(NOW)
    alert.refresh_from_db()

    own, first, second = rungs_of(alert)

    assert [one.recipient for one in own["deliveries"]] == ["owner@acme.example"]
    assert [one.recipient for one in first["deliveries"]] == [LEAD]
    assert (second["state"], second["deliveries"]) == ("due", [])
    assert second["at"] == NOW + 30 * MINUTE


def test_queries_of_one_step_are_few(
    ml: Budget, django_assert_max_num_queries: Any
) -> None:
    make_policy(ml, level(0, LEAD, CTO))
    alert = fire(ml, now=NOW, recipients=("a@acme.example", "b@acme.example"))

    with django_assert_max_num_queries(40):
        escalation.tell([alert.pk], now=NOW)

    assert len(mailed()) == 4
