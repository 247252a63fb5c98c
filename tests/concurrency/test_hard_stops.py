"""A rule that stops at the amount, and many who ask at once: nobody passes it."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from functools import partial
from random import Random

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget, BudgetPeriod
from controls.configuration import configure
from controls.decisions.services import decide_together
from controls.decisions.types import CallAnswer, CallRequest, LeaseRequest
from controls.policy import Where
from lib.money import to_units
from tests.concurrency.interleaving import jostling, several_servers
from tests.concurrency.waiting import come_to_wait
from tests.controls.factories import make_hard
from tests.controls.guarding import given, guard
from tests.factories import at_once, make_organization, report, usage_record

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]

SERVERS, CLIENTS, CALLS = 3, 12, 25
COST = Decimal("0.97")  # of each call: 300 of them come to $291
SPELLINGS = ("gpt-4o", "GPT-4o", "openai/gpt-4o", "gpt-4o-2024-08-06")


@pytest.fixture(autouse=True)
def _servers() -> Iterator[None]:
    with several_servers(SERVERS):
        yield


@pytest.fixture
def team() -> tuple[Organization, Budget]:
    """A soft budget of $3.90 under a rule that blocks once it is spent."""
    organization = make_organization()
    scope = {"models": ["gpt-4o"]}
    team = make_hard(organization, "Team", "3.90", enforcement="soft", scope=scope)
    guard(team, given("block", "1.0 <= budget_percentage"))
    return organization, team


def ask(chance: Random) -> CallRequest:
    return CallRequest(
        where=Where(chance.choice(["openai", "openai.chat"]), user="ann"),
        model=chance.choice(SPELLINGS),
        estimate=to_units(COST),
        ttl=timedelta(minutes=10),
    )


def lease(chance: Random) -> LeaseRequest:
    return LeaseRequest(
        where=Where("openai"),
        model=chance.choice(SPELLINGS),
        ttl=timedelta(minutes=1),
        wanted=to_units(COST),
        least=to_units(COST),
    )


def set_aside(answers: list[CallAnswer]) -> Decimal:
    units = sum(one.units for one in answers if one.decision == "allow")
    return Decimal(units) / 10**10


# Without the lock of the period: it is passed.
def test_many_at_once_never_pass_it(team: tuple[Organization, Budget]) -> None:
    organization, budget = team

    def client(seed: int) -> list[CallAnswer]:
        chance = Random(seed)
        answers = []
        for number in range(CALLS):
            asked = lease(chance) if seed % 3 == 0 else ask(chance)
            answers.append(decide_together(organization.pk, asked))
            if answers[-1].decision == "allow" and number % 2:
                use(organization, answers[-1], f"{seed}-{number}")
        return answers

    clients = (partial(client, seed) for seed in range(CLIENTS))
    with jostling(BudgetPeriod.objects.filter(budget=budget), SERVERS):
        results = at_once(*clients)

    answers = [answer for result in results for answer in result]
    assert set_aside(answers) <= Decimal("3.90")
    assert set_aside(answers) > Decimal("3.90") - COST  # and what fits is allowed
    period = BudgetPeriod.objects.get(budget=budget)
    assert period.spent + period.reserved <= period.limit
    call_command("verify")


def use(organization: Organization, answer: CallAnswer, usage_id: str) -> None:
    report(
        organization,
        usage_record(
            id=usage_id,
            model="gpt-4o",
            timestamp=timezone.now().isoformat(),
            cost=str(COST),
            authorization_id=str(answer.uid),
        ),
    )


# Without the organization held alone: calls that are allowed and not held.
def test_a_rule_that_comes_while_calls_are_decided_holds_from_then_on() -> None:
    organization = make_organization()
    budget = make_hard(organization, "Team", "3.90", enforcement="soft")
    chance = Random(1)

    def client() -> list[CallAnswer]:
        return [decide_together(organization.pk, ask(chance)) for _ in range(CALLS)]

    def rule() -> list[CallAnswer]:
        with transaction.atomic():
            configure(budget, [given("block", "budget_percentage >= 1")])
            come_to_wait(SERVERS, patience_s=0.5)  # without the lock they go on
        return []

    first = decide_together(organization.pk, ask(chance))  # the process knows it now
    results = [[first], *at_once(*[client] * 6, rule)]
    held = BudgetPeriod.objects.get(budget=budget).reserved
    after = decide_together(organization.pk, ask(chance))

    assert Budget.objects.get(pk=budget.pk).enforcement == "hard"
    # What was allowed before is held now, and nothing comes on top of it.
    assert set_aside([one for result in results for one in result]) == held
    assert (after.decision == "allow") == (held + COST <= Decimal("3.90"))
    call_command("verify")
