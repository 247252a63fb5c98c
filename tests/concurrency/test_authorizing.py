"""Money that many ask for at the same time: never passed, never refused falsely.

A sum over what was allowed, made here, is the oracle; the rows have to agree with it.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget, BudgetPeriod, Reservation
from budgets.reservations import sql
from budgets.reservations.expire import expire
from budgets.reservations.release import release
from budgets.reservations.sql import postgresql
from budgets.services import change_budget, move_budget, plan_of
from controls.configuration import configure
from controls.decisions.fast_path import allow_outright
from controls.decisions.release import release_call
from controls.decisions.services import decide, decide_together
from controls.decisions.types import CallAnswer, CallRequest, LeaseRequest
from controls.policy import Where
from lib.money import to_units
from tests.concurrency.interleaving import (
    at_once_behind,
    jostling,
    locked,
    meeting_after,
    several_servers,
)
from tests.controls.factories import make_hard
from tests.factories import at_once, make_organization, report, usage_record

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]

SERVERS = 3
CLIENTS = 12
CALLS = 25  # of each client
CENT = 10**8  # units
LIMIT = 100  # cents


@pytest.fixture(autouse=True)
def _servers() -> Iterator[None]:
    with several_servers(SERVERS):
        yield


@pytest.fixture
def tree() -> tuple[Organization, list[Budget]]:
    """Four levels of hard limits; the root's is the one that is reached."""
    organization = make_organization()
    root = make_hard(organization, "Company", "1")
    levels = [root]
    for name, amount in (("Engineering", "50"), ("Search", "50"), ("Ranking", "50")):
        levels.append(make_hard(organization, name, amount, parent=levels[-1]))
    return organization, levels


FORGOTTEN = timedelta(minutes=10)
MINUTE = timedelta(minutes=1)


def ask(cents: int, user: str = "ann", ttl: timedelta = FORGOTTEN) -> CallRequest:
    where = Where("openai", project="search", user=user)
    return CallRequest(where=where, model="gpt-4o", estimate=cents * CENT, ttl=ttl)


def ask_lease(cents: int, least: int, held: CallAnswer | None = None) -> LeaseRequest:
    """Want *cents*, and no less than *least* units, more than is held."""
    return LeaseRequest(
        where=Where("openai", project="search"),
        model="gpt-4o",
        ttl=timedelta(minutes=1),
        wanted=cents * CENT,
        least=least,
        lease=held.uid if held else None,
    )


def use(
    organization: Organization, answer: CallAnswer, cents: int, usage_id: str
) -> None:
    """Book what a call cost."""
    report(
        organization,
        usage_record(
            id=usage_id,
            project_id="search",
            timestamp=timezone.now().isoformat(),
            cost=f"{cents / 100:.2f}",
            authorization_id=str(answer.uid),
        ),
    )


def allowed(answers: list[CallAnswer]) -> int:
    """Return how many cents were allowed."""
    wrong = [one for one in answers if isinstance(one, Exception)]
    assert not wrong, wrong
    return sum(one.units for one in answers if one.decision == "allow") // CENT


def assert_sound(budget: Budget) -> None:
    period = BudgetPeriod.objects.get(budget=budget)
    assert period.spent + period.reserved <= period.limit
    call_command("verify")


@pytest.mark.parametrize("together", [True, False], ids=["grouped", "each-alone"])
def test_a_limit_is_filled_to_the_cent_and_never_passed(
    tree: tuple[Organization, list[Budget]], *, together: bool
) -> None:
    organization, levels = tree

    def one() -> CallAnswer:
        if together:
            return decide_together(organization.pk, ask(1))
        return decide(organization.pk, [ask(1)])[0]

    with jostling(BudgetPeriod.objects.filter(budget=levels[0]), SERVERS):
        results = at_once(*[lambda: [one() for _ in range(CALLS)]] * CLIENTS)

    answers = [answer for result in results for answer in result]
    assert allowed(answers) == LIMIT
    assert sum(one.decision == "block" for one in answers) == CLIENTS * CALLS - LIMIT
    assert_sound(levels[0])


