"""Alerts that many workers and people are at, in real threads.

Each of these fails when the guard it is about is taken out: see its comment.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organization
from alerts import escalation, services
from alerts.evaluation import evaluate_thresholds
from alerts.models import Alert, AlertEvent, AlertState
from budgets.charging import Charging
from budgets.models import Budget, BudgetPeriod
from budgets.thresholds import Basis, ShareWatched
from budgets.types import Crossing
from lib.errors import Conflict
from notifications.models import Delivery
from tests.alerts.factories import fire, level, make_policy
from tests.concurrency.interleaving import at_once_behind, locked
from tests.controls.factories import authorize, make_hard
from tests.factories import (
    at_once,
    make_api,
    make_budget,
    make_organization,
    report,
    spend,
    usage_record,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
WORKERS = 8
REQUESTS = 1_000
LEAD = "lead@acme.example"
SECOND = timedelta(seconds=1)


@pytest.fixture
def acme() -> Organization:
    return make_organization("acme")


@pytest.fixture
def ml(acme: Organization) -> Budget:
    return make_budget(acme, "ML Team", "1000", scope={"teams": ["ml"]})


def spend_at_once(organization: Organization, numbers: range, **fields: Any) -> None:
    """Book records of one dollar, each a request, from all workers at once.

    The last of each worker's wait for each other: all see the sum before them.
    """

    def work(numbers: range) -> None:
        for number in numbers:
            now = datetime.now(UTC).isoformat()
            record = usage_record(id=f"u{number}", timestamp=now, cost="1", **fields)
            report(organization, record)

    free, last = numbers[:-WORKERS], numbers[-WORKERS:]
    shares = [partial(work, free[first::WORKERS]) for first in range(WORKERS)]
    results = at_once(*shares)
    results += at_once_behind(
        locked(BudgetPeriod.objects.filter(organization=organization)),
        *(partial(work, range(one, one + 1)) for one in last),
    )
    for result in results:
        assert result is None, result


def test_a_thousand_requests_over_a_threshold_make_one_alert(
    acme: Organization, ml: Budget
) -> None:
    # Fails where the sum that tells who passed a threshold is not what the UPDATE left.
    make_policy(ml, level(0, LEAD))

    for first, last in pairwise([0, 800, 952, REQUESTS]):  # just past each threshold
        spend_at_once(acme, range(first, last), team_id="ml")

    assert Counter(Alert.objects.values_list("key", flat=True)) == {
        "threshold:0.8": 1,
        "threshold:0.95": 1,
        "threshold:1": 1,
    }
    assert Delivery.objects.filter(recipient=LEAD).count() == 3
    assert AlertEvent.objects.filter(kind="fired").count() == 3


def test_two_budgets_of_one_tree_make_two_alerts(
    acme: Organization, ml: Budget
) -> None:
    search = make_budget(acme, "Search", "900", parent=ml, scope={"projects": ["s"]})

    # As above, with the periods of both in one statement.
    for first, last in pairwise([0, 720, 800]):
        spend_at_once(acme, range(first, last), team_id="ml", project_id="s")

    found = Alert.objects.filter(key="threshold:0.8")
    assert sorted(found.values_list("budget", flat=True)) == sorted([ml.pk, search.pk])


def test_the_sweep_and_usage_that_see_the_same_make_one_alert(
    acme: Organization, ml: Budget
) -> None:
    # Fails without the unique constraint: nothing else keeps the two apart.
    for share in ("0.8", "0.95"):
        period = _period(ml, Decimal(share) * 1000)
        crossing = Crossing(
            ml.pk, period.pk, Decimal(share), period.spent, Decimal(1000)
        )

        def notice(crossing: Crossing = crossing) -> None:
            with transaction.atomic():
                services.observe(acme.pk, [crossing], now=timezone.now())

        results = at_once(
            *[notice] * 4,
            *[lambda: evaluate_thresholds(acme, now=timezone.now())] * 4,
        )

        assert not [one for one in results if isinstance(one, Exception)], results
    assert Counter(Alert.objects.values_list("key", flat=True)) == {
        "threshold:0.8": 1,
        "threshold:0.95": 1,
    }
    assert AlertEvent.objects.filter(kind="fired").count() == 2


# Without the constraint of one open alert: one of each worker that looks.
def test_what_many_calls_set_aside_is_told_once(acme: Organization) -> None:
    saved = ShareWatched(Decimal("0.5"), basis=Basis.COMMITTED).saved
    budget = make_hard(acme, "All", "100", alerts=[saved])
    spend(acme, "1")  # its period is open
    call = partial(authorize, make_api(organization=acme), estimated_cost="1")
    look = partial(evaluate_thresholds, acme, now=timezone.now())

    for _ in range(3):
        results = at_once(*[call] * 20, *[look] * 4)

        assert not [one for one in results if isinstance(one, Exception)], results
    evaluate_thresholds(acme, now=timezone.now())

    assert budget.periods.get().reserved == 60
    assert [one.key for one in Alert.objects.all()] == ["threshold:committed:0.5"]
    assert AlertEvent.objects.filter(kind="fired").count() == 1


def _period(budget: Budget, spent: Decimal) -> BudgetPeriod:
    now = timezone.now()
    window = Charging(budget.organization).index.budgets[budget.pk].window_at(now)
    period, _ = BudgetPeriod.objects.update_or_create(
        organization=budget.organization,
        budget=budget,
        starts_at=window.start,
        defaults={"ends_at": window.end, "amount": budget.amount, "spent": spent},
    )
    return period


def test_eight_workers_make_each_step_once(
    ml: Budget, caplog: pytest.LogCaptureFixture
) -> None:
    # Fails where `tell` does not hold the alerts: then only the constraints on events
    # hold the others back, loudly.
    now = timezone.now()
    make_policy(ml, *(level(minutes, LEAD) for minutes in range(6)))
    fire(ml, now=now, recipients=(LEAD,))

    made = []
    for minute in range(6):
        moment = now + timedelta(minutes=minute)
        made.append(at_once(*[lambda at=moment: escalation.run_due(at)] * WORKERS))

    assert [sorted(one)[-1] for one in made] == [2, 1, 1, 1, 1, 1]
    assert [sum(one) for one in made] == [2, 1, 1, 1, 1, 1]
    assert AlertEvent.objects.filter(kind="told").count() == 7
    assert Delivery.objects.count() == 6
    assert not caplog.records


def test_nobody_is_told_once_somebody_has_acknowledged(ml: Budget) -> None:
    # Fails where `tell` asks for all alerts it is given, and not for their state anew.
    now = timezone.now()
    make_policy(ml, *(level(minutes, LEAD) for minutes in range(3)))
    alert = fire(ml, now=now, recipients=(LEAD,))
    due = now + timedelta(minutes=2)
    tell = escalation.tell

    def after_the_answer(*args: Any, **options: Any) -> int:
        # The worker has found that a step is due; now somebody is quicker.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(
                at_once, partial(services.acknowledge, alert, by=LEAD, now=due)
            ).result()
        return tell(*args, **options)

    with patch.object(escalation, "tell", after_the_answer):
        told = escalation.run_due(due)

    assert told == 0
    assert not Delivery.objects.exists()
    assert list(AlertEvent.objects.values_list("kind", flat=True)) == [
        "fired",
        "acknowledged",
    ]


def test_answers_and_steps_at_once_leave_one_story(ml: Budget) -> None:
    # Fails where `tell` does not hold the alerts.
    now = timezone.now()
    for number in range(12):
        alert = fire(ml, now=now, key=f"spike:{number}", recipients=(LEAD,))

        def answer(alert: Alert = alert) -> None:
            mine = Alert.objects.select_related("budget", "organization").get(
                pk=alert.pk
            )
            services.acknowledge(mine, by=LEAD, now=now)

        at_once(*[lambda: escalation.run_due(now)] * 4, *[answer] * 4)

        alert.refresh_from_db()
        kinds = list(alert.events.order_by("pk").values_list("kind", flat=True))
        assert alert.state == AlertState.ACKNOWLEDGED
        assert alert.next_step_at is None
        assert kinds.count("told") == alert.next_step <= 1
        assert "told" not in kinds[kinds.index("acknowledged") :]


def test_of_eight_people_one_acknowledges(ml: Budget) -> None:
    # Fails without what was seen in the condition of the UPDATE in `_move`.
    now = timezone.now()
    alert = fire(ml, now=now)
    rows = Alert.objects.select_related("budget", "organization")
    seen = [rows.get(pk=alert.pk) for _ in range(WORKERS)]

    results = at_once(
        *(
            partial(services.acknowledge, one, by=f"p{number}@acme.example", now=now)
            for number, one in enumerate(seen)
        )
    )

    refused = [one for one in results if isinstance(one, Conflict)]
    assert len(refused) == WORKERS - 1
    alert.refresh_from_db()
    assert {str(one).split(" has ")[0] for one in refused} == {alert.acknowledged_by}
    assert alert.events.filter(kind="acknowledged").count() == 1


def test_what_lapses_is_taken_up_once(ml: Budget) -> None:
    # Fails without `state` in the condition of the UPDATE in `_fire_again`.
    now = timezone.now()
    alert = fire(ml, now=now)
    services.acknowledge(alert, by=LEAD, until=now + SECOND, now=now)

    results = at_once(*[lambda: services.come_back(now + SECOND)] * WORKERS)

    alert.refresh_from_db()
    assert sorted(results) == [0] * (WORKERS - 1) + [1]
    assert len(alert.steps) == 1
    assert alert.events.filter(kind="lapsed").count() == 1


def test_what_is_resolved_while_it_ends_is_rearmed(ml: Budget) -> None:
    # Fails without `resolved_at` in the condition of the UPDATE in `_move` or `end`.
    now = timezone.now()
    for number in range(12):
        alert = fire(ml, now=now, key=f"spike:{number}")

        def answer(alert: Alert = alert) -> None:
            mine = Alert.objects.select_related("budget", "organization").get(
                pk=alert.pk
            )
            with suppress(Conflict):
                services.resolve(mine, by=LEAD, now=now)

        at_once(answer, partial(services.end, [alert.pk], now=now, why="Over."))
        services.end([alert.pk], now=now, why="Over.")

        alert.refresh_from_db()
        assert alert.state == AlertState.RESOLVED
        assert alert.rearmed_at is not None
        assert alert.events.filter(kind="resolved").count() == 1
