"""Hard limits of tokens that many ask for at once: filled, and never passed."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget, BudgetPeriod
from budgets.reservations import sql
from budgets.reservations.release import release
from controls.decisions.services import decide, decide_together
from controls.decisions.types import CallAnswer, CallRequest
from controls.policy import TokenEstimate, Where
from tests.concurrency.interleaving import meeting_after, several_servers
from tests.controls.factories import make_hard
from tests.factories import at_once, report, usage_record
from tests.sizes import size

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
LIMIT = 1_000  # tokens
ONE = 10  # of each call
CLIENTS = size(16, 64)
CALLS = size(9, 20)  # of each client


@pytest.fixture(autouse=True)
def _servers() -> Iterator[None]:
    with several_servers(3):
        yield


@pytest.fixture
def top(acme: Organization) -> Budget:
    """Tokens on two levels, and money beside them: of each there is enough for some."""
    make_hard(acme, "Money", "100000")
    top = make_hard(acme, "Tokens", str(LIMIT), currency="tokens")
    make_hard(acme, "Team", "5000", currency="tokens", parent=top)
    return top


def ask(tokens: int = ONE) -> CallRequest:
    return CallRequest(
        where=Where("openai", project="search"),
        model="gpt-4o",
        tokens=TokenEstimate(tokens - 1, 1),
        ttl=timedelta(minutes=10),
    )


def fill(acme: Organization) -> int:
    """Ask more often than there are tokens; return how many calls were allowed."""

    def client() -> list[CallAnswer]:
        return [decide_together(acme.pk, ask()) for _ in range(CALLS)]

    results = at_once(*[client] * CLIENTS)
    assert not [one for one in results if isinstance(one, Exception)], results
    return sum(one.uid is not None for result in results for one in result)


def test_tokens_are_filled_to_the_last_and_never_passed(
    acme: Organization, top: Budget
) -> None:
    allowed = fill(acme)

    assert allowed * ONE == LIMIT
    assert BudgetPeriod.objects.get(budget=top).reserved == LIMIT
    call_command("verify")


def test_without_the_lock_the_tokens_are_passed(
    acme: Organization, top: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controls.decisions.services.allow_outright", lambda *_: {})
    monkeypatch.setattr(sql, "locked", sql.read)
    decide(acme.pk, [ask(1)])

    with meeting_after(sql, "locked", 2, patience_s=20):
        answers = at_once(*[lambda: decide(acme.pk, [ask(LIMIT - 1)])[0]] * 2)

    assert [one.decision for one in answers] == ["allow", "allow"]


def test_tokens_are_turned_over_while_calls_settle_and_are_released(
    acme: Organization, top: Budget
) -> None:
    def client(seed: int) -> Callable[[], int]:
        def run() -> int:
            chance, used = Random(seed), 0
            for number in range(CALLS * 2):
                answer = decide_together(acme.pk, ask(chance.randint(2, 30)))
                if answer.uid is None:
                    continue
                if chance.random() < 0.5:
                    release(acme.pk, answer.uid, now=timezone.now())
                    continue
                one = usage_record(
                    id=f"{seed}-{number}",
                    project_id="search",
                    input_tokens=chance.randint(0, 1),
                    output_tokens=1,
                    timestamp=timezone.now().isoformat(),
                    authorization_id=str(answer.uid),
                )
                report(acme, one)
                used += one["input_tokens"] + one["output_tokens"]
            return used

        return run

    results = at_once(*(client(seed) for seed in range(16)))

    assert not [one for one in results if isinstance(one, Exception)], results
    period = BudgetPeriod.objects.get(budget=top)
    assert (period.spent, period.reserved) == (sum(results), 0)
    call_command("verify")
