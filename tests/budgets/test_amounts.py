"""What a budget may spend is what its dated lines say; what is over stays."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries

from accounts.audit import acting_as
from accounts.models import Organization
from budgets import services
from budgets.charging import open_periods
from budgets.closing import sweep_periods
from budgets.models import AmountLine, Budget
from budgets.status import status_at
from lib.periods import Window
from tests.budgets.worlds import differences, jan, january_budget
from tests.factories import spend

pytestmark = pytest.mark.django_db
INSTANT = timedelta(microseconds=1)


def at(month: int, day: int = 1, hour: int = 0) -> datetime:
    """Return a moment of 2025, UTC."""
    return datetime(2025, month, day, hour, tzinfo=UTC)


def change(budget: Budget, now: datetime, reason: str = "", **changes: Any) -> Budget:
    plan = services.plan_of(Budget.objects.get(pk=budget.pk))
    for name, value in changes.items():
        setattr(plan, name, value)
    return services.change_budget(budget, plan, now=now, reason=reason)


def limit(budget: Budget, moment: datetime, now: datetime | None = None) -> Decimal:
    budget = Budget.objects.get(pk=budget.pk)
    return status_at(budget, at=moment, now=now or at(12)).status.limit


def amounts(budget: Budget) -> list[Decimal]:
    rows = budget.periods.order_by("starts_at")
    return [row.amount.normalize() for row in rows]


def test_a_period_that_is_over_keeps_its_amount_though_its_row_is_made_late(
    acme: Organization,
) -> None:
    budget = january_budget(acme)

    change(budget, at(3, 10), amount=Decimal(500))
    spend(acme, "120", at(1, 20))
    spend(acme, "1", at(3, 1))

    assert amounts(budget) == [100, 500]
    assert [limit(budget, at(2)), limit(budget, at(3, 20))] == [100, 500]
    assert differences(acme) == []


def test_late_spend_exceeds_the_amount_there_was(acme: Organization) -> None:
    budget = january_budget(acme)
    change(budget, at(3, 10), amount=Decimal(500))

    spend(acme, "120", at(1, 20))

    found = status_at(budget, at=at(2) - INSTANT, now=at(4)).status
    assert (found.status, found.limit) == ("EXCEEDED", 100)


def test_each_of_many_changes_holds_from_its_period_on(acme: Organization) -> None:
    budget = january_budget(acme)
    for month, amount in ((2, 300), (4, 40), (4, 70), (5, 70), (6, 0), (7, 900)):
        change(budget, at(month, 15), amount=Decimal(amount))

    for month in range(1, 9):
        spend(acme, "1", at(month, 2))

    assert amounts(budget) == [100, 300, 300, 70, 70, 0, 900, 900]
    assert [line.amount for line in budget.lines.all()] == [
        *(100, 200, -260, 30, -70, 900)
    ]
    assert differences(acme) == []


@pytest.mark.parametrize("spent_before", [True, False])
def test_a_moment_of_an_open_period_has_the_amount_of_then(
    acme: Organization, *, spent_before: bool
) -> None:
    budget = january_budget(acme)
    if spent_before:
        spend(acme, "1", jan(2))
    change(budget, jan(10), amount=Decimal(300))
    change(budget, jan(20), amount=Decimal(50))

    shown = [
        limit(budget, moment, now=jan(25))
        for moment in (jan(1), jan(10) - INSTANT, jan(10), jan(20), jan(25), jan(28))
    ]

    assert shown == [100, 100, 300, 50, 50, 50]


def test_a_budget_that_begins_in_the_past_had_there_what_it_was_made_with(
    acme: Organization,
) -> None:
    budget = january_budget(acme, starts_at=at(1), now=at(6, 15))
    change(budget, at(7, 15), amount=Decimal(5))

    change(budget, at(8, 15), starts_at=datetime(2024, 11, 1, tzinfo=UTC))

    past = datetime(2024, 11, 5, tzinfo=UTC)
    assert [limit(budget, when) for when in (past, at(6), at(7), at(7, 20))] == [
        *(100, 100, 100, 5)
    ]


def test_the_last_instant_of_a_zones_month_still_changes_it(
    acme: Organization,
) -> None:
    budget = january_budget(acme, timezone="Asia/Kolkata")
    midnight = datetime(2025, 1, 31, 18, 30, tzinfo=UTC)
    change(budget, midnight - INSTANT, amount=Decimal(200))
    change(budget, midnight, amount=Decimal(300))

    spend(acme, "1", midnight - INSTANT)
    spend(acme, "1", midnight)

    assert amounts(budget) == [200, 300]


def test_other_dates_leave_the_amounts_of_their_time(acme: Organization) -> None:
    budget = january_budget(acme, rollover_mode="both")
    for month in (1, 2, 3):
        spend(acme, "1", at(month, 20))
    change(budget, at(3, 10), amount=Decimal(40))
    sweep_periods(now=at(4))

    change(budget, at(4, 2), period="weekly")

    before, *_, after = amounts(budget)
    assert (before, after) == (100, 40)
    assert differences(acme) == []
    sweep_periods(now=at(4, 3))
    assert differences(acme) == []


def test_skipped_periods_carry_over_what_each_of_them_had(acme: Organization) -> None:
    budget = january_budget(acme, rollover_mode="both")
    spend(acme, "30", jan(20))
    change(budget, at(3, 10), amount=Decimal(40))
    change(budget, at(4, 10), amount=Decimal(7))

    sweep_periods(now=at(5))

    assert amounts(budget) == [100, 100, 40, 7, 7]
    carried = budget.periods.order_by("starts_at").values_list(
        "carried_over", flat=True
    )
    assert list(carried) == [0, 70, 170, 210, 217]
    assert differences(acme) == []


def test_a_sweep_changes_no_amount(acme: Organization) -> None:
    budget = january_budget(acme)
    spend(acme, "1", jan(20))
    change(budget, at(3, 10), amount=Decimal(500))
    spend(acme, "1", at(2, 20))

    sweep_periods(now=at(3, 11))
    sweep_periods(now=at(5))

    assert amounts(budget) == [100, 100, 500, 500]


def test_in_another_currency_the_past_is_worth_what_it_was(acme: Organization) -> None:
    budget = january_budget(acme)
    spend(acme, "103", jan(15))
    change(budget, at(2, 10), amount=Decimal(300))

    changed = change(budget, at(3, 4), currency="EUR", amount=Decimal(250))

    rate = AmountLine.objects.filter(kind="correction").first()
    assert rate is not None
    assert rate.reason.startswith("USD became EUR at 0.9")
    january, march = limit(changed, jan(31)), limit(changed, at(3, 5))
    assert 90 < january < 100
    assert round(limit(changed, at(3, 1)) / january, 6) == 3
    assert march == 250
    assert differences(acme) == []


def test_an_archived_budget_keeps_the_amounts_it_had(acme: Organization) -> None:
    budget = january_budget(acme)
    spend(acme, "1", jan(2))
    change(budget, jan(10), amount=Decimal(300))

    services.archive_budget(budget, now=jan(20))

    assert amounts(budget) == [300]
    assert limit(budget, jan(5)) == 100
    assert differences(acme) == []


def test_a_clock_that_is_behind_changes_nothing_of_before(acme: Organization) -> None:
    budget = january_budget(acme)
    change(budget, at(3, 1), amount=Decimal(300))

    change(budget, at(3, 1) - timedelta(seconds=2), amount=Decimal(50))
    spend(acme, "1", at(2, 20))

    assert amounts(budget) == [100]
    assert limit(budget, at(3, 1)) == 50
    assert differences(acme) == []


def test_a_period_that_was_corrected_is_changed_by_the_difference(
    acme: Organization,
) -> None:
    budget = january_budget(acme, now=at(1, 5))
    spend(acme, "1", at(2, 20))
    budget.lines.create(
        organization=acme,
        kind="correction",
        amount=Decimal(30),
        effective_from=at(2),
        effective_to=at(3),
        made_at=at(1, 6),
    )
    budget.periods.update(amount=130)

    change(budget, at(1, 10), amount=Decimal(200))
    spend(acme, "1", at(1, 20))
    spend(acme, "1", at(3, 20))

    assert amounts(budget) == [200, 230, 200]
    assert differences(acme) == []


def test_periods_are_opened_in_a_few_queries_however_often_amounts_changed(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    budgets = [january_budget(acme, name) for name in "abc"]
    for day in range(16, 20):
        for budget in budgets:
            change(budget, jan(day), amount=Decimal(day))
    window = Window(at(1), at(2))

    # What is there, the lines, the insert, and what is there then.
    with django_assert_num_queries(4):
        open_periods(acme.pk, [(budget.pk, window) for budget in budgets])


def test_a_line_says_who_when_and_why(acme: Organization) -> None:
    with acting_as("ann@acme.example"):
        budget = january_budget(acme, now=jan(3))
        change(budget, jan(9), "More people", amount=Decimal(300))

    lines = budget.lines.values_list(
        "kind", "amount", "effective_from", "made_at", "actor", "reason"
    )
    assert list(lines) == [
        ("planned", 100, None, jan(3), "ann@acme.example", ""),
        ("change", 200, jan(9), jan(9), "ann@acme.example", "More people"),
    ]
    reasons = budget.history.values_list("history_change_reason", flat=True)
    assert list(reasons) == ["More people", None]


def test_what_leaves_the_amount_alone_adds_no_line(acme: Organization) -> None:
    budget = january_budget(acme)

    change(budget, jan(9), name="Renamed", period="daily", amount=Decimal("100.00"))

    assert budget.lines.count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "planned"},
        {"kind": "change"},
        {"kind": "rollover", "effective_from": jan(1)},
        {"kind": "gift", "effective_from": jan(1)},
        {"kind": "correction", "effective_from": jan(2), "effective_to": jan(2)},
    ],
    ids=lambda fields: str(fields["kind"]),
)
def test_the_database_refuses_a_line_that_makes_no_sense(
    acme: Organization, fields: dict[str, Any]
) -> None:
    budget = january_budget(acme)

    with pytest.raises(IntegrityError), transaction.atomic():
        budget.lines.create(
            organization=acme, amount=Decimal(1), made_at=jan(1), **fields
        )
