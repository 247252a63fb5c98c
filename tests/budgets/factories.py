"""Makers of people and budgets for the tests of the admin."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.models import Membership, Organization, User
from accounts.scopes import Role
from budgets.models import Budget
from budgets.services import BudgetPlan, create_budget
from tests.factories import report, usage_record


def make_person(
    email: str = "ann@acme.example",
    roles: Mapping[Organization, Role] | None = None,
    **overrides: Any,
) -> User:
    person = User.objects.create_user(email, "secret", **overrides)
    for organization, role in (roles or {}).items():
        Membership.objects.create(organization=organization, user=person, role=role)
    return person


def browser_of(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def browser_for(organization: Organization, role: Role = Role.FINANCE_ADMIN) -> Client:
    """Return the browser of somebody who has *role* in *organization*, and no other."""
    email = f"{role.value}@{organization.slug}.example"
    return browser_of(make_person(email, {organization: role}))


def make_budget(
    organization: Organization,
    name: str = "Company",
    amount: str = "1000",
    *,
    now: datetime | None = None,
    **plan: Any,
) -> Budget:
    wanted = BudgetPlan(name=name, amount=Decimal(amount), **plan)
    return create_budget(organization, wanted, now=now or timezone.now())


def make_tree(organization: Organization) -> dict[str, Budget]:
    """Make Acme 1,000 > Engineering 600 > ML 400, and Sales 300 beside Engineering."""
    acme = make_budget(organization, "Acme")
    engineering = make_budget(
        organization,
        "Engineering",
        "600",
        parent=acme,
        scope={"departments": ["engineering"]},
    )
    ml = make_budget(
        organization, "ML", "400", parent=engineering, scope={"teams": ["ml"]}
    )
    sales = make_budget(
        organization, "Sales", "300", parent=acme, scope={"departments": ["sales"]}
    )
    return {"acme": acme, "engineering": engineering, "ml": ml, "sales": sales}


def spend(organization: Organization, cost: str | None, **overrides: Any) -> None:
    """Book one record of *cost*, now; None: by the price list."""
    now = timezone.now()
    values = {"id": f"u{now.timestamp()}", "timestamp": now.isoformat(), "cost": cost}
    report(organization, usage_record(**{**values, **overrides}))
