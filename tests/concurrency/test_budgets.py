"""Many writers and changes of the trees at once, in real threads.

Each of these fails when the guard it is about is taken out: see its comment.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import Organization
from accounts.types import Caller
from budgets import backfill, services
from budgets.closing import sweep_periods
from budgets.models import Backfill, Budget, BudgetPeriod, Coverage
from budgets.rollup import roll_up
from budgets.services import BudgetPlan
from budgets.verification import broken_trees
from intake.services import receive
from ledger.models import Attribution, CostRecord, DailySpend, SpendBatch
from ledger.types import UsageOutcome
from ledger.usage import Usage, check
from lib.errors import Refusal
from tests.budgets.worlds import differences, jan, january_budget
from tests.concurrency.interleaving import at_once_behind, locked
from tests.factories import at_once, make_organization, report, usage_record
from tests.sizes import size

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
HOUR = timedelta(hours=1)
WRITERS = 16
SEVERAL = 2000  # records: PostgreSQL inserts some while others are still on their way


def record_of(number: int) -> dict[str, Any]:
    """Return the one record with that number: many attributions, days and prices."""
    random = Random(number)
    return usage_record(
        id=f"u{number}",
        timestamp=(jan(1) + random.randrange(60 * 24) * HOUR).isoformat(),
        model=random.choice(["gpt-4o", "gpt-4o", "unheard-of"]),
        team_id=random.choice("abc"),
        project_id=random.choice("xyz"),
        user_id=f"user{number % 30}",
    )


def batches_of(
    seed: int, *, rounds: int, known: int, size: int
) -> list[list[dict[str, Any]]]:
    """Return *rounds* of *size* of the first *known* records, in any order."""
    random = Random(seed)
    return [
        [record_of(number) for number in random.sample(range(known), size)]
        for _ in range(rounds)
    ]


def sent_by(writers: int, **load: int) -> set[str]:
    return {
        record["id"]
        for seed in range(writers)
        for batch in batches_of(seed, **load)
        for record in batch
    }


def assert_booked_once(sent: set[str]) -> None:
    booked = list(CostRecord.objects.values_list("usage_id", flat=True))
    assert len(booked) == len(set(booked))
    assert set(booked) == sent


def assert_all_went_well(results: list[Any]) -> None:
    """Fail with the first thing that went wrong in a thread, as it was raised there."""
    for result in results:
        if isinstance(result, Exception):
            raise result


def finish(organization: Organization) -> None:
    backfill.continue_all()
    assert list(broken_trees(list(Budget.objects.all()))) == []
    assert differences(organization) == []
    roll_up(organization.pk)
    assert differences(organization) == []


@pytest.fixture
def company() -> Organization:
    """Three levels of budgets, some of them in euros."""
    organization = make_organization()
    root = january_budget(organization, "Root", starts_at=jan(1))
    for team in "abc":
        middle = january_budget(
            organization,
            f"Team {team}",
            parent=root,
            scope={"teams": [team]},
            starts_at=jan(1),
            currency="EUR" if team == "c" else "USD",
        )
        for project in "xyz":
            january_budget(
                organization,
                f"Project {project} of {team}",
                parent=middle,
                scope={"teams": [team], "projects": [project]},
                starts_at=jan(1),
                period="daily",
            )
    return organization


@pytest.fixture
def short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave every backfill to those who step through it."""
    monkeypatch.setattr(backfill, "AT_ONCE", 100)
    monkeypatch.setattr(backfill, "CHUNK", 150)
    monkeypatch.setattr(backfill, "enqueue", lambda *task: None)


def writer(
    organization: Organization, seed: int, *, rounds: int, known: int, size: int
) -> Callable[[], None]:
    """Return what sends batches of the first *known* records, in any order."""

    def write() -> None:
        for batch in batches_of(seed, rounds=rounds, known=known, size=size):
            report(organization, *batch)

    return write


def repeatedly(times: int, act: Callable[[int], Any]) -> Callable[[], None]:
    def go() -> None:
        for number in range(times):
            act(number)

    return go


