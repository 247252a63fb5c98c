"""Sheets of budgets: looked at, confirmed, applied as shown."""

from decimal import Decimal

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Organization
from budgets.models import AmountLine, Budget, BudgetPeriod
from budgets.services import change_budget, plan_of
from bulk.models import BulkKind, BulkState
from bulk.registry import kind_of
from bulk.writing import sheet_of
from tests.bulk.sheets import (
    Table,
    applied,
    as_csv,
    as_xlsx,
    confirmed,
    faults_of,
    looked_at,
    steps_of,
)
from tests.factories import make_budget, make_tree, spend

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_is_fetched_changes_nothing_when_it_is_sent(
    acme: Organization, form: str
) -> None:
    tree = make_tree(acme)
    make_budget(
        acme,
        "=1+1",
        "12.3456789012",
        parent=tree["sales"],
        scope={"models": ["gpt-4*"], "tags": {"tier": "gold", "beta": ""}},
        rollover_mode="unused",
        rollover_cap=Decimal("0.255"),
        timezone="Europe/Berlin",
        note="a; b\nc",
    )

    content = sheet_of(kind_of(BulkKind.BUDGETS), acme, form)
    change = looked_at(acme, content, name=f"budgets.{form}")

    assert change.state == BulkState.READY, change.failure
    assert {action for _, action in steps_of(change)} == {"same"}
    assert len(steps_of(change)) == 5


def test_new_budgets_are_made_below_one_another_whatever_their_order(
    acme: Organization,
) -> None:
    make_tree(acme)
    spend(acme, "7", team="ai", department="engineering")
    engineering = "Acme / Engineering"
    table = [
        {"parent": f"{engineering} / Vision", "name": "OCR", "amount": 5, "teams": ""},
        {
            "parent": "acme/engineering",
            "name": "Vision",
            "amount": 9,
            "teams": "vision",
        },
    ]

    change = looked_at(acme, as_csv(table))

    assert steps_of(change) == [
        ("Acme / Engineering / Vision", "make"),
        ("Acme / Engineering / Vision / OCR", "make"),
    ]
    assert not Budget.objects.filter(name="Vision").exists()

    assert applied(change).state == BulkState.APPLIED, change.failure
    vision = Budget.objects.get(name="Vision")
    assert vision.parent.name == "Engineering"
    assert Budget.objects.get(name="OCR").parent == vision
    assert BudgetPeriod.objects.get(budget=vision).spent == 7
    assert AmountLine.objects.get(budget=vision).reason == "the plan of the year"
    call_command("verify")


def test_amounts_are_read_as_people_write_them(acme: Organization) -> None:
    make_tree(acme)
    table = [{"name": "Acme", "amount": "20.000,50"}]

    change = looked_at(acme, as_csv(table), locale="de")

    (step,) = change.steps.all()
    assert step.differences == [["amount", "1000 USD", "20000.5 USD"]]
    applied(change)
    assert Budget.objects.get(name="Acme").amount == Decimal("20000.5")


def test_bad_rows_are_named_by_line_and_column(acme: Organization) -> None:
    make_tree(acme)
    table: Table = [
        {"name": "Acme", "amount": 2000, "enforcement": None, "owner": None},
        {"name": "R&D", "amount": "plenty", "enforcement": "firm", "owner": None},
        {
            "name": "Ops",
            "amount": 5,
            "enforcement": None,
            "owner": "nobody@acme.example",
        },
    ]

    change = looked_at(acme, as_xlsx(table), name="plan.xlsx")

    assert [(line, column) for line, column, _ in faults_of(change)] == [
        (3, "amount"),
        (3, "enforcement"),
        (4, "owner"),
    ]


def test_all_or_nothing_applies_nothing_while_a_row_is_bad(acme: Organization) -> None:
    make_tree(acme)
    table = [{"name": "Acme", "amount": "2000"}, {"name": "Ops", "amount": "x"}]
    change = looked_at(acme, as_csv(table))

    with pytest.raises(Exception, match="Some lines are faulty"):
        confirmed(change)

    assert applied(change, skips_faulty=True).state == BulkState.APPLIED
    assert Budget.objects.get(name="Acme").amount == 2000
    assert not Budget.objects.filter(name="Ops").exists()


def test_what_was_changed_since_is_not_changed_again(acme: Organization) -> None:
    tree = make_tree(acme)
    table = [{"name": "Acme", "amount": "2000"}, {"name": "New", "amount": "5"}]
    change = looked_at(acme, as_csv(table))
    plan = plan_of(tree["acme"])
    plan.amount = Decimal(1500)
    change_budget(tree["acme"], plan, now=timezone.now())

    assert applied(change).state == BulkState.FAILED
    assert "Nothing was changed" in change.failure
    assert Budget.objects.get(name="Acme").amount == 1500
    assert not Budget.objects.filter(name="New").exists()


def test_trees_that_can_not_be_are_refused_before_they_are_tried(
    acme: Organization,
) -> None:
    tree = make_tree(acme)
    rows = [
        (tree["acme"].uid, "Acme / Sales", "", "", ""),
        (tree["ml"].uid, "Nowhere", "", "", ""),
        ("", "Acme / Sales", "tokens", "T", "1"),
    ]
    names = ("id", "parent", "currency", "name", "amount")
    table = [dict(zip(names, row, strict=True)) for row in rows]

    told = faults_of(looked_at(acme, as_csv(table)))

    assert {(line, column) for line, column, _ in told} == {
        (2, "parent"),
        (3, "parent"),
        (4, "parent"),
    }
