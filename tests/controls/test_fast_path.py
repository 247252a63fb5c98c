"""Calls that nothing speaks against: allowed in one go, or looked at closely after all.

The process knows the organization already here, as it does after its first decision.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.test import TestCase
from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget, Reservation
from budgets.reservations.lines import lines_of
from controls.configuration import switch_off
from controls.decisions import services
from controls.decisions.types import CallAnswer, CallRequest, LeaseRequest
from controls.policy import Where
from lib.money import to_units
from tests.controls.factories import make_hard, money_of
from tests.controls.guarding import given, guard

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def company(acme: Organization) -> Budget:
    return make_hard(acme, "Company", "10")


@pytest.fixture
def search(acme: Organization, company: Budget) -> Budget:
    scope = {"projects": ["search"]}
    return make_hard(acme, "Search", "5", parent=company, scope=scope)


@pytest.fixture
def _known(company: Budget, search: Budget) -> None:
    decide(company, ask(), ask(project="other"))
    Reservation.objects.all().delete()
    company.periods.update(reserved=0)
    search.periods.update(reserved=0)


@pytest.fixture
def _all_outright(_known: None) -> Iterator[None]:
    with patch.object(
        services, "_decide_in_batch", side_effect=AssertionError("looked at")
    ):
        yield


def ask(cost: str = "1", project: str = "search", **where: Any) -> CallRequest:
    return CallRequest(
        where=Where("openai", project=project, **where),
        model="gpt-4o",
        estimate=to_units(Decimal(cost)),
        ttl=MINUTE,
    )


def decide(budget: Budget, *asks: CallRequest) -> list[CallAnswer]:
    """Decide *asks* together; the process remembers what it read, as after a commit."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        return list(services.decide(budget.organization_id, asks))


@pytest.mark.usefixtures("_all_outright")
def test_what_fits_is_set_aside_without_a_closer_look(
    company: Budget, search: Budget
) -> None:
    answers = decide(company, ask("1.5"), ask("2", "other"), ask("3.5"))

    assert [one.decision for one in answers] == ["allow"] * 3
    assert money_of(company) == (0, 7)
    assert money_of(search) == (0, 5)
    kept = Reservation.objects.earliest("granted")
    assert kept.granted == kept.held == Decimal("1.5")
    assert kept.path["project"] == "search"
    assert [(line.budget_id, line.units) for line in lines_of(kept)] == [
        (search.pk, to_units(Decimal("1.5"))),
        (company.pk, to_units(Decimal("1.5"))),
    ]


@pytest.mark.usefixtures("_all_outright")
def test_a_free_call_holds_nothing(company: Budget) -> None:
    (answer,) = decide(company, ask("0"))

    assert answer.decision == "allow"
    assert lines_of(Reservation.objects.get()) == []
    assert money_of(company) == (0, 0)


@pytest.mark.usefixtures("_known")
def test_what_does_not_fit_takes_nothing_anywhere(
    company: Budget, search: Budget
) -> None:
    """The company has room, the project has not."""
    answers = decide(company, ask("4"), ask("1.0000000001"))

    assert [one.decision for one in answers] == ["allow", "block"]
    assert answers[1].reasons[0].budget == str(search.uid)
    assert money_of(company) == money_of(search) == (0, 4)
    assert Reservation.objects.count() == 1


@pytest.mark.usefixtures("_known")
def test_those_that_are_looked_at_closely_are_answered_in_their_places(
    company: Budget, search: Budget
) -> None:
    lease = LeaseRequest(
        where=ask().where, model="gpt-4o", ttl=MINUTE, wanted=1, least=1
    )
    unpriced = ask()
    unpriced.estimate, unpriced.model = None, "nobody-knows"

    answers = decide(company, lease, ask("2"), unpriced, ask("1", "other"))

    assert [one.decision for one in answers] == ["allow"] * 4
    assert [one.priced for one in answers] == [True, True, False, True]
    assert [one.units for one in answers][1:] == [2 * 10**10, 0, 10**10]