# Without the order by usage id: deadlocks.
def test_the_same_new_records_sent_at_once_in_any_order_are_booked_once(
    company: Organization,
) -> None:
    report(company, usage_record(id="first"))  # the attribution is known from now on

    def send(turn: int, seed: int) -> Callable[[], Any]:
        records = [usage_record(id=f"{turn} {number}") for number in range(SEVERAL)]
        Random(seed).shuffle(records)
        return lambda: report(company, *records)

    for turn in range(2):

        def insert_one_of_them(turn: int = turn) -> None:
            CostRecord.objects.create(
                organization=company,
                attribution=Attribution.objects.get(),
                usage_id=f"{turn} {SEVERAL // 2}",
                timestamp=jan(1),
            )

        senders = (send(turn, seed) for seed in range(4))
        assert_all_went_well(at_once_behind(insert_one_of_them, *senders))

    assert CostRecord.objects.count() == 1 + 2 * SEVERAL
    finish(company)


def test_overlapping_batches_in_any_order_are_booked_once(
    company: Organization,
) -> None:
    load = {"rounds": 2, "known": 500, "size": 200}

    assert_all_went_well(
        at_once(*(writer(company, seed, **load) for seed in range(WRITERS)))
    )

    assert_booked_once(sent_by(WRITERS, **load))
    finish(company)


# Without the lock of the organization, held shared or held alone: sums that are wrong.
def test_trees_change_under_the_writers(
    company: Organization, short_steps: None
) -> None:
    load = {
        "rounds": size(2, 3),
        "known": size(200, 900),
        "size": size(30, 50),
    }
    writers, backfills = size(6, WRITERS), size(4, 8)

    assert_all_went_well(
        at_once(
            *(writer(company, seed, **load) for seed in range(writers)),
            repeatedly(
                size(6, 12), lambda number: change_something(company, Random(number))
            ),
            repeatedly(size(4, 8), lambda _: roll_up(company.pk)),
            repeatedly(
                size(2, 3), lambda n: sweep_periods(now=jan(1) + n * 20 * 24 * HOUR)
            ),
            repeatedly(backfills, lambda _: backfill.continue_all()),
            repeatedly(backfills, lambda _: backfill.continue_all()),
        )
    )

    assert_booked_once(sent_by(writers, **load))
    finish(company)


def change_something(organization: Organization, random: Random) -> None:
    """Make, move, re-scope, re-date or archive any budget; it may be refused."""
    budgets = list(Budget.objects.filter(organization=organization, archived_at=None))
    budget, other = random.choice(budgets), random.choice([*budgets, None])
    plan = services.plan_of(budget)
    what = random.choice(["make", "move", "re-scope", "re-date", "archive"])
    plan.scope = {"teams": [random.choice("abc")]}
    if what == "re-date":
        plan.timezone = random.choice(["Asia/Kolkata", "UTC"])
        plan.starts_at = jan(random.randrange(1, 28))
    with suppress(Refusal):
        if what == "make":
            plan.parent = other
            services.create_budget(organization, plan, now=jan(15))
        elif what == "move":
            services.move_budget(budget, other)
        elif what == "archive" and len(budgets) > 6:
            services.archive_budget(budget, now=jan(random.randrange(1, 31)))
        else:
            services.change_budget(budget, plan, now=jan(15))


# Locking the organization's row too: who books waits, and then there are deadlocks.
def test_a_step_of_a_backfill_stops_nobody_who_books(short_steps: None) -> None:
    organization = make_organization()
    report(organization, *map(record_of, range(200)))
    january_budget(organization, scope={"teams": ["a"]}, starts_at=jan(1))

    def book() -> Sequence[UsageOutcome]:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '3s'")
        return report(organization, usage_record(id="new", team_id="b", user_id="new"))

    with transaction.atomic():
        assert backfill.step(Backfill.objects.get().pk)
        results = at_once(book)

    assert_all_went_well(results)
    assert not results[0][0].duplicate
    finish(organization)


# Without the lock of all trees: two trees with one number.
def test_roots_made_at_once_in_many_organizations_are_trees_of_their_own() -> None:
    organizations = [make_organization(f"org{number}") for number in range(6)]

    def make(organization: Organization) -> Callable[[], None]:
        def go() -> None:
            for number in range(2):
                root = january_budget(organization, f"{number}")
                leaf = january_budget(organization, f"below {number}", parent=root)
                services.move_budget(leaf, None)

        return go

    assert_all_went_well(at_once(*(make(one) for one in organizations)))

    roots = list(Budget.objects.values_list("tree_id", flat=True))
    assert len(roots) == len(set(roots)) == 24
    for organization in organizations:
        assert differences(organization) == []