def test_no_call_is_refused_while_there_is_room_for_it(
    tree: tuple[Organization, list[Budget]],
) -> None:
    """What is left when a call is refused is less than it asked for."""
    organization, levels = tree

    def client(seed: int) -> Callable[[], list[tuple[int, CallAnswer]]]:
        chance = Random(seed)
        sizes = [chance.randint(1, 9) for _ in range(CALLS)]
        return lambda: [
            (cents, decide_together(organization.pk, ask(cents))) for cents in sizes
        ]

    with jostling(BudgetPeriod.objects.filter(budget=levels[0]), SERVERS):
        results = at_once(*(client(seed) for seed in range(CLIENTS)))

    asked = [pair for result in results for pair in result]
    left = LIMIT - allowed([answer for _, answer in asked])
    assert left >= 0
    refused = [(cents, answer) for cents, answer in asked if answer.no_room]
    assert all(cents > left for cents, _ in refused)
    assert all(one.reasons[0].left < cents * CENT for cents, one in refused)
    assert_sound(levels[0])


def test_money_is_turned_over_while_calls_settle_release_and_expire(
    tree: tuple[Organization, list[Budget]],
) -> None:
    """Only what is forgotten expires: a call that comes later than that is booked all
    the same, and may then pass the limit, as the money for it was given to others.
    """
    organization, levels = tree

    def turn(name: str, chance: Random) -> int:
        cents, what = chance.randint(1, 5), chance.choice(["use", "release", "forget"])
        ttl = FORGOTTEN if what == "forget" else timedelta(hours=1)
        answer = decide_together(organization.pk, ask(cents, ttl=ttl))
        if answer.uid is None or what == "forget":
            return 0
        if what == "release":
            release(organization.pk, answer.uid, now=timezone.now())
            return 0
        actual = chance.randint(0, cents)
        use(organization, answer, actual, name)
        return actual

    def client(seed: int) -> Callable[[], int]:
        chance = Random(seed)
        return lambda: sum(turn(f"{seed}-{n}", chance) for n in range(CALLS))

    def expirer() -> int:
        for _ in range(20):
            expire(organization.pk, now=timezone.now() + FORGOTTEN + MINUTE)
        return 0

    results = at_once(*(client(seed) for seed in range(CLIENTS)), expirer)

    assert not [one for one in results if isinstance(one, Exception)], results
    expire(organization.pk, now=timezone.now() + FORGOTTEN + MINUTE)
    period = BudgetPeriod.objects.get(budget=levels[0])
    assert period.reserved == 0
    assert period.spent == Decimal(sum(results)) / 100
    assert_sound(levels[0])


def test_leases_never_pass_the_limit_and_strand_less_than_a_call_each(
    tree: tuple[Organization, list[Budget]],
) -> None:
    organization, levels = tree

    def client(seed: int) -> Callable[[], tuple[int, int]]:
        def run() -> tuple[int, int]:
            held, made = 0, 0
            lease: CallAnswer | None = None
            while True:
                if held < CENT:
                    wish = ask_lease(20, CENT - held, lease)
                    answer = decide_together(organization.pk, wish)
                    if answer.uid is None:
                        return made, held
                    lease, held = answer, held + answer.units
                held -= CENT
                made += 1
                assert lease is not None
                use(organization, lease, 1, f"{seed}-{made}")

        return run

    with jostling(BudgetPeriod.objects.filter(budget=levels[0]), SERVERS):
        results = at_once(*(client(seed) for seed in range(CLIENTS)))

    assert not [one for one in results if isinstance(one, Exception)], results
    made, stranded = (sum(each) for each in zip(*results, strict=True))
    root = BudgetPeriod.objects.get(budget=levels[0])
    left = to_units(root.limit - root.spent - root.reserved)
    assert made * CENT + stranded + left == LIMIT * CENT
    assert all(left + held < CENT for _, held in results)
    assert_sound(levels[0])


def test_the_tree_may_change_under_calls(
    tree: tuple[Organization, list[Budget]],
) -> None:
    organization, levels = tree
    leaf = levels[-1]

    def client(seed: int) -> Callable[[], None]:
        def run() -> None:
            for number in range(CALLS):
                answer = decide_together(organization.pk, ask(1))
                if answer.uid is not None and number % 2:
                    use(organization, answer, 1, f"{seed}-{number}")

        return run

    def changer() -> None:
        for number in range(6):
            move_budget(leaf, levels[number % 3])
            plan = plan_of(Budget.objects.get(pk=levels[1].pk))
            plan.amount = Decimal(40 + number)
            plan.enforcement = "soft" if number % 2 else "hard"
            change_budget(levels[1], plan, now=timezone.now())

    results = at_once(*(client(seed) for seed in range(CLIENTS)), changer)

    assert not [one for one in results if isinstance(one, Exception)], results
    assert_sound(levels[0])


