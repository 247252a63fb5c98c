"""Giving many budgets new amounts together."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from accounts.audit import acting_as
from accounts.models import Organization
from accounts.versions import ChangedMeanwhile
from budgets.amounts import amounts_of
from budgets.errors import IsArchived
from budgets.models import AmountLine, Budget, BudgetPeriod
from budgets.phasing import phases_of, set_phasing
from budgets.reallotment import NewAmount, reallot, versions_of
from budgets.services import archive_budget, change_budget, plan_of
from lib.errors import Invalid
from tests.budgets.worlds import differences, jan, january_budget, period_of
from tests.factories import make_organization, spend

pytestmark = pytest.mark.django_db


def new(budget: Budget, amount: str, seen: str | None = None) -> NewAmount:
    return NewAmount(budget, Decimal(amount), seen)


def facts_of(budget: Budget) -> tuple[Any, ...]:
    """Return what a change of an amount leaves: itself, lines, periods, history."""
    budget.refresh_from_db()
    lines = AmountLine.objects.filter(budget=budget)
    entry = budget.history.first()
    return (
        budget.amount,
        list(lines.values_list("kind", "amount", "effective_from", "reason", "actor")),
        list(BudgetPeriod.objects.filter(budget=budget).values_list("amount", "limit")),
        (entry.amount, entry.actor, entry.history_change_reason, entry.history_type),
    )


def test_each_is_changed_as_it_would_be_alone(acme: Organization) -> None:
    apart, together = (january_budget(acme, name, "100") for name in ("A", "B"))
    spend(acme, "1", jan(15))
    for one in (apart, together):
        plan = plan_of(one)
        plan.amount = Decimal(80)
        change_budget(one, plan, now=jan(16))
    plan = plan_of(apart)
    plan.amount = Decimal(120)

    with acting_as("fay@acme.example"):
        change_budget(apart, plan, now=jan(17), reason="More")
        reallot(acme, [new(together, "120")], now=jan(17), reason="More")

    assert facts_of(together) == facts_of(apart)
    assert period_of(together, jan(17)).limit == 120
    assert amounts_of([together.pk])[together.pk].at(jan(16, 12)) == 80
    assert differences(acme) == []


def test_months_and_what_a_template_made_follow(acme: Organization) -> None:
    year = [Decimal(10 * month) for month in range(1, 13)]
    phased = january_budget(acme, "Phased", "100")
    set_phasing(phased, year, now=jan(15))
    each = january_budget(acme, "Each", "10", template_for_each="user")
    for user in ("ann", "ben"):
        spend(acme, "1", jan(15), user_id=user)
    ann, ben = each.made.order_by("name")

    reallot(acme, [new(phased, "200"), new(each, "20"), new(ann, "15")], now=jan(16))

    phased.refresh_from_db()
    assert phases_of(phased) == [2 * amount for amount in year]
    assert [period_of(one, jan(16)).limit for one in (phased, ann, ben)] == [20, 15, 20]
    assert differences(acme) == []


def test_one_that_somebody_changed_keeps_all_as_they_are(acme: Organization) -> None:
    changed, other = (january_budget(acme, name, "100") for name in ("A", "B"))
    seen = versions_of([changed.pk, other.pk])
    plan = plan_of(changed)
    plan.note = "Mine"
    change_budget(changed, plan, now=jan(16))
    wanted = [new(one, "50", seen[one.pk]) for one in (other, changed)]

    with pytest.raises(ChangedMeanwhile, match="since you read it") as refused:
        reallot(acme, wanted, now=jan(17))

    assert refused.value.words.startswith("“A”: changed by ")
    assert set(Budget.objects.values_list("amount", flat=True)) == {100}
    assert AmountLine.objects.filter(kind="change").count() == 0


@pytest.mark.parametrize("amount", ["-1", "NaN", "1e15", "0.00000000001"])
def test_what_is_no_amount_is_refused(acme: Organization, amount: str) -> None:
    budget = january_budget(acme)

    with pytest.raises(Invalid):
        reallot(acme, [new(budget, amount)], now=jan(16))


def test_an_archived_one_keeps_all_as_they_are(acme: Organization) -> None:
    gone, other = (january_budget(acme, name, "100") for name in ("A", "B"))
    archive_budget(gone, now=jan(16))

    with pytest.raises(IsArchived):
        reallot(acme, [new(other, "50"), new(gone, "50")], now=jan(17))

    assert set(Budget.objects.values_list("amount", flat=True)) == {100}


def test_another_organizations_budget_is_never_changed(acme: Organization) -> None:
    theirs = january_budget(make_organization("globex"))

    with pytest.raises(LookupError):
        reallot(acme, [new(theirs, "50")], now=jan(16))


def test_queries_do_not_grow_with_the_budgets(
    acme: Organization, django_assert_max_num_queries: Any
) -> None:
    budgets = [january_budget(acme, str(number)) for number in range(12)]
    made: Mapping[int, str] = versions_of([one.pk for one in budgets])

    with django_assert_max_num_queries(20):
        wanted = [new(one, "7", made[one.pk]) for one in budgets]
        reallot(acme, wanted, now=jan(16))
