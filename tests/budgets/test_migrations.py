"""What migrations make of rows that were there before."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.models import Organization
from budgets.models import Budget
from tests.budgets.worlds import differences
from tests.factories import make_organization
from tests.sizes import at_night

pytestmark = [pytest.mark.django_db(transaction=True), at_night]
BEFORE = [("budgets", "0003_reservation")]


@pytest.fixture
def old(transactional_db: None) -> Iterator[Any]:
    """Take the tables back to before lines; returns the models of then."""
    migrate(BEFORE)
    yield models_of_then()
    migrate()


def migrate(targets: list[tuple[str, str]] | None = None) -> None:
    """Bring the tables to a migration, and what depends on it; None: to the last."""
    executor = MigrationExecutor(connection)
    executor.migrate(targets or executor.loader.graph.leaf_nodes())


def models_of_then() -> Any:
    return MigrationExecutor(connection).loader.project_state(BEFORE).apps


def month(number: int, day: int = 1) -> datetime:
    return datetime(2025, number, day, tzinfo=UTC)


def budget_of(apps: Any, acme: Organization, amount: str, **fields: Any) -> Any:
    return apps.get_model("budgets", "Budget").objects.create(
        organization_id=acme.pk,
        name="All",
        amount=Decimal(amount),
        currency="USD",
        period="monthly",
        timezone="UTC",
        starts_at=month(1),
        lft=1,
        rght=2,
        tree_id=1,
        level=0,
        **fields,
    )


def saved(apps: Any, budget: Any, at: datetime, amount: str, **fields: Any) -> None:
    """Add a row of its history."""
    apps.get_model("budgets", "HistoricalBudget").objects.create(
        id=budget.pk,
        uid=budget.uid,
        organization_id=budget.organization_id,
        name="All",
        amount=Decimal(amount),
        **{"currency": "USD", **fields},
        period="monthly",
        timezone="UTC",
        starts_at=budget.starts_at,
        history_date=at,
        history_type="~",
        actor="ann@acme.example",
    )


def period_of(apps: Any, budget: Any, number: int, amount: str, **sums: Any) -> Any:
    return apps.get_model("budgets", "BudgetPeriod").objects.create(
        organization_id=budget.organization_id,
        budget_id=budget.pk,
        starts_at=month(number),
        ends_at=month(number + 1),
        amount=Decimal(amount),
        **sums,
    )


def lines(budget_id: int) -> list[tuple[Any, ...]]:
    rows = Budget.objects.get(pk=budget_id).lines.all()
    return list(rows.values_list("kind", "amount", "effective_from", "effective_to"))


def test_existing_budgets_get_lines_from_history_and_periods_keep_their_amounts(
    old: Any,
) -> None:
    acme = make_organization("acme")
    budget = budget_of(old, acme, "300")
    saved(old, budget, month(1, 3), "90", currency="EUR")
    saved(old, budget, month(1, 4), "100", history_change_reason="In dollars")
    saved(old, budget, month(1, 5), "100")
    saved(old, budget, month(3, 10), "300")
    for number, amount in ((1, "100"), (2, "300"), (3, "300")):  # February: made late
        period = period_of(old, budget, number, amount, carried_over=int(number == 3))
    old.get_model("budgets", "PeriodLine").objects.create(
        organization_id=acme.pk,
        period=period,
        kind="rollover",
        amount=Decimal(1),
        reason="Carried over",
        actor="system",
    )

    migrate()

    assert sorted(lines(budget.pk)) == [
        ("change", 200, month(3, 10), None),
        ("correction", 200, month(2), month(3)),
        ("planned", 100, None, None),
        ("rollover", 1, month(3), month(4)),
    ]
    planned = Budget.objects.get().lines.get(kind="planned")
    assert (planned.actor, planned.reason) == ("ann@acme.example", "In dollars")
    assert differences(acme) == []


@pytest.mark.parametrize("amount", ["100", "250"])
def test_a_budget_whose_history_lacks_something_has_its_present_amount(
    old: Any, amount: str
) -> None:
    acme = make_organization("acme")
    budget = budget_of(old, acme, amount)
    period_of(old, budget, 1, "100")
    if amount == "250":
        saved(old, budget, month(1), "100")

    migrate()

    total = sum(line[1] for line in lines(budget.pk))
    assert total == Decimal(amount)
    assert differences(acme) == []


def test_back_again_what_was_carried_over_belongs_to_its_period(
    old: Any,
) -> None:
    acme = make_organization("acme")
    budget = budget_of(old, acme, "100")
    period = period_of(old, budget, 2, "100", carried_over=7)
    old.get_model("budgets", "PeriodLine").objects.create(
        organization_id=acme.pk, period=period, kind="rollover", amount=7, reason="So"
    )
    migrate()

    migrate(BEFORE)

    (line,) = models_of_then().get_model("budgets", "PeriodLine").objects.all()
    assert (line.period_id, line.amount, line.reason) == (period.pk, 7, "So")
    migrate()
    assert differences(acme) == []
