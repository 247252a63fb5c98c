"""Calls that ask before they spend, and what they come from."""

from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.models import Organization
from budgets.models import Budget, BudgetPeriod
from budgets.services import BudgetPlan, create_budget
from tests.factories import Api, usage_record


def make_hard(
    organization: Organization, name: str, amount: str, **plan: Any
) -> Budget:
    """Make a budget of *amount* a month that no authorization passes."""
    plan = {"enforcement": "hard", **plan}
    return create_budget(
        organization,
        BudgetPlan(name=name, amount=Decimal(amount), **plan),
        now=timezone.now(),
    )


def call(**fields: Any) -> dict[str, Any]:
    """Return the body of a call of gpt-4o that costs a dollar at most."""
    return {
        "provider": "openai",
        "model": "gpt-4o",
        "project_id": "search",
        "estimated_cost": "1",
        **fields,
    }


def authorize(api: Api, **fields: Any) -> dict[str, Any]:
    answer = api.post("authorizations", call(**fields))
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


def lease(api: Api, **fields: Any) -> dict[str, Any]:
    """Take a lease for calls of gpt-4o."""
    body = {"provider": "openai", "model": "gpt-4o", "project_id": "search", **fields}
    answer = api.post("leases", body)
    assert answer.status == 201, answer.body
    taken: dict[str, Any] = answer.body
    return taken


def book(api: Api, cost: str, **fields: Any) -> dict[str, Any]:
    """Report that a call of gpt-4o cost so much."""
    record = usage_record(
        provider="openai", model_name="gpt-4o", project_id="search", cost=cost, **fields
    )
    record["timestamp"] = timezone.now().isoformat()
    answer = api.post("usage", record)
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body


def money_of(budget: Budget) -> tuple[Decimal, Decimal]:
    """Return what the budget's only period has spent and reserved."""
    period = BudgetPeriod.objects.get(budget=budget)
    return period.spent, period.reserved
