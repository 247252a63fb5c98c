"""How requests fare, and reminders that are sent by hand."""

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization, User
from approvals.models import BudgetRequest, Step
from approvals.nudges import Nudged, remind_all
from approvals.statistics import by_policy, level_times, open_ages
from lib.errors import Forbidden
from notifications.models import Delivery
from tests.approvals.factories import (
    NOW,
    approve,
    by,
    level,
    make_policy,
    make_request,
    person_in,
    reject,
)

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_how_long_levels_take_and_what_is_open_by_age(
    acme: Organization,
    cfo: User,
    pm: User,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    lead = person_in(acme, "lead")
    make_policy(acme, level(lead, name="Lead"), level(cfo, name="CFO"), name="All")
    for hours in (1, 2, 4, 30):
        made = make_request(acme, pm)
        approve(made, lead, now=NOW + hours * HOUR)
        if hours > 1:
            approve(made, cfo, now=NOW + 2 * hours * HOUR)
    reject(make_request(acme, pm), lead, now=NOW + HOUR)
    old = make_request(acme, pm)
    BudgetRequest.objects.filter(pk=old.pk).update(submitted_at=NOW - 5 * DAY)

    with django_assert_num_queries(3):
        times = level_times(acme, NOW)
        ages = open_ages(acme, NOW + HOUR)
        policies = by_policy(acme, NOW - 30 * DAY)

    assert [tuple(one) for one in times] == [
        ("All", "CFO", 3, 4 * HOUR, 30 * HOUR),
        ("All", "Lead", 5, 2 * HOUR, 30 * HOUR),
    ]
    assert ages == ((1, 0, 1, 0), NOW - 5 * DAY)
    assert [tuple(one) for one in policies] == [("All", 2, 3, 1, 0)]


def test_a_finance_admin_reminds_those_who_wait_once_a_day(
    acme: Organization, cfo: User, pm: User
) -> None:
    lead = person_in(acme, "lead")
    make_policy(acme, level(lead))
    first, second = make_request(acme, pm), make_request(acme, pm)
    ended = approve(make_request(acme, pm), lead, now=NOW).request
    rows = BudgetRequest.objects.order_by("pk")
    later = NOW + DAY + HOUR

    with pytest.raises(Forbidden):
        remind_all(rows, by=by(lead), now=later)
    early = remind_all(rows, by=by(cfo), now=NOW + HOUR)
    done = remind_all(rows, by=by(cfo), now=later)
    again = remind_all(rows, by=by(cfo), now=later + HOUR)

    assert (early, done, again) == (Nudged(0, 2), Nudged(2, 0), Nudged(0, 2))
    mails = Delivery.objects.filter(key__contains=":again:")
    steps = Step.objects.filter(request__in=[first, second])
    assert {one.key.split(":")[1] for one in mails} == {str(one.uid) for one in steps}
    assert {one.recipient for one in mails} == {lead.email}
    assert ended.state == "approved"
