"""Two people give the same budgets new amounts at one moment."""

from functools import partial

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from accounts.scopes import Role
from accounts.versions import ChangedMeanwhile
from approvals.applying import apply_amounts, ways_of
from approvals.decisions import decide
from approvals.models import BudgetRequest, Outcome, RequestKind
from budgets.models import AmountLine, Budget
from budgets.reallotment import NewAmount, reallot, versions_of
from budgets.services import change_budget, plan_of
from tests.approvals.factories import by, level, make_policy, make_request, person_in
from tests.factories import at_once, make_budget
from tests.sizes import size

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer at a time"
    ),
]
TIMES = size(6, 30)


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


def test_who_applies_and_who_decides_never_wait_for_each_other(
    acme: Organization,
) -> None:
    fay, bob = (person_in(acme, one, Role.FINANCE_ADMIN) for one in ("fay", "bob"))
    asked, changed = (make_budget(acme, name, "100") for name in "AB")
    make_policy(acme, level(bob), budget=asked)
    requests = [
        make_request(acme, fay, "1", kind=RequestKind.INCREASE, budget=asked)
        for _ in range(TIMES)
    ]

    def apply() -> None:
        for number in range(TIMES):
            fresh = {one.name: one for one in Budget.objects.all()}
            wanted = [
                NewAmount(fresh["A"], fresh["A"].amount + 500 + number),
                NewAmount(fresh["B"], fresh["B"].amount + 1),
            ]
            ways = ways_of(acme, wanted, person=fay)
            now = timezone.now()
            apply_amounts(acme, wanted, ways, by=by(fay), reason="More", now=now)

    def approve() -> None:
        for one in requests:
            decide(one, by=by(bob), outcome=Outcome.APPROVED, now=timezone.now())

    results = at_once(apply, approve)

    assert results == [None, None]
    changed.refresh_from_db()
    assert changed.amount == 100 + TIMES
    assert BudgetRequest.objects.filter(state="approved").count() == TIMES
