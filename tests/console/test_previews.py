import pytest

from accounts.models import Organization
from budgets.models import Budget
from tests.console.budget_pages import ADD, PREVIEW, form_of
from tests.factories import (
    browser_for,
    make_budget,
    make_tree,
    spend,
)
from tests.pages import page_at, shown, words_of

pytestmark = pytest.mark.django_db


def test_the_preview_explains_the_scope(acme: Organization) -> None:
    spend(acme, "30", id="a", team_id="ml", project_id="search")
    spend(acme, "70", id="b", team_id="ml", project_id="chat", model="gpt-4o-mini")
    spend(acme, "500", id="c", team_id="sales", project_id="mail")
    make_budget(acme, "Backend", "10", scope={"projects": ["search"]})
    query = form_of(amount="1000") | {"scope.teams": "ml"}

    text = shown(browser_for(acme), PREVIEW, **query)

    assert "Matches 2 projects and 2 models." in text
    assert "$100.00 this period so far: 10 % of the amount." in text
    assert "Overlaps with Backend on costs that match both scopes: $30.00 of" in text


def test_the_preview_names_what_overlaps(acme: Organization) -> None:
    make_budget(acme, "Backend", "10", scope={"projects": ["search", "x"]})
    query = form_of() | {"scope.projects": "search"}

    text = shown(browser_for(acme), PREVIEW, **query)

    assert "Overlaps with Backend on project search; of late there were none." in text


def test_the_preview_names_the_models_in_use_that_a_pattern_reaches(
    acme: Organization,
) -> None:
    for model in ("gpt-4-turbo", "GPT-4o", "gpt-4o-2024-08-06", "openai/gpt-4-0613"):
        spend(acme, "1", model=model)
    query = form_of() | {"scope.models.others": "gpt-4*\nGPT-4o\no3"}

    text = shown(browser_for(acme), PREVIEW, **query)

    assert "“gpt-4*” reaches gpt-4-0613, gpt-4-turbo; not gpt-4o." in text
    assert "“GPT-4o” reaches gpt-4o, gpt-4o-2024-08-06." in text
    assert "“o3” reaches nothing that was used so far." in text


def test_the_preview_tells_conflicts_before_saving(acme: Organization) -> None:
    budgets = make_tree(acme)
    browser = browser_for(acme)
    query = form_of(parent=budgets["engineering"].pk, amount="300")

    too_much = page_at(browser, PREVIEW, **query)
    weekly = shown(browser, PREVIEW, **{**query, "period": "weekly"})
    shrunk = page_at(
        browser, PREVIEW, budget=budgets["engineering"].pk, **form_of(amount="100")
    )

    assert too_much.paragraphs[-1] == (
        "Engineering has $200.00 unallocated: with this it is over-allocated by "
        "$100.00. Raise Engineering, or take less."
    )
    assert "Engineering above it is monthly" in weekly
    assert shrunk.paragraphs[-1].startswith(
        "The budgets below it add up to $400.00, $300.00 more than this."
    )


def test_the_preview_bears_what_is_not_filled_in_yet(acme: Organization) -> None:
    browser = browser_for(acme)

    nothing = browser.get(PREVIEW)
    odd = browser.get(
        PREVIEW, form_of(amount="x", currency="", timezone="?", period="?")
    )
    custom = shown(browser, PREVIEW, **form_of(period="custom"))

    assert nothing.status_code == odd.status_code == 200
    assert "It is not in force now." in custom


def test_the_preview_of_a_parent_counts_what_is_below(acme: Organization) -> None:
    budgets = make_tree(acme)
    spend(acme, "30", team_id="ml")  # of no department
    engineering = budgets["engineering"]
    query = form_of(amount="600") | {"scope.departments": "engineering"}

    text = shown(browser_for(acme), PREVIEW, budget=engineering.pk, **query)

    assert "$30.00 this period so far: 5.0 % of the amount." in text


def test_the_preview_changes_money_into_the_budgets_currency(
    acme: Organization,
) -> None:
    spend(acme, "30")

    text = shown(browser_for(acme), PREVIEW, **form_of(currency="EUR"))

    assert "about €" in text


def test_a_preview_by_button_saves_nothing(acme: Organization) -> None:
    spend(acme, "30", team_id="ml")

    form = form_of(preview="1") | {"scope.teams": "ml"}
    answer = browser_for(acme).post(ADD, form)

    assert "$30.00 this period so far" in words_of(answer.content.decode())
    assert not Budget.objects.exists()


def test_values_are_offered_with_what_they_cost(acme: Organization) -> None:
    spend(acme, "30", team_id="ml")

    text = shown(browser_for(acme), ADD)

    assert "ml $30.00" in text
