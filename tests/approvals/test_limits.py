"""What is asked for where somebody meets a limit, and who is offered to."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from accounts.models import Organization
from accounts.scopes import Role
from approvals.limits import askable, askers, lacking, rounded
from budgets.models import Budget
from budgets.owners import path_of
from tests.approvals.factories import person_in
from tests.factories import make_tree


@pytest.mark.parametrize(
    ("amount", "asked"),
    [
        ("1234.56", "1300"),
        ("1300", "1300"),
        ("0.0021", "0.01"),
        ("0.126", "0.13"),
        ("99.5", "100"),
        ("7", "7"),
    ],
)
def test_what_is_lacking_is_asked_for_in_round_figures(amount: str, asked: str) -> None:
    assert rounded(Decimal(amount)) == Decimal(asked)


@pytest.mark.parametrize(
    ("used", "projected", "lacks"),
    [("90", None, 0), ("90", "130", 30), ("140", "130", 40), ("50", "99", 0)],
)
def test_a_period_lacks_what_is_used_or_will_be(
    used: str, projected: str | None, lacks: int
) -> None:
    ends = Decimal(projected) if projected else None

    assert lacking(Decimal(100), Decimal(used), ends) == lacks


@pytest.fixture
def tree(acme: Organization) -> Mapping[str, Budget]:
    return make_tree(acme)


@pytest.mark.django_db
def test_who_may_raise_a_budget_is_not_told_to_ask(
    acme: Organization, tree: Mapping[str, Budget]
) -> None:
    people = {role: person_in(acme, role.value, role) for role in Role}
    tree["engineering"].owner = people[Role.BUDGET_OWNER]
    tree["engineering"].save()
    names = {one.pk: name for name, one in tree.items()}

    asked = {
        role: {names[pk] for pk in askable(person, acme, names)}
        for role, person in people.items()
    }

    assert asked == {
        Role.FINANCE_ADMIN: set(),
        Role.BUDGET_OWNER: {"acme", "engineering", "sales"},
        Role.APPROVER: set(tree),
        Role.VIEWER: set(),
    }
    mailed = [person.email for person in people.values()]
    for name, many in (
        ("ml", {Role.APPROVER}),
        ("engineering", asked.keys()),
        ("sales", asked.keys()),
    ):
        told = askers(path_of(tree[name]), [*mailed, "stranger@x.example"])
        may = {role for role in many if name in asked[role]}
        assert told == {people[role].email for role in may}
