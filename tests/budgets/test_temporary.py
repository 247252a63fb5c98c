"""More of a budget for a while: it begins at once, and ends by itself."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import Organization
from budgets.closing import sweep_periods
from budgets.errors import IsArchived, NotEnoughLeft
from budgets.models import Budget, BudgetPeriod
from budgets.services import archive_budget, change_budget, plan_of
from budgets.status import periods_of, present_positions, status_at
from budgets.temporary import raise_amount, transfer_amount
from budgets.verification import differences
from lib.errors import Invalid
from tests.factories import Api, make_budget, spend

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 1, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def limits_of(budget: Budget) -> list[Decimal]:
    rows = BudgetPeriod.objects.filter(budget=budget).order_by("starts_at")
    return list(rows.values_list("limit", flat=True))


def test_a_raise_ends_by_itself_and_is_not_carried_over(acme: Organization) -> None:
    budget = make_budget(acme, now=NOW, rollover_mode="unused")
    raise_amount(budget, Decimal(50), until=NOW + DAY, now=NOW)
    raise_amount(budget, Decimal(7), until=NOW + 14 * DAY, now=NOW)
    assert limits_of(budget) == [1057]

    sweep_periods(now=NOW + DAY - timedelta(seconds=1))
    assert limits_of(budget) == [1057]
    sweep_periods(now=NOW + DAY)
    assert limits_of(budget) == [1007]
    spend(acme, "400", NOW + 12 * DAY)  # opens February, in which the other goes on
    assert limits_of(budget) == [1007, 1007]
    sweep_periods(now=NOW + 13 * DAY)
    assert limits_of(budget) == [1007, 1000 + 1000 + 7]
    sweep_periods(now=NOW + 14 * DAY)

    assert limits_of(budget) == [1007, 2000]
    assert list(differences(acme)) == []


def test_what_is_transferred_holds_for_the_present_period(acme: Organization) -> None:
    here = make_budget(acme, "Here", now=NOW)
    there = make_budget(acme, "There", "10", now=NOW, scope={"teams": ["ml"]})
    spend(acme, "900", NOW)

    transfer_amount(here, there, Decimal(100), now=NOW)
    with pytest.raises(NotEnoughLeft):
        transfer_amount(here, there, Decimal("0.01"), now=NOW)
    sweep_periods(now=NOW + 20 * DAY)

    assert (limits_of(here), limits_of(there)) == ([900, 1000], [110, 10])
    assert list(differences(acme)) == []
    for wrong in (Decimal(0), Decimal(-1)):
        with pytest.raises(Invalid):
            raise_amount(here, wrong, until=NOW + DAY, now=NOW)
    with pytest.raises(Invalid):
        transfer_amount(here, here, Decimal(1), now=NOW)
    archive_budget(there, now=NOW)
    with pytest.raises(IsArchived):
        raise_amount(there, Decimal(1), until=NOW + DAY, now=NOW)


def test_what_is_for_a_while_follows_into_another_currency(acme: Organization) -> None:
    budget = make_budget(acme, now=NOW)
    raise_amount(budget, Decimal(100), until=NOW + DAY, now=NOW)
    plan = plan_of(budget)
    plan.currency, plan.amount = "EUR", Decimal(900)

    change_budget(budget, plan, now=NOW)
    sweep_periods(now=NOW)

    (limit,) = limits_of(budget)
    assert 980 < limit < 1000  # 900, and what 100 dollars are in euros
    assert list(differences(acme)) == []


def test_a_past_moment_has_what_was_in_force_then(acme: Organization, api: Api) -> None:
    budget = make_budget(acme, now=NOW - DAY)
    raise_amount(budget, Decimal(50), until=NOW + DAY, now=NOW)
    raise_amount(budget, Decimal(7), until=NOW + 3 * DAY, now=NOW + DAY)
    moments = [NOW - DAY, NOW, NOW + DAY, NOW + 3 * DAY, NOW + 9 * DAY]

    def told(at: datetime) -> Decimal:
        answer = api.get(f"budgets/{budget.uid}/status?at={at:%Y-%m-%dT%H:%M:%SZ}")
        return Decimal(answer.body["limit"])

    limits = [1000, 1050, 1007, 1000, 1000]
    for swept in (NOW, NOW + 2 * DAY, NOW + 40 * DAY):
        sweep_periods(now=swept)
        later = max(swept, NOW + 10 * DAY)
        found = [status_at(budget, at=at, now=later) for at in moments]
        rows = [periods_of(budget, at=at, now=later)[0] for at in moments]
        assert [one.status.limit for one in found] == limits
        assert [one.adjusted for one in rows] == [limit - 1000 for limit in limits]
        assert [told(at) for at in moments] == limits


def test_a_period_that_nothing_opened_has_what_goes_on_into_it(
    acme: Organization,
) -> None:
    budget = make_budget(acme, now=NOW)
    raise_amount(budget, Decimal(7), until=NOW + 14 * DAY, now=NOW)
    moments = [NOW + 12 * DAY, NOW + 14 * DAY]  # both in February

    limits = [
        (status_at(budget, at=at, now=at).status.limit, position.limit)
        for at in moments
        for position in present_positions(acme, [budget], at).values()
    ]

    assert limits == [(1007, 1007), (1000, 1000)]
