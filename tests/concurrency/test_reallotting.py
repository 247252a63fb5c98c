"""Two people give the same budgets new amounts at one moment."""

from functools import partial

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from accounts.versions import ChangedMeanwhile
from budgets.models import AmountLine, Budget
from budgets.reallotment import NewAmount, reallot, versions_of
from budgets.services import change_budget, plan_of
from tests.factories import at_once, make_budget

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]


def test_the_second_is_told_of_the_first(acme: Organization) -> None:
    budgets = [make_budget(acme, name, "100") for name in "ABC"]
    seen, now = versions_of([one.pk for one in budgets]), timezone.now()

    def give(amount: int) -> None:
        wanted = [NewAmount(one, one.amount + amount, seen[one.pk]) for one in budgets]
        reallot(acme, wanted, now=now)

    results = at_once(partial(give, 10), partial(give, 20), partial(give, 30))

    assert sum(isinstance(one, ChangedMeanwhile) for one in results) == 2
    assert len(set(Budget.objects.values_list("amount", flat=True))) == 1
    assert AmountLine.objects.filter(kind="change").count() == 3


def test_a_form_that_is_saved_in_between_is_not_written_over(
    acme: Organization,
) -> None:
    one, other = (make_budget(acme, name, "100") for name in "AB")
    seen, now = versions_of([one.pk, other.pk]), timezone.now()
    plan = plan_of(Budget.objects.get(pk=other.pk))
    plan.amount += 1
    wanted = [NewAmount(each, each.amount + 5, seen[each.pk]) for each in (one, other)]

    results = at_once(
        partial(reallot, acme, wanted, now=now),
        partial(change_budget, other, plan, now=now, seen=[seen[other.pk]]),
    )

    assert sum(isinstance(each, ChangedMeanwhile) for each in results) == 1
    amounts = set(Budget.objects.values_list("amount", flat=True))
    assert amounts in ({105}, {100, 101})
