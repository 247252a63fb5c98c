"""Caps of runs that many spend of at the same time: filled, and never passed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from unittest.mock import patch

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Run
from budgets.reservations.release import release
from budgets.runs import Runs
from controls.decisions.services import decide, decide_together
from controls.decisions.types import CallAnswer, CallRequest
from controls.policy import Where
from tests.concurrency.interleaving import meeting_after, several_servers
from tests.factories import at_once, report, usage_record
from tests.sizes import size

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
CENT = 10**8  # units
CAP = 100  # cents
CLIENTS = size(16, 64)
CALLS = size(9, 20)  # of each client


@pytest.fixture(autouse=True)
def _servers() -> Iterator[None]:
    with several_servers(3):
        yield


def ask(cents: int, run: str = "agent") -> CallRequest:
    return CallRequest(
        where=Where("openai", project="search"),
        model="gpt-4o",
        estimate=cents * CENT,
        ttl=timedelta(minutes=10),
        run_id=run,
        run_cap=CAP * CENT,
    )


def fill(acme: Organization) -> list[CallAnswer]:
    """Ask for a cent at a time, more often than there are cents."""

    def client() -> list[CallAnswer]:
        return [decide_together(acme.pk, ask(1)) for _ in range(CALLS)]

    results = at_once(*[client] * CLIENTS)
    assert not [one for one in results if isinstance(one, Exception)], results
    return [answer for result in results for answer in result]


def test_a_cap_is_filled_to_the_cent_and_never_passed(acme: Organization) -> None:
    answers = fill(acme)

    assert sum(one.units for one in answers) == CAP * CENT
    assert sum(one.decision == "block" for one in answers) == CLIENTS * CALLS - CAP
    assert Run.objects.get().left == 0
    call_command("verify")


@contextmanager
def _unlocked() -> Iterator[None]:
    with patch.object(QuerySet, "select_for_update", lambda rows, **_: rows):
        yield


def test_without_its_lock_the_cap_is_passed(acme: Organization) -> None:
    decide(acme.pk, [ask(0)])

    with _unlocked(), meeting_after(Runs, "lock", 2, patience_s=20):
        answers = at_once(*[lambda: decide(acme.pk, [ask(CAP)])[0]] * 2)

    assert [one.decision for one in answers] == ["allow", "allow"]


def test_nobody_waits_for_who_waits_for_them(acme: Organization) -> None:
    """Runs that are new to all, in batches that name several in any order."""

    def client(seed: int) -> Callable[[], None]:
        def run() -> None:
            chance = Random(seed)
            for number in range(CALLS):
                names = chance.sample("abcdef", 3)
                one = decide_together(acme.pk, ask(1, names[0]))
                if one.uid and number % 2:
                    release(acme.pk, one.uid, now=timezone.now())
                used = [
                    usage_record(
                        id=f"{seed}-{number}-{name}",
                        cost="0.01",
                        run_id=name,
                        authorization_id=str(one.uid) if name == names[0] else None,
                    )
                    for name in names
                ]
                report(acme, *used)

        return run

    results = at_once(*(client(seed) for seed in range(16)))

    assert not [one for one in results if isinstance(one, Exception)], results
    call_command("verify")