def test_a_rate_limit_lets_so_many_calls_through_and_no_more(
    tree: tuple[Organization, list[Budget]],
) -> None:
    organization, levels = tree
    configure(
        levels[0],
        [
            {
                "trigger": "always",
                "action": "rate_limit",
                "config": {"max_requests_per_minute": 40},
                "notify": False,
            }
        ],
    )

    def client() -> list[CallAnswer]:
        answers = [decide_together(organization.pk, ask(1)) for _ in range(CALLS)]
        # Some calls are not made: their requests count all the same.
        for answer in answers[::2]:
            if answer.uid is not None:
                row = Reservation.objects.get(uid=answer.uid)
                release_call(row, now=timezone.now())
        return answers

    results = at_once(*[client] * CLIENTS)

    assert not [one for one in results if isinstance(one, Exception)], results
    answers = [answer for result in results for answer in result]
    assert allowed(answers) == 40
    assert {one.decision for one in answers} == {"allow", "rate_limit"}
    assert all(one.retry_after_s for one in answers if one.decision == "rate_limit")
    assert_sound(levels[0])


def test_a_reservation_ends_once_however_many_end_it(
    tree: tuple[Organization, list[Budget]],
) -> None:
    organization, levels = tree
    answers = decide(organization.pk, [ask(5) for _ in range(10)])

    def ender(way: int) -> Callable[[], None]:
        def run() -> None:
            for number, answer in enumerate(answers):
                assert answer.uid is not None
                if way % 3 == 0:
                    release(organization.pk, answer.uid, now=timezone.now())
                elif way % 3 == 1:
                    use(organization, answer, 1, f"{way}-{number}")
                else:
                    expire(organization.pk, now=timezone.now() + timedelta(hours=1))

        return run

    # All but those who leave to others what these have: before anything is given back.
    results = at_once_behind(
        locked(BudgetPeriod.objects.all()),
        *(ender(way) for way in range(9)),
        waiting=6,
    )

    assert not [one for one in results if isinstance(one, Exception)], results
    assert not Reservation.objects.filter(state="open").exists()
    assert BudgetPeriod.objects.get(budget=levels[0]).reserved == 0
    assert_sound(levels[0])


def fill(organization: Organization) -> list[CallAnswer]:
    """CallRequest for a cent at a time, more often than there are cents."""

    def client() -> list[CallAnswer]:
        return [decide(organization.pk, [ask(1)])[0] for _ in range(CALLS)]

    results = at_once(*[client] * CLIENTS)
    return [answer for result in results for answer in result]


@pytest.fixture
def alone() -> Budget:
    """One budget: of several that are not locked in order, some would deadlock."""
    return make_hard(make_organization(), "Company", "1")


def test_without_the_lock_the_limit_is_passed(
    alone: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard is what holds: these races find it out when it is gone."""
    monkeypatch.setattr("controls.decisions.services.allow_outright", lambda *_: {})
    monkeypatch.setattr(sql, "locked", sql.read)
    pk = alone.organization_id
    decide(pk, [ask(0)])

    with meeting_after(sql, "locked", 2, patience_s=20):
        answers = at_once(*[lambda: decide(pk, [ask(LIMIT)])[0]] * 2)

    assert allowed(answers) == 2 * LIMIT


@pytest.mark.parametrize("guarded", [True, False])
def test_in_one_round_trip_too_it_is_the_lock_that_holds(
    alone: Budget, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    slowly = postgresql.TAKE.replace(
        "SELECT count(", "SELECT pg_sleep(0.01) IS NOT NULL AND count(", 1
    )
    assert slowly != postgresql.TAKE
    monkeypatch.setattr(postgresql, "TAKE", slowly)
    if not guarded:
        monkeypatch.setattr(postgresql, "_lock_first", lambda _: None)

    answers = fill(alone.organization)

    assert (allowed(answers) == LIMIT) is guarded
    assert (BudgetPeriod.objects.get(budget=alone).reserved <= 1) is guarded


def test_what_does_not_fit_in_one_round_trip_holds_no_lock(alone: Budget) -> None:
    """In an open transaction too: who looks closely then locks in its own order."""
    organization_id = alone.organization_id
    decide(organization_id, [ask(1)])

    def lock() -> Decimal:
        with transaction.atomic():
            rows = BudgetPeriod.objects.select_for_update(nowait=True)
            return Decimal(rows.get(budget=alone).reserved)

    with transaction.atomic():
        assert allow_outright(organization_id, [ask(LIMIT)]) == {}
        assert at_once(lock) == [Decimal("0.01")]
        assert allow_outright(organization_id, [ask(1)])
        (held,) = at_once(lock)
        assert isinstance(held, OperationalError)
