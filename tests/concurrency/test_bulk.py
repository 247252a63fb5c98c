"""Bulk changes that several workers take up, while usage comes in."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget, BudgetPeriod
from bulk.errors import NotReady
from bulk.models import BulkChange, BulkState
from bulk.services import take_up_lost, work
from tests.bulk.sheets import as_csv, confirmed, looked_at
from tests.concurrency.interleaving import at_once_behind, locked
from tests.factories import at_once, make_tree, report, usage_record

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]


def use(acme: Organization, name: str, cost: str, team: str) -> None:
    now = timezone.now().isoformat()
    report(acme, usage_record(id=name, cost=cost, team_id=team, timestamp=now))


@pytest.fixture
def change(acme: Organization) -> BulkChange:
    make_tree(acme)
    use(acme, "before", "3", "new-0")
    table: list[dict[str, Any]] = [
        {"name": f"New {n}", "parent": "Acme", "amount": "9", "teams": f"new-{n}"}
        for n in range(20)
    ]
    return looked_at(acme, as_csv([*table, {"name": "Acme", "amount": "2000"}]))


def do(change: BulkChange) -> Callable[[], str]:
    return lambda: work(change.pk, clock=timezone.now)


def test_of_many_who_confirm_one_does_and_of_many_workers_one_applies(
    acme: Organization, change: BulkChange
) -> None:
    yes = [lambda: confirmed(change)] * 4

    answers = at_once_behind(locked(BulkChange.objects.filter(pk=change.pk)), *yes)

    assert sorted(type(one).__name__ for one in answers) == [
        "BulkChange",
        *[NotReady.__name__] * 3,
    ]
    told = at_once(*[do(change)] * 4)
    assert sorted(told)[0] == "Applied 21 steps."
    assert Budget.objects.filter(name__startswith="New").count() == 20


def test_usage_that_comes_in_meanwhile_is_charged_once(
    acme: Organization, change: BulkChange
) -> None:
    confirmed(change)

    def users_of(team: int) -> Callable[[], None]:
        def run() -> None:
            for number in range(20):
                use(acme, f"{team}-{number}", "0.5", f"new-{team}")

        return run

    answers = at_once(do(change), *map(users_of, range(4)))

    assert answers[0] == "Applied 21 steps.", answers
    spent = BudgetPeriod.objects.filter(budget__name__in=["New 0", "New 3", "Acme"])
    sums = {one.budget.name: one.spent for one in spent.select_related("budget")}
    assert sums == {"New 0": 13, "New 3": 10, "Acme": 43}
    call_command("verify")


def test_what_a_dead_worker_left_is_taken_up(
    acme: Organization, change: BulkChange
) -> None:
    confirmed(change)
    BulkChange.objects.update(
        state=BulkState.APPLYING, claimed_at=timezone.now() - timedelta(minutes=11)
    )

    assert take_up_lost(timezone.now()) == 1
    assert do(change)() == "Applied 21 steps."
    assert do(change)() == "There is nothing to do."


def test_who_was_thought_dead_does_nothing(
    change: BulkChange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another took it up: what the first would do then is not done twice."""
    confirmed(change)

    def held_late(_: int) -> None:
        BulkChange.objects.update(claimed_at=timezone.now())

    monkeypatch.setattr("bulk.services.hold_alone", held_late)

    assert do(change)() == "Another worker has taken it up."
    assert not Budget.objects.filter(name__startswith="New").exists()
