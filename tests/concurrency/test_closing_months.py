"""Closing a month beside everything that books."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from threading import Event
from typing import Any

import msgspec
import pytest
from django.db import connection, transaction

from accounts.models import LateRecords, Organization
from budgets import snapshots
from intake.corrections import correct
from ledger.closed_months import month_of
from ledger.models import CostRecord, MonthLock
from ledger.months import (
    MonthLocked,
    hold_to_close,
    lock_month,
    sums_of,
    unlock_month,
)
from ledger.usage import decode_one
from tests.budgets.worlds import differences, january_budget
from tests.concurrency.waiting import until_somebody_waits
from tests.factories import NOON, at_once, make_organization, report, spend
from tests.factories import usage_record as usage

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
JANUARY = date(2025, 1, 1)
LATER = datetime(2025, 3, 2, tzinfo=UTC)


@pytest.fixture
def acme() -> Organization:
    organization = make_organization(late_records=LateRecords.OPEN_MONTH)
    january_budget(organization)
    return organization


def close(organization: Organization) -> MonthLock:
    with transaction.atomic():
        hold_to_close(organization, JANUARY, now=LATER)
        return lock_month(organization, JANUARY, reason="", open_items=[])


def booked_late(organization: Organization, thread: int) -> None:
    for number in range(40):
        report(
            organization,
            *(usage(id=f"{thread}-{number}-{place}") for place in range(3)),
        )


def closed_and_opened(organization: Organization) -> None:
    for _ in range(6):
        close(organization)
        unlock_month(organization, JANUARY, reason="again", now=LATER)
    close(organization)


def corrected(organization: Organization) -> None:
    for number in range(20):
        record = usage(id="first", output_tokens=number)
        read = decode_one(msgspec.json.encode(record))
        correct(organization.pk, [read], reason="wrong")


def all_done(*calls: Callable[[], Any]) -> None:
    for result in at_once(*calls):
        if isinstance(result, Exception):
            raise result


def test_a_batch_is_in_the_month_before_it_closes_or_sees_that_it_is(
    acme: Organization,
) -> None:
    report(acme, usage(id="first"))

    all_done(
        partial(closed_and_opened, acme),
        partial(corrected, acme),
        *(partial(booked_late, acme, thread) for thread in range(3)),
    )

    lock = MonthLock.objects.get(unlocked_at=None)
    sums = sums_of(acme, JANUARY)
    assert (sums.total, sums.requests) == (lock.total, lock.requests)
    assert (
        CostRecord.objects.filter(pk__gt=lock.upto_id, timestamp__lt=LATER)
        .exclude(used_at=None)
        .count()
        == CostRecord.objects.filter(pk__gt=lock.upto_id).count()
    )
    assert differences(acme) == []


def test_whoever_closes_waits_for_the_batch_on_its_way(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    spend(acme, "1", NOON)  # what is known of it is known
    began, hold = Event(), snapshots.hold_snapshot

    def held(*args: Any, **kwargs: Any) -> Any:
        found = hold(*args, **kwargs)
        began.set()
        until_somebody_waits(unless=lambda: MonthLock.objects.exists())
        return found

    monkeypatch.setattr("intake.pipeline.hold_snapshot", held)

    def closed() -> MonthLock:
        assert began.wait(10)
        return close(acme)

    _, lock = at_once(partial(spend, acme, "4", NOON), closed)

    assert lock.total == 5
    months = {month_of(row.timestamp) for row in CostRecord.objects.all()}
    assert months == {JANUARY}
    assert differences(acme) == []


def test_a_month_is_closed_once(acme: Organization) -> None:
    results = at_once(*[partial(close, acme)] * 6)

    assert sum(isinstance(one, MonthLock) for one in results) == 1
    assert sum(isinstance(one, MonthLocked) for one in results) == 5
