"""A first budget, made while usage is on its way: nothing of it is missed."""

from threading import Event

import pytest
from django.db import connection, transaction

from accounts.models import Organization
from budgets.models import BudgetPeriod
from budgets.snapshots import hold_snapshot
from tests.budgets.worlds import differences, january_budget
from tests.concurrency.waiting import until_somebody_waits
from tests.factories import at_once, make_organization, report, usage_record

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
IN_TIME_S = 10


def assert_charged_once(organization: Organization, *results: object) -> None:
    assert [one for one in results if isinstance(one, Exception)] == []
    assert [period.requests for period in BudgetPeriod.objects.all()] == [1]
    assert differences(organization) == []


# Without the organization held alone, or when it is looked at before: nothing charged.
def test_usage_that_is_being_booked_is_charged_to_the_first_budget() -> None:
    organization = make_organization()
    booked, made = Event(), Event()

    def book() -> None:
        with transaction.atomic():
            report(organization, usage_record())
            booked.set()
            until_somebody_waits(unless=made.is_set)

    def make() -> None:
        assert booked.wait(IN_TIME_S)
        january_budget(organization)
        made.set()

    results = at_once(book, make)

    assert_charged_once(organization, *results)


# Without the organization held, alone or shared, or without another revision of it:
# nothing charged.
def test_usage_that_comes_while_the_first_budget_is_made_is_charged_to_it() -> None:
    organization = make_organization()
    with transaction.atomic():
        hold_snapshot(organization.pk)  # from now on it is known that none is there
    booked, made = Event(), Event()

    def make() -> None:
        with transaction.atomic():
            january_budget(organization)
            made.set()
            until_somebody_waits(unless=booked.is_set)

    def book() -> None:
        assert made.wait(IN_TIME_S)
        report(organization, usage_record())
        booked.set()

    results = at_once(make, book)

    assert_charged_once(organization, *results)
