"""The page of recommended amounts: asked, shown, and applied."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organization
from accounts.scopes import Role
from approvals.models import BudgetRequest
from budgets.models import Budget
from budgets.services import change_budget, plan_of
from tests.approvals.factories import level, make_policy, person_in
from tests.factories import (
    browser_for,
    browser_of,
    make_organization,
    make_tree,
    spend,
)
from tests.pages import forms_in, page_at, read

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:budgets_budget_recommended")


@pytest.fixture
def tree(acme: Organization) -> dict[str, Budget]:
    """Return Acme 1,000 > Engineering 600 > ML 400, and Sales 300: all of it new."""
    return make_tree(acme)


def asked(browser: Client, **form: Any) -> tuple[Any, dict[str, str]]:
    """Ask to apply what is recommended; return the page and what it would send."""
    answer = browser.post(PAGE, {"apply": "1", **form})
    fields = next(form for form in forms_in(answer) if "draft" in form)
    return read(answer.content.decode()), fields


def confirmed(browser: Client, fields: dict[str, str], why: str = "As needed") -> Any:
    token = fields.get("confirm", "")
    sent = {**fields, "reason": why, "confirm": token}
    for unwanted in ("apply", "again"):
        sent.pop(unwanted, None)
    return browser.post(PAGE, sent, follow=True)


def amounts() -> dict[str, Decimal]:
    return dict(Budget.objects.values_list("name", "amount"))


def test_each_budget_stands_with_its_amount_and_the_reason(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    page = page_at(browser_for(acme), PAGE)

    row = page.table().row("ML")
    assert row["Now"] == "$400.00"
    assert row["Recommended"].startswith("$400.00")
    assert row["Difference"] == "none"
    assert "0 days with spend are too few to forecast" in row["Why"]
    assert page.table().column("Budget")[0].startswith("Acme")


def test_more_than_have_fields_are_shown_and_it_says_where_bounds_are_given(
    acme: Organization, tree: dict[str, Budget], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.budgets.recommended_page.MOST_BOUND", 3)

    page = page_at(browser_for(acme), PAGE)

    assert len(page.table().rows) == 4
    assert "All 4 are shown. Floors and caps are given for 3 at once" in page.text


def test_a_total_and_bounds_are_asked_for_in_the_form(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    form = {"spread": "another", "total": "500", f"cap.{tree['sales'].pk}": "50"}

    answer = browser_for(acme).post(PAGE, {"again": "1", **form})

    page = read(answer.content.decode())
    assert page.table().row("Acme")["Recommended"].startswith("$500.00")
    assert page.table().row("Sales")["Recommended"] == "$33.33"
    assert amounts()["Acme"] == 1000


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"spread": "another"}, "Say how much there is."),
        ({"floor.{ml}": "lots"}, "Some floors or caps are no amounts."),
        ({"floor.{ml}": "9", "cap.{ml}": "8"}, "“ML” is to get at least $9.00"),
        ({"spread": "another", "total": "5", "floor.{ml}": "9"}, "The total of $5.00"),
    ],
)
def test_what_can_not_be_is_told_and_nothing_is_asked(
    acme: Organization, tree: dict[str, Budget], form: dict[str, str], told: str
) -> None:
    given = {name.format(ml=tree["ml"].pk): text for name, text in form.items()}

    answer = browser_for(acme).post(PAGE, {"apply": "1", **given})

    page = read(answer.content.decode())
    assert told in page.text
    assert "Yes, apply" not in page.text


def test_amounts_are_applied_once_the_reason_is_given(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    browser = browser_for(acme)
    form = {"spread": "another", "total": "500", f"floor.{tree['ml'].pk}": "300"}

    page, fields = asked(browser, **form)
    without = confirmed(browser, fields, why="")
    before = amounts()
    done = confirmed(browser, fields)

    assert "4 amounts change at once, all or none. Apply them?" in page.text
    assert "Say why." in read(without.content.decode()).text
    assert before == {"Acme": 1000, "Engineering": 600, "ML": 400, "Sales": 300}
    assert "4 amounts changed." in read(done.content.decode()).text
    assert amounts()["Acme"] == 500
    assert amounts()["ML"] == 300
    entry = tree["ml"].history.first()
    assert (entry.history_change_reason, entry.actor) == (
        "As needed",
        "finance_admin@acme.example",
    )


def test_nobodys_change_is_lost(acme: Organization, tree: dict[str, Budget]) -> None:
    browser = browser_for(acme)
    _, fields = asked(browser, spread="another", total="500")
    plan = plan_of(tree["sales"])
    plan.note = "Mine"
    change_budget(tree["sales"], plan, now=timezone.now())

    done = confirmed(browser, fields)

    assert "“Sales”: changed by" in read(done.content.decode()).text
    assert amounts() == {"Acme": 1000, "Engineering": 600, "ML": 400, "Sales": 300}


def test_it_says_what_is_asked_for_by_a_request(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    bob = person_in(acme, "bob", Role.FINANCE_ADMIN)
    make_policy(acme, level(bob), budget=tree["sales"])
    browser = browser_for(acme)
    form = {f"floor.{tree['sales'].pk}": "350", f"cap.{tree['ml'].pk}": "100"}

    page, fields = asked(browser, **form)
    confirmed(browser, fields)

    assert "1 raise is put to those who decide" in page.text
    assert "$350.00, by a request" in page.text
    request = BudgetRequest.objects.get()
    assert (request.budget, request.amount) == (tree["sales"], 50)
    assert (amounts()["Sales"], amounts()["ML"]) == (300, 100)


def test_what_is_used_up_already_is_told(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    Budget.objects.filter(pk=tree["ml"].pk).update(enforcement="hard")
    form = {"spread": "another", "total": "0"}

    page, _ = asked(browser_for(acme), **form)

    assert "Used up already, so that calls are refused: ML." in page.text


def test_a_draft_that_somebody_made_up_is_not_applied(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    answer = browser_for(acme).post(PAGE, {"draft": "1:made:up", "confirm": "x"})

    assert answer.status_code == 404


def test_a_draft_of_another_organization_changes_nothing_there(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    _, fields = asked(browser_for(acme), spread="another", total="500")
    globex = make_organization("globex")

    confirmed(browser_for(globex), fields)

    assert amounts()["Acme"] == 1000


def test_who_may_only_read_is_told_that_all_stays(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    browser = browser_of(person_in(acme, "vic", Role.VIEWER))

    answer = browser.post(PAGE, {"apply": "1", "spread": "another", "total": "500"})

    told = read(answer.content.decode()).text
    assert "There is nothing to apply: none is yours to change." in told
    assert "Yes, apply" not in told


def test_where_no_amount_differs_nothing_is_asked(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    answer = browser_for(acme).post(PAGE, {"apply": "1"})

    told = read(answer.content.decode()).text
    assert "There is nothing to apply: no amount differs." in told
    assert "Yes, apply" not in told


def test_a_draft_is_applied_by_nobody_who_may_not(
    acme: Organization, tree: dict[str, Budget]
) -> None:
    _, fields = asked(browser_for(acme), spread="another", total="500")
    viewer = browser_of(person_in(acme, "vic", Role.VIEWER))

    confirmed(viewer, fields)

    assert amounts()["Acme"] == 1000


def test_queries_do_not_grow_with_the_budgets(
    acme: Organization,
    tree: dict[str, Budget],
    django_assert_max_num_queries: Any,
) -> None:
    browser = browser_for(acme)
    browser.get(PAGE)

    with django_assert_max_num_queries(16):
        browser.get(PAGE)


def test_what_would_have_cost_less_stands_below(acme: Organization) -> None:
    january = datetime(2025, 1, 10, tzinfo=UTC)
    used = {
        "provider": "openai",
        "input_tokens": 1_000_000,
        "output_tokens": 0,
        "requests": 1_000,
    }
    for model in ("gpt-4o", "gpt-x"):
        spend(acme, None, january, **used, model=model)
    browser = browser_for(acme)
    links = page_at(browser, PAGE).links

    with time_machine.travel(datetime(2025, 2, 5, tzinfo=UTC), tick=False):
        page = page_at(browser, links["What would have cost less last month"])

    row = page.table().row("A smaller model")
    assert row["With"] == "A smaller model: gpt-4o-mini"
    assert (row["Cost"], row["Saved"]) == ("$2.50", "$2.35")
    assert row["How sure"] == "Needs trying"
    assert "gpt-x (openai), 1,000 requests, $0.00: No price is known." in page.text
