from decimal import Decimal

import pytest

from accounts.models import Organization
from budgets.models import Budget, BudgetPeriod
from tests.console.budget_pages import place_of
from tests.factories import (
    browser_for,
    make_budget,
    make_tree,
    spend,
)
from tests.pages import page_at, shown

pytestmark = pytest.mark.django_db


def test_a_move_shows_old_and_new_first(acme: Organization) -> None:
    budgets = make_tree(acme)
    browser = browser_for(acme)
    ml, sales = budgets["ml"], budgets["sales"]

    text = shown(browser, place_of(ml, "move"), parent=sales.pk)
    form = {"parent": sales.pk, "reason": "New team"}
    asked = browser.post(place_of(ml, "move"), form)

    ml.refresh_from_db()
    assert "Path Acme / Engineering / ML Acme / Sales / ML" in text
    assert "Leaves Engineering limit $600.00 $200.00 unallocated $600.00" in text
    assert "Joins Sales limit $300.00 $300.00 unallocated -$100.00" in text
    assert asked.status_code == 200
    assert ml.parent_id == budgets["engineering"].pk


def test_moving_and_archiving_say_where_the_budget_is(acme: Organization) -> None:
    ml = make_tree(acme)["ml"]
    browser = browser_for(acme)

    for page, here in (("move", "Move"), ("archive", "Archive")):
        way = page_at(browser, place_of(ml, page)).part("Where this is")
        assert way.text == f"Budget tree Acme Engineering ML {here}"


def test_a_move_is_done_with_its_reason(acme: Organization) -> None:
    budgets = make_tree(acme)
    spend(acme, "10", team_id="ml")
    ml, sales = budgets["ml"], budgets["sales"]
    why = "New team, " * 49 + "at last"  # 497 characters: all that are kept
    form = {"parent": sales.pk, "reason": why, "seen": sales.pk}

    browser_for(acme).post(place_of(ml, "move"), form)

    ml.refresh_from_db()
    assert ml.parent == sales
    assert ml.history.first().history_change_reason == why
    assert BudgetPeriod.objects.get(budget=sales).spent == Decimal(10)


def test_a_move_needs_a_reason(acme: Organization) -> None:
    budgets = make_tree(acme)
    ml = budgets["ml"]

    browser_for(acme).post(place_of(ml, "move"), {"parent": "", "seen": "none"})

    ml.refresh_from_db()
    assert ml.parent == budgets["engineering"]


def test_nothing_moves_below_itself(acme: Organization) -> None:
    budgets = make_tree(acme)
    engineering, ml = budgets["engineering"], budgets["ml"]
    browser = browser_for(acme)

    content = browser.get(place_of(engineering, "move")).content.decode()
    form = {"parent": ml.pk, "reason": "why", "seen": ml.pk}
    answer = browser.post(place_of(engineering, "move"), form)

    assert f'<option value="{ml.pk}"' not in content
    assert "itself or below it" in answer.content.decode()


def test_archiving_asks_first(acme: Organization) -> None:
    budget = make_budget(acme)
    browser = browser_for(acme)

    text = shown(browser, place_of(budget, "archive"))
    browser.post(place_of(budget, "archive"))

    budget.refresh_from_db()
    assert "Archive “Company”?" in text
    assert budget.archived_at is not None


def test_a_parent_in_use_is_not_archived(acme: Organization) -> None:
    budgets = make_tree(acme)

    answer = browser_for(acme).post(place_of(budgets["acme"], "archive"))

    budgets["acme"].refresh_from_db()
    assert "has budgets below it (" in answer.content.decode()
    assert budgets["acme"].archived_at is None


def test_nothing_is_deleted(acme: Organization) -> None:
    budget = make_budget(acme)

    answer = browser_for(acme).post(place_of(budget, "delete"), {"post": "yes"})

    assert answer.status_code == 403
    assert Budget.objects.exists()


def test_history_shows_reason_and_change(acme: Organization) -> None:
    budgets = make_tree(acme)
    sales = budgets["sales"]
    form = {"parent": "", "reason": "On its own now", "seen": "none"}
    browser = browser_for(acme)
    browser.post(place_of(sales, "move"), form)

    text = shown(browser, place_of(sales, "history"))
    version = sales.history.last()
    old = browser.get(f"{place_of(sales, 'history')}{version.pk}/")

    assert "On its own now" in text
    assert "finance_admin@acme.example" in text
    assert old.status_code == 200
