"""Usage that several connections book at the same time."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet, Sum

from accounts.models import Organization
from budgets.models import Budget, BudgetPeriod
from ledger.models import Attribution, CostRecord, SpendDelta
from ledger.types import UsageOutcome
from tests.budgets.worlds import january_budget
from tests.concurrency.waiting import until_somebody_waits
from tests.factories import NOON, at_once, make_organization, report, usage_record

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]

THREADS = 4
BATCHES = 6  # of each thread
SIZE = 250  # records in a batch
USERS = 12


@pytest.fixture
def busy() -> Organization:
    """An organization with a budget for everything, two teams and many people."""
    organization = make_organization()
    everything = january_budget(organization)
    for team in range(2):
        name = f"team-{team}"
        parent = january_budget(
            organization, name, parent=everything, scope={"teams": [name]}
        )
        for person in range(team, USERS, 2):
            user = f"user-{person}"
            january_budget(organization, user, parent=parent, scope={"users": [user]})
    report(
        organization, *(_record(f"first-{person}", person) for person in range(USERS))
    )
    return organization


def test_overlapping_batches_in_any_order_count_each_id_once(
    busy: Organization,
) -> None:
    ids = range(BATCHES * SIZE // 2)
    batches = [
        [_record(f"id-{number}", number) for number in Random(seed).sample(ids, SIZE)]
        for seed in range(THREADS * BATCHES)
    ]

    outcomes = _report_at_once(busy, batches)

    fresh = [outcome for outcome in outcomes if not outcome.duplicate]
    sent = {record["id"] for batch in batches for record in batch}
    assert len(fresh) == len(sent) == CostRecord.objects.count() - USERS
    assert not any(outcome.conflict for outcome in outcomes)
    _assert_everything_adds_up()


def test_batches_that_charge_the_same_budgets_wait_for_each_other(
    busy: Organization,
) -> None:
    batches = [
        [
            _record(f"{Random(seed + number).random()}-{seed}-{number}", number)
            for number in range(SIZE)
        ]
        for seed in range(THREADS * BATCHES)
    ]

    outcomes = _report_at_once(busy, batches)

    assert not any(outcome.duplicate for outcome in outcomes)
    assert CostRecord.objects.count() == THREADS * BATCHES * SIZE + USERS
    _assert_everything_adds_up()


def test_records_are_inserted_in_the_order_of_their_ids(busy: Organization) -> None:
    # Neither as it stands nor backwards is this in order.
    batch = [_record(f"id-{number}", number) for number in (9, 1, 5, 0, 2, 3, 4, 6, 8)]

    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            _insert(busy, "id-5")
            booked = thread.submit(at_once, partial(report, busy, *batch))
            until_somebody_waits()
            # It waits for 5, so it must not have anything beyond that others wait for.
            for usage_id in ("id-6", "id-8", "id-9"):
                _insert(busy, usage_id)
            transaction.set_rollback(True)
        (outcomes,) = booked.result()

    assert not any(outcome.duplicate for outcome in outcomes)


@pytest.mark.parametrize("place", [0, USERS // 2, USERS, -1])
def test_periods_are_locked_deepest_budget_first_and_the_root_last(
    busy: Organization, place: int
) -> None:
    in_order = list(
        BudgetPeriod.objects.order_by("-budget__level", "budget").values_list(
            "pk", flat=True
        )
    )
    batch = [_record(f"id-{number}", USERS - number) for number in range(USERS)]

    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            _lock(BudgetPeriod.objects.filter(pk=in_order[place]))
            booked = thread.submit(at_once, partial(report, busy, *batch))
            until_somebody_waits()
            free = _lock(BudgetPeriod.objects.all())
        assert len(booked.result()[0]) == USERS

    assert free == set(in_order[place:])


def test_a_repeated_batch_adds_nothing(busy: Organization) -> None:
    batch = [_record(f"id-{number}", number) for number in range(SIZE)]
    report(busy, *batch)
    before = list(BudgetPeriod.objects.order_by("pk").values())

    again = _report_at_once(busy, [batch] * THREADS)

    assert all(outcome.duplicate and not outcome.conflict for outcome in again)
    assert list(BudgetPeriod.objects.order_by("pk").values()) == before
    _assert_everything_adds_up()


def _insert(organization: Organization, usage_id: str) -> None:
    """Insert a record past the pipeline; waiting for another connection fails."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '500ms'")
    CostRecord.objects.create(
        organization=organization,
        attribution=Attribution.objects.earliest("pk"),
        usage_id=usage_id,
        timestamp=NOON,
    )


def _lock(periods: QuerySet[BudgetPeriod]) -> set[int]:
    """Lock those of *periods* that nobody else has, and return their ids."""
    free = periods.select_for_update(skip_locked=True)
    return set(free.values_list("pk", flat=True))


def _record(usage_id: str, number: int) -> dict[str, Any]:
    person = number % USERS
    return usage_record(
        id=usage_id,
        input_tokens=1_000 + number,
        cached_tokens=number % 7,
        user_id=f"user-{person}",
        team_id=f"team-{person % 2}",
    )


def _report_at_once(
    organization: Organization, batches: Sequence[list[dict[str, Any]]]
) -> list[UsageOutcome]:
    """Have THREADS threads report *batches*, each its share, one after the other."""
    threads = [
        partial(_report_all, organization, batches[first::THREADS])
        for first in range(THREADS)
    ]
    found = at_once(*threads)
    for result in found:
        if isinstance(result, Exception):
            raise result
    return [outcome for outcomes in found for outcome in outcomes]


def _report_all(
    organization: Organization, batches: Sequence[list[dict[str, Any]]]
) -> list[UsageOutcome]:
    return [outcome for batch in batches for outcome in report(organization, *batch)]


def _assert_everything_adds_up() -> None:
    booked = CostRecord.objects.all()
    total = booked.aggregate(total=Sum("total_cost"))["total"]
    assert SpendDelta.objects.aggregate(total=Sum("cost"))["total"] == total
    for budget in Budget.objects.all():
        mine = booked
        if teams := budget.scope.get("teams"):
            mine = booked.filter(attribution__team__in=teams)
        elif users := budget.scope.get("users"):
            mine = booked.filter(attribution__user__in=users)
        expected = mine.aggregate(total=Sum("total_cost"))["total"]
        period = BudgetPeriod.objects.get(budget=budget)
        assert (period.spent, period.requests) == (expected, mine.count())
