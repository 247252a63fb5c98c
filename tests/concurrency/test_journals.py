"""Months that are posted, and accounts that are set, by several at the same time."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from accounts.versions import ChangedMeanwhile
from reports.journals.services import AlreadyPosted, NothingToPost, post
from reports.journals.setups import set_mappings, setup_version
from reports.models import Journal, JournalSetup
from tests.factories import at_once, make_organization, spend

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
MONTH = date(2025, 1, 1)
AT = datetime(2025, 1, 15, tzinfo=UTC)
ALL = {"scope": {}, "expense_account": "6100", "liability_account": "2100"}


@pytest.fixture
def acme() -> Organization:
    acme = make_organization()
    set_mappings(acme, [ALL])
    spend(acme, "10", AT)
    return acme


def test_of_many_posts_of_a_month_one_is_its_accrual(acme: Organization) -> None:
    def accrue() -> Journal:
        return post(acme, MONTH, now=timezone.now())

    results = at_once(*[accrue] * 8)

    refused = [one for one in results if isinstance(one, AlreadyPosted)]
    assert len(refused) == 7, results
    assert Journal.objects.get().amount == 10


def test_of_many_corrections_one_has_what_changed(acme: Organization) -> None:
    post(acme, MONTH, now=timezone.now())
    spend(acme, "5", AT)

    def correct() -> Journal:
        return post(acme, MONTH, now=timezone.now(), correct=True)

    results = at_once(*[correct] * 8)

    assert sum(isinstance(one, NothingToPost) for one in results) == 7, results
    amounts = Journal.objects.order_by("number").values_list("amount", flat=True)
    assert list(amounts) == [Decimal(10), Decimal(5)]


def test_of_two_who_saw_the_same_accounts_one_sets_them(acme: Organization) -> None:
    seen = [setup_version(JournalSetup.objects.get())]

    def put() -> JournalSetup:
        return set_mappings(acme, [ALL, {**ALL, "scope": {"teams": ["a"]}}], seen=seen)

    results = at_once(put, put)

    assert sum(isinstance(one, ChangedMeanwhile) for one in results) == 1, results


def test_accounts_that_two_set_first_are_set_once() -> None:
    acme = make_organization()

    def put() -> JournalSetup:
        return set_mappings(acme, [ALL])

    results = at_once(put, put)

    assert JournalSetup.objects.count() == 1
    assert any(isinstance(one, JournalSetup) for one in results), results