@pytest.mark.usefixtures("_known")
def test_what_fails_when_looked_at_has_nothing_allowed_twice(company: Budget) -> None:
    failing = [OperationalError("deadlock detected")]
    decide_in_batch = services._decide_in_batch

    def fails_once(*given: Any) -> Any:
        if failing:
            raise failing.pop()
        return decide_in_batch(*given)

    unpriced = ask()
    unpriced.estimate, unpriced.model = None, "nobody-knows"
    with patch.object(services, "_decide_in_batch", fails_once):
        answers = decide(company, ask("3", "other"), unpriced)

    assert [one.decision for one in answers] == ["allow"] * 2
    assert money_of(company) == (0, 3)
    assert Reservation.objects.count() == 2


@pytest.mark.usefixtures("_known")
def test_a_fault_of_a_closer_look_is_raised_for_whom_it_concerns(
    company: Budget,
) -> None:
    unpriced = ask()
    unpriced.estimate, unpriced.model = None, "nobody-knows"
    broken = OperationalError("server closed the connection")

    with patch.object(services, "_decide_in_batch", side_effect=broken):
        first, second = services._decide_each(
            company.organization_id, [ask("3", "other"), unpriced]
        )
        with pytest.raises(OperationalError):
            decide(company, unpriced)

    assert isinstance(first, CallAnswer)
    assert first.decision == "allow"
    assert second is broken


@pytest.mark.usefixtures("_known")
def test_more_than_any_database_counts_is_refused(company: Budget) -> None:
    answers = decide(company, *[ask("100000000")] * 12)

    assert {one.decision for one in answers} == {"block"}


def _new_rule(company: Budget) -> None:
    guard(company, given("block", 'project == "search"'))


def _switch(company: Budget) -> None:
    switch_off(company, now=timezone.now())


def _new_limit(company: Budget) -> None:
    scope = {"users": ["ann"]}
    make_hard(company.organization, "Ann", "0.5", parent=company, scope=scope)


@pytest.mark.usefixtures("_known")
@pytest.mark.parametrize("change", [_new_rule, _switch, _new_limit])
def test_what_changed_since_counts_at_once(company: Budget, change: Any) -> None:
    change(company)

    (answer,) = decide(company, ask("1", user="ann"))

    assert answer.decision == "block"
    assert money_of(company) == (0, 0)


@pytest.mark.usefixtures("_known")
def test_rules_that_look_at_the_call_alone_need_no_batch(company: Budget) -> None:
    guard(company, given("block", 'environment == "development"'))
    decide(company, ask("1"))  # it learns of the rule

    with patch.object(
        services, "_decide_in_batch", wraps=services._decide_in_batch
    ) as batch:
        answers = decide(company, ask("1"), ask("1", environment="development"))

    assert [one.decision for one in answers] == ["allow", "block"]
    assert len(batch.call_args.args[1]) == 1


@pytest.mark.usefixtures("_known")
def test_rules_that_look_at_the_budget_are_looked_at_closely(company: Budget) -> None:
    guard(company, given("block", "remaining <= 8"))
    first = decide(company, ask("1"), ask("1"))

    (last,) = decide(company, ask("1"))

    assert [one.decision for one in first] == ["allow", "allow"]
    assert last.decision == "block"


@pytest.mark.usefixtures("_known")
def test_limits_in_other_money_are_compared_in_their_own(
    acme: Organization, company: Budget
) -> None:
    scope = {"teams": ["berlin"]}
    berlin = make_hard(acme, "Berlin", "1", parent=company, scope=scope, currency="EUR")
    (met,) = decide(company, ask("0.10", "other", team="berlin"))

    (again,) = decide(company, ask("0.10", "other", team="berlin"))

    assert met.decision == again.decision == "allow"
    reserved = money_of(berlin)[1]
    assert reserved not in {0, Decimal("0.2")}
    assert money_of(company)[1] == Decimal("0.2")
