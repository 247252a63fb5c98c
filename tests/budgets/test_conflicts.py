from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Organization
from budgets import services
from budgets.conflicts import conflicts_of, orphan_spend
from budgets.models import Budget
from budgets.rollup import roll_up
from tests.budgets.worlds import jan, january_budget
from tests.factories import make_organization, spend

pytestmark = pytest.mark.django_db
NOW = jan(15, 12)


def kinds(organization: Organization) -> list[tuple[str, list[str]]]:
    return [
        (clash.kind, [budget.name for budget in clash.budgets])
        for clash in conflicts_of(organization, now=NOW)
    ]


@pytest.fixture
def root(acme: Organization) -> Budget:
    return january_budget(acme, "Root")


def test_what_fits_has_no_conflicts(acme: Organization, root: Budget) -> None:
    january_budget(acme, "A", amount=Decimal(60), parent=root, scope={"teams": ["a"]})
    january_budget(acme, "B", amount=Decimal(40), parent=root, scope={"teams": ["b"]})
    spend(acme, "1", NOW)

    assert kinds(acme) == []


def test_children_that_add_up_to_more_are_told_with_by_how_much(
    acme: Organization, root: Budget
) -> None:
    january_budget(acme, "A", amount=Decimal(60), parent=root, scope={"teams": ["a"]})
    january_budget(
        acme, "B", amount=Decimal("40.01"), parent=root, scope={"teams": ["b"]}
    )

    (clash,) = conflicts_of(acme, now=NOW)

    assert clash.kind == "over_allocated"
    assert [budget.name for budget in clash.budgets] == ["Root", "A", "B"]
    assert (clash.amount, clash.currency) == (Decimal("0.01"), "USD")
    assert "$0.01" in clash.message


def test_a_child_that_is_over_allocates_nothing(
    acme: Organization, root: Budget
) -> None:
    january_budget(
        acme, "Old", amount=Decimal(500), parent=root, scope={"teams": ["a"]},
        ends_at=jan(10),
    )  # fmt: skip

    assert kinds(acme) == []


@pytest.mark.parametrize(
    ("plan", "kind"),
    [
        ({"currency": "EUR"}, "currency_mismatch"),
        ({"period": "daily"}, "period_mismatch"),
    ],
)
def test_what_counts_otherwise_than_its_parent_is_told(
    acme: Organization, root: Budget, plan: dict[str, Any], kind: str
) -> None:
    january_budget(acme, "Leaf", parent=root, **plan)

    assert kinds(acme) == [(kind, ["Root", "Leaf"])]


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ({"teams": ["a"]}, {"teams": ["a", "b"]}, True),
        ({"teams": ["a"]}, {"projects": ["x"]}, True),
        ({"teams": ["a"]}, {"teams": ["b"]}, False),
        ({"tags": {"team": "a"}}, {"tags": {"team": "b"}}, False),
    ],
)
def test_siblings_and_roots_that_match_the_same_costs_overlap(
    acme: Organization, one: dict[str, Any], other: dict[str, Any], *, overlap: bool
) -> None:
    root = january_budget(acme, "Root", scope={"users": ["nobody"]})
    for parent, prefix in ((root, "leaf"), (None, "root")):
        scope = {"environments": [prefix]}
        january_budget(
            acme, f"{prefix} 1", amount=Decimal(1), parent=parent, scope=scope | one
        )
        january_budget(
            acme, f"{prefix} 2", amount=Decimal(1), parent=parent, scope=scope | other
        )

    pairs = {frozenset(names) for kind, names in kinds(acme) if kind == "overlap"}

    expected = {frozenset({f"{name} 1", f"{name} 2"}) for name in ("leaf", "root")}
    assert (expected <= pairs) is overlap


@pytest.mark.parametrize(
    ("starts_at", "overlap"), [(jan(9), 1), (jan(10), 0)], ids=["a day", "not at all"]
)
def test_siblings_overlap_only_while_both_live(
    acme: Organization, starts_at: datetime, overlap: int
) -> None:
    january_budget(acme, "First", ends_at=jan(10))
    january_budget(acme, "Second", starts_at=starts_at)

    assert len(kinds(acme)) == overlap


# -- In different branches


def branches(acme: Organization, **scopes: dict[str, Any]) -> dict[str, Budget]:
    """Make Company, Engineering and Product below it, and the rest below these."""
    made = {"Company": january_budget(acme, "Company", "1000")}
    places = {"Backend": "Engineering", "Search": "Product"}
    for name, scope in scopes.items():
        made[name] = january_budget(
            acme, name, "10", parent=made[places.get(name, "Company")], scope=scope
        )
    return made


