from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization
from budgets import services
from budgets.models import Budget
from budgets.tree import BudgetTree, TreeNode, leaves_of, tree_of
from budgets.verification import broken_trees
from tests.budgets.worlds import jan, january_budget
from tests.factories import make_organization, spend

pytestmark = pytest.mark.django_db
NOW = jan(15, 12)


def outline(nodes: list[TreeNode]) -> dict[str, Any]:
    return {node.budget.name: outline(node.children) for node in nodes}


@pytest.fixture
def company(acme: Organization) -> Budget:
    """Company > Engineering > Search; Company > Sales; and Research by itself."""
    company = january_budget(acme, "Company", amount=Decimal(1000))
    engineering = january_budget(
        acme, "Engineering", amount=Decimal(600), parent=company, scope={"teams": ["e"]}
    )
    january_budget(acme, "Search", parent=engineering, scope={"projects": ["search"]})
    january_budget(
        acme, "Sales", amount=Decimal(300), parent=company, scope={"teams": ["s"]}
    )
    january_budget(acme, "Research", scope={"teams": ["r"]})
    january_budget(make_organization("other"), "Foreign")
    return company


def test_the_trees_are_told_by_name(acme: Organization, company: Budget) -> None:
    assert outline(tree_of(acme, at=NOW)) == {
        "Company": {"Engineering": {"Search": {}}, "Sales": {}},
        "Research": {},
    }


def test_one_branch_can_be_told(acme: Organization, company: Budget) -> None:
    engineering = Budget.objects.get(name="Engineering")

    branch = tree_of(acme, at=NOW, root=engineering)

    assert outline(branch) == {"Engineering": {"Search": {}}}
    assert [node.budget.name for node in branch[0].walk()] == ["Engineering", "Search"]


def test_each_shows_where_it_stands(acme: Organization, company: Budget) -> None:
    spend(acme, "90", NOW, team_id="e", project_id="search")

    spent = {
        node.budget.name: node.status.status.total_spend
        for root in tree_of(acme, at=NOW)
        for node in root.walk()
    }

    assert spent == {
        "Company": 90, "Engineering": 90, "Search": 90, "Sales": 0, "Research": 0
    }  # fmt: skip


def test_what_is_promised_below_is_not_left_to_promise(
    acme: Organization, company: Budget
) -> None:
    root = tree_of(acme, at=NOW)[0]

    assert (root.allocated, root.unallocated) == (900, 100)


@pytest.mark.parametrize(
    "plan",
    [
        {"currency": "EUR"},
        {"period": "daily"},
        {"ends_at": jan(15)},
        {"starts_at": jan(16)},
    ],
    ids=["another currency", "another period", "over", "not begun"],
)
def test_what_counts_otherwise_promises_nothing_now(
    acme: Organization, plan: dict[str, Any]
) -> None:
    root = january_budget(acme, "Root")
    january_budget(acme, "Leaf", parent=root, **plan)

    assert tree_of(acme, at=NOW)[0].allocated == 0
    drawn = BudgetTree(leaves_of(acme, at=NOW, now=NOW))
    assert drawn.allocated(root.pk) is None
    assert drawn.unallocated(root.pk) == root.amount


def test_archived_ones_are_told_only_when_asked_for(
    acme: Organization, company: Budget
) -> None:
    services.archive_budget(Budget.objects.get(name="Sales"), now=NOW)

    plain, all_of_it = tree_of(acme, at=NOW), tree_of(acme, at=NOW, archived=True)

    assert "Sales" not in outline(plain)["Company"]
    assert "Sales" in outline(all_of_it)["Company"]
    assert plain[0].allocated == all_of_it[0].allocated == 600


def test_a_tree_takes_three_queries(
    acme: Organization,
    company: Budget,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(3):
        tree_of(acme, at=NOW)


def test_moves_keep_the_tree_whole(acme: Organization, company: Budget) -> None:
    by_name = {budget.name: budget for budget in Budget.objects.all()}

    for name, parent in (
        ("Engineering", "Research"),
        ("Research", "Sales"),
        ("Search", None),
        ("Sales", None),
        ("Company", "Search"),
        ("Sales", "Company"),
    ):
        above = by_name[parent] if parent else None
        services.move_budget(by_name[name], above)  # which may be out of date
        assert list(broken_trees(list(Budget.objects.all()))) == []

    assert outline(tree_of(acme, at=NOW)) == {
        "Search": {"Company": {"Sales": {"Research": {"Engineering": {}}}}}
    }


def test_saving_what_is_out_of_date_keeps_the_tree_whole(
    acme: Organization, company: Budget
) -> None:
    sales = Budget.objects.get(name="Sales")
    services.move_budget(Budget.objects.get(name="Engineering"), None)
    january_budget(acme, "New", parent=company, starts_at=NOW - timedelta(days=1))

    sales.note = "changed"
    sales.save()

    assert list(broken_trees(list(Budget.objects.all()))) == []


def test_a_parent_that_is_out_of_date_takes_a_new_budget(
    acme: Organization, company: Budget
) -> None:
    sales = Budget.objects.get(name="Sales")
    services.move_budget(Budget.objects.get(name="Engineering"), None)

    leaf = Budget.objects.create(
        organization=acme,
        name="Leaf",
        parent=sales,
        amount=1,
        currency="USD",
        period="monthly",
        timezone="UTC",
        starts_at=NOW,
    )

    assert list(broken_trees(list(Budget.objects.all()))) == []
    assert (leaf.tree_id, leaf.level) == (company.tree_id, 2)