# Without the locks of trees and organization: a broken tree.
def test_moves_at_once_within_one_tree_keep_it_whole(company: Organization) -> None:
    ids = list(Budget.objects.values_list("pk", flat=True))

    def move(seed: int) -> Callable[[], None]:
        def go() -> None:
            random = Random(seed)
            for _ in range(5):
                budget, parent = (
                    Budget.objects.get(pk=pk) for pk in random.sample(ids, 2)
                )
                with suppress(Refusal):
                    services.move_budget(budget, parent)

        return go

    assert_all_went_well(at_once(*(move(seed) for seed in range(6))))

    finish(company)


# Without the order of periods: deadlocks.
# Without ON CONFLICT for attributions or coverage: violated constraints.
def test_one_new_attribution_and_period_for_all_at_once(company: Organization) -> None:
    for day in range(2, 12):  # a daily budget: every day is a new period

        def book(number: int, day: int = day) -> Callable[[], Any]:
            record = usage_record(
                id=f"{day}-{number}",
                timestamp=jan(day, 12).isoformat(),
                team_id="a",
                project_id="x",
                user_id=f"new on {day}",
            )
            return lambda: report(company, record)

        assert_all_went_well(at_once(*(book(number) for number in range(8))))

        assert Attribution.objects.filter(user=f"new on {day}").count() == 1
        period = BudgetPeriod.objects.get(
            budget__name="Project x of a", starts_at=jan(day)
        )
        assert (period.requests, period.spent) == (8, Decimal("0.1"))
    assert Coverage.objects.filter(attribution__user="new on 2").count() == 3
    finish(company)


# Without the savepoint around making one: an error for all but the first.
def test_an_organization_that_many_name_for_the_first_time_is_made_once() -> None:
    caller = Caller(1, "key tests", None, None, frozenset(), None, None)

    def send(number: int) -> Callable[[], Any]:
        record = Usage(
            id=f"u{number}",
            timestamp=jan(15),
            provider="openai",
            model="gpt-4o",
            organization_id="org-new",
            input_tokens=1000,
            output_tokens=1000,
        )
        assert check(record) == ()
        return lambda: receive([record], [], caller=caller)

    receipts = at_once(*(send(number) for number in range(WRITERS)))

    assert_all_went_well(receipts)
    assert [receipt.accepted for receipt in receipts] == [1] * WRITERS
    organization = Organization.objects.get()
    assert CostRecord.objects.filter(organization=organization).count() == WRITERS
    assert differences(organization) == []


# Without ON CONFLICT for periods: violated constraints.
# Rolling up what was read instead of what was deleted: sums that are wrong.
def test_rollups_at_once_beside_writers_count_everything_once(
    company: Organization,
) -> None:
    def write(number: int) -> Callable[[], None]:
        def go() -> None:
            for turn in range(5):
                first = (number * 5 + turn) * 20
                report(company, *map(record_of, range(first, first + 20)))

        return go

    def tidy() -> None:
        for _ in range(15):
            roll_up(company.pk)

    assert_all_went_well(at_once(*(write(number) for number in range(6)), tidy, tidy))

    report(company, *map(record_of, range(600, 620)))
    batches = SpendBatch.objects.all()
    rollups = [lambda: roll_up(company.pk)] * 2
    assert_all_went_well(at_once_behind(locked(batches), *rollups))
    assert sum(DailySpend.objects.values_list("requests", flat=True)) == 620
    finish(company)


# Without the lock of the organization, held shared or held alone: sums that differ.
def test_a_budget_made_under_the_writers_misses_nothing(company: Organization) -> None:
    plan = BudgetPlan(name="New", amount=Decimal(1), scope={"projects": ["x"]})

    def write(number: int) -> Callable[[], None]:
        def go() -> None:
            for turn in range(5):
                first = (number * 5 + turn) * 20
                report(company, *map(record_of, range(first, first + 20)))

        return go

    def make() -> None:
        for _ in range(5):
            services.create_budget(company, plan, now=jan(15))

    assert_all_went_well(at_once(*(write(number) for number in range(8)), make))

    totals = {
        sum(period.spent for period in budget.periods.filter(starts_at=jan(1)))
        for budget in Budget.objects.filter(name="New")
    }
    assert len(totals) == 1
    finish(company)
