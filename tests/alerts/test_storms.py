"""Many budgets that pass their thresholds with one batch of usage."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from accounts.models import Organization
from alerts import escalation, services, tasks
from alerts.api.schemas import ConfigurationIn
from alerts.configuration import configure
from alerts.evaluation import sweep
from alerts.models import Alert, EscalationPolicy, Turn
from alerts.schedule import plan
from alerts.turns import LASTS, Turned, turn
from budgets.models import Budget, BudgetPeriod
from budgets.types import Crossing
from costops.tasks import follow
from notifications.models import Channel, Delivery, MailedLink
from tests.alerts.factories import fire, level, make_policy
from tests.factories import make_budget, make_person

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)


@pytest.fixture
def top(acme: Organization) -> Budget:
    owner = make_person("owner@acme.example", {})
    top = make_budget(acme, "Acme", "1000000", now=NOW, owner=owner)
    make_policy(top, level(1, "cto@acme.example"))
    return top


def crossed(top: Budget, count: int, *shares: str) -> list[Crossing]:
    """Return how *count* new budgets below *top* pass *shares*."""
    found = []
    for number in range(count):
        budget = make_budget(
            top.organization, f"Team {count} {number}", "100", now=NOW, parent=top
        )
        period, _ = BudgetPeriod.objects.get_or_create(
            organization=top.organization,
            budget=budget,
            starts_at=datetime(2026, 11, 1, tzinfo=UTC),
            defaults={"ends_at": datetime(2026, 12, 1, tzinfo=UTC), "amount": 100},
        )
        found += [
            Crossing(budget.pk, period.pk, Decimal(share), Decimal(101), Decimal(100))
            for share in shares
        ]
    return found


def queries_of(crossings: list[Crossing], top: Budget) -> int:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        services.observe(top.organization_id, crossings, now=NOW)
    return len(asked)


def test_as_many_queries_for_many_crossed_budgets_as_for_one(top: Budget) -> None:
    one, many = crossed(top, 1, "0.8", "1"), crossed(top, 30, "0.8", "1")

    for_one = queries_of(one, top)
    for_many = queries_of(many, top)

    assert for_one <= 18
    assert for_many - for_one <= 30 // 10  # an INSERT takes only so many rows
    assert Alert.objects.count() == 62
    assert Alert.objects.exclude(steps=[]).count() == 31


def queries_to_tell(crossings: list[Crossing], top: Budget) -> int:
    services.observe(top.organization_id, crossings, now=NOW)
    with CaptureQueriesContext(connection) as asked:
        assert escalation.run_due(NOW) == len(crossings)
    return len(asked)


def test_telling_takes_as_many_queries_for_many_alerts_as_for_one(top: Budget) -> None:
    one, many = crossed(top, 1, "0.8"), crossed(top, 30, "0.8")

    for_one = queries_to_tell(one, top)
    for_many = queries_to_tell(many, top)

    assert for_one <= 30
    assert for_many - for_one <= 30 // 10  # an UPDATE takes only so many rows
    assert Delivery.objects.count() == 31
    assert MailedLink.objects.count() == 31


def queries_to_end(crossings: list[Crossing], top: Budget) -> int:
    services.observe(top.organization_id, crossings, now=NOW)
    escalation.run_due(NOW)
    ids = [alert.pk for alert in Alert.objects.unresolved()]
    with CaptureQueriesContext(connection) as asked:
        assert services.end(ids, now=NOW, why="It is within it again.") == len(ids)
    return len(asked)


def test_ending_takes_as_many_queries_for_many_alerts_as_for_one(top: Budget) -> None:
    hook = Channel.objects.create(
        organization=top.organization, name="hook", type="webhook"
    )
    EscalationPolicy.objects.all().delete()
    make_policy(top, level(0, channels=[hook.name]))
    one, many = crossed(top, 1, "0.8"), crossed(top, 30, "0.8")

    for_one = queries_to_end(one, top)
    for_many = queries_to_end(many, top)

    assert for_one <= 20
    assert for_many == for_one
    said = Counter(row.message["event"] for row in hook.deliveries.all())
    assert said == {"fired": 31, "resolved": 31}


def funcs() -> list[str]:
    return sorted(row.task["func"] for row in OrmQ.objects.all())


def test_a_storm_asks_workers_once_to_tell_and_once_to_send(top: Budget) -> None:
    crossings = crossed(top, 25, "0.8")
    OrmQ.objects.all().delete()

    services.observe(top.organization_id, crossings, now=NOW)
    asked = funcs()
    OrmQ.objects.all().delete()
    told = escalation.run_due(NOW)

    # To tell now, and what follows in a minute.
    assert asked == ["alerts.tasks.escalate"] * 2
    assert (told, Delivery.objects.count()) == (25, 25)
    assert funcs().count("notifications.tasks.deliver") == 1


def test_telling_is_cut_off_in_time_and_goes_on(
    top: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.observe(top.organization_id, crossed(top, 25, "0.8"), now=NOW)
    monkeypatch.setattr(tasks, "MOST_S", 0)
    monkeypatch.setattr(escalation, "_TOLD_TOGETHER", 20)
    OrmQ.objects.all().delete()

    said = [tasks.escalate_at(NOW) for _ in range(2)]

    assert [one.split(";")[0] for one in said] == [
        "Told 20 escalation steps",
        "Told 5 escalation steps",
    ]
    assert "alerts.tasks.escalate" in funcs()


def test_workers_that_come_meanwhile_leave_word_and_go(top: Budget) -> None:
    fire(top, now=NOW)
    OrmQ.objects.all().delete()

    with turn("escalate") as mine:
        said = [tasks.escalate_at(NOW) for _ in range(3)]

    assert said == ["Another worker tells what is due."] * 3
    assert mine is not None
    assert mine.again
    assert not Delivery.objects.exists()
    assert tasks.escalate_at(NOW).startswith("Told 1 ")


def test_the_turn_of_a_worker_that_was_killed_ends(top: Budget) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        Turn.objects.create(name="escalate", until=NOW)
        assert Turned("escalate").take()  # and is never given back

        clock.shift(LASTS - timedelta(seconds=1))
        early = Turned("escalate").take()
        clock.shift(timedelta(seconds=1))
        late = Turned("escalate").take()

    assert (early, late) == (False, True)


def test_planning_asks_once_for_what_falls_into_one_second(top: Budget) -> None:
    for number in range(5):
        budget = make_budget(top.organization, f"T{number}", "9", now=NOW, parent=top)
        fire(budget, now=NOW + timedelta(milliseconds=number))
    OrmQ.objects.all().delete()

    plan(NOW)

    assert len(funcs()) == 1


def test_many_changes_are_judged_together(top: Budget) -> None:
    def watch(share: str) -> None:
        shape = ConfigurationIn(data={"alerts": [{"type": "threshold", **at(share)}]})
        shape.is_valid(raise_exception=True)
        configure(top, shape.validated_data, now=NOW)

    def at(share: str) -> dict[str, str]:
        return {"threshold": share}

    for number in range(1, 6):
        watch(f"0.{number}")
    for row in OrmQ.objects.all():
        if row.task["func"] == "costops.tasks.follow":
            follow(*row.task["args"])
    asked = funcs().count("alerts.tasks.reevaluate")
    tasks.reevaluate(top.organization_id)
    watch("0.6")
    after = funcs().count("alerts.tasks.reevaluate")
    sweep(NOW)  # a task that was lost holds nothing up
    watch("0.7")

    assert (asked, after, funcs().count("alerts.tasks.reevaluate")) == (1, 2, 3)