ENGINEERING = {"departments": ["engineering"]}
PRODUCT = {"departments": ["product"]}
BACKEND = {"teams": ["backend"]}


@pytest.mark.parametrize("rolled_up", [True, False], ids=["rolled up", "not yet"])
def test_what_is_counted_in_two_branches_is_told_with_the_cause(
    acme: Organization, *, rolled_up: bool
) -> None:
    branches(acme, Engineering=ENGINEERING, Product=PRODUCT, Backend=BACKEND)
    spend(acme, "6400", jan(10), team_id="backend", department_id="product")
    spend(acme, "50", jan(10), id="2", team_id="backend", department_id="engineering")
    if rolled_up:
        roll_up(acme.pk)

    (clash,) = conflicts_of(acme, now=NOW)

    assert clash.kind == "overlap"
    assert [budget.name for budget in clash.budgets] == ["Backend", "Product"]
    assert (clash.amount, clash.currency) == (6400, "USD")
    assert clash.message == (
        "“Backend” below “Engineering” and “Product” below “Company” are both charged "
        "for costs that match both scopes: $6,400.00 of the last 30 days."
    )


def test_cousins_of_the_same_scope_overlap_before_anything_is_spent(
    acme: Organization,
) -> None:
    branches(
        acme, Engineering=ENGINEERING, Product=PRODUCT, Backend=BACKEND, Search=BACKEND
    )

    assert kinds(acme) == [("overlap", ["Backend", "Search"])]


def test_cousins_that_only_might_overlap_are_left_alone(acme: Organization) -> None:
    search = {"projects": ["search"]}
    branches(
        acme, Engineering=ENGINEERING, Product=PRODUCT, Backend=BACKEND, Search=search
    )

    assert kinds(acme) == []


def test_of_two_branches_that_match_the_same_only_the_tops_are_told(
    acme: Organization,
) -> None:
    both = {"departments": ["engineering", "product"]}
    branches(acme, Engineering=both, Product=PRODUCT, Backend=BACKEND, Search=BACKEND)
    spend(acme, "5", jan(10), team_id="backend", department_id="product")

    (clash,) = [one for one in conflicts_of(acme, now=NOW) if one.amount]

    assert [budget.name for budget in clash.budgets] == ["Engineering", "Product"]


def test_a_budget_and_those_above_it_are_no_conflict(acme: Organization) -> None:
    branches(acme, Engineering=ENGINEERING, Backend=ENGINEERING)
    spend(acme, "5", jan(10), department_id="engineering")

    assert kinds(acme) == []


def test_what_no_budget_is_charged_for_is_orphaned(acme: Organization) -> None:
    january_budget(acme, scope={"teams": ["a"]})
    spend(acme, "5", jan(10), team_id="a")
    spend(acme, "7", jan(10), team_id="b")

    (clash,) = conflicts_of(acme, now=NOW)

    assert (clash.kind, clash.amount, clash.budgets) == ("orphan_spend", 7, ())
    assert "$7.00" in clash.message


@pytest.mark.parametrize("rolled_up", [True, False], ids=["rolled up", "not yet"])
@pytest.mark.parametrize(
    ("at", "orphaned"),
    [
        (datetime(2024, 12, 15, 23, 59, tzinfo=UTC), 0),
        (datetime(2024, 12, 16, tzinfo=UTC), 5),
        (NOW, 5),
    ],
    ids=["the day before", "the first of thirty days", "now"],
)
def test_orphans_are_those_of_thirty_days(
    acme: Organization, at: datetime, orphaned: int, *, rolled_up: bool
) -> None:
    spend(acme, "5", at)
    if rolled_up:
        roll_up(acme.pk)

    assert orphan_spend(acme, now=NOW) == orphaned


def test_a_budget_that_ended_long_ago_is_nobodys_budget(acme: Organization) -> None:
    january_budget(
        acme,
        starts_at=datetime(2024, 1, 1, tzinfo=UTC),
        ends_at=datetime(2024, 6, 1, tzinfo=UTC),
    )
    spend(acme, "5", jan(10))

    assert orphan_spend(acme, now=NOW) == 5


def test_an_archived_budget_is_nobodys_budget(acme: Organization) -> None:
    budget = january_budget(acme)
    spend(acme, "5", jan(10))
    services.archive_budget(budget, now=NOW)

    assert orphan_spend(acme, now=NOW) == 5


def test_another_organizations_spend_is_its_own(acme: Organization) -> None:
    spend(make_organization("other"), "5", jan(10))

    assert conflicts_of(acme, now=NOW) == []
