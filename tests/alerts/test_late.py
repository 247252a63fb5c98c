"""Alerts that fired are told, however late the workers come."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Organization, User
from accounts.scopes import Role
from alerts import services, tasks
from alerts.evaluation import sweep
from alerts.models import Alert, AlertState
from budgets.models import Budget
from notifications.models import Delivery
from tests.alerts.factories import fire, silence
from tests.factories import make_budget, make_person, spend

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def owner(acme: Organization) -> User:
    return make_person("owner@acme.example", {acme: Role.BUDGET_OWNER})


@pytest.fixture
def ml(acme: Organization, owner: User) -> Budget:
    return make_budget(acme, "ML Team", "15000", now=NOW, owner=owner)


def untold() -> list[str]:
    told = Delivery.objects.values_list("subject", flat=True)
    rows = Alert.objects.exclude(uid__in=list(told)).exclude(steps=[])
    return list(rows.values_list("budget__name", flat=True))


def texts() -> list[str]:
    return [row.message["text"] for row in Delivery.objects.order_by("pk")]


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_comes_after_the_period_tells_what_nobody_was_told(
    acme: Organization, owner: User
) -> None:
    ends = NOW + 15 * MINUTE
    with time_machine.travel(NOW, tick=False):
        for number in range(14):
            make_budget(
                acme,
                f"Sprint {number}",
                "100",
                owner=owner,
                period="custom",
                starts_at=NOW - timedelta(days=1),
                ends_at=ends,
            )
        spend(acme, "85")
    at_once = len(texts())

    with time_machine.travel(ends + 6 * MINUTE, tick=False):
        before = timezone.now()
        sweep(before)  # the clock's jobs come in any order
        tasks.escalate_at(before)
        sweep(before)

    assert (at_once, len(texts()), untold()) == (10, 14, [])
    assert not Alert.objects.exclude(state=AlertState.RESOLVED).exists()
    late = [text for text in texts() if "its period ended at" in text]
    assert len(late) == 4
    assert late[0].endswith(
        "This comes late: its period ended at 10 Nov 2026, 12:15 UTC."
    )


def test_of_a_period_that_is_over_no_level_follows(ml: Budget) -> None:
    alert = fire(ml, now=NOW)
    over = alert.period_ends_at + timedelta(days=3)

    tasks.escalate_at(over)
    tasks.escalate_at(over + timedelta(days=1))

    alert.refresh_from_db()
    assert (len(texts()), alert.state) == (1, "resolved")


def test_what_was_answered_before_it_was_told_ends_untold(ml: Budget) -> None:
    alert = fire(ml, now=NOW)
    services.snooze(alert, by="a@b.example", until=NOW + MINUTE, now=NOW)

    tasks.escalate_at(alert.period_ends_at)

    alert.refresh_from_db()
    assert (texts(), alert.state) == ([], "resolved")


def test_what_maintenance_kept_back_is_told_once_it_is_over(ml: Budget) -> None:
    alert = fire(ml, now=NOW)
    window = silence(ml)
    window.starts_at, window.ends_at = NOW, alert.period_ends_at + 10 * MINUTE
    window.save()

    tasks.escalate_at(NOW)
    tasks.escalate_at(alert.period_ends_at)
    kept_back = texts()
    tasks.escalate_at(window.ends_at)

    assert kept_back == []
    assert "its period ended at" in texts()[0]


def test_what_ends_before_anybody_was_told_is_told_with_its_end(ml: Budget) -> None:
    alert = fire(ml, now=NOW)

    services.end([alert.pk], now=NOW + MINUTE, why="It is within it again.")

    alert.refresh_from_db()
    assert alert.state == "resolved"
    assert texts()[0].endswith("It has ended since: It is within it again.")


def test_one_alarm_is_enough_for_all_that_is_late_at_once(
    ml: Budget, owner: User, acme: Organization
) -> None:
    make_person("money@acme.example", {acme: Role.FINANCE_ADMIN})
    for name in ("Sales", "Support"):
        fire(make_budget(acme, name, "100", now=NOW, owner=owner), now=NOW)

    tasks.escalate_at(NOW + 50 * MINUTE)

    alarms = Delivery.objects.filter(recipient="money@acme.example")
    assert (alarms.count(), len(texts())) == (1, 3)


def test_what_is_told_late_says_when_it_fired(ml: Budget) -> None:
    fire(ml, now=NOW)

    tasks.escalate_at(NOW + 50 * MINUTE)

    assert texts()[0].endswith("This comes late: it fired at 10 Nov 2026, 12:00 UTC.")
