"""The search of all pages, by keyboard in a browser."""

from typing import Any

from accounts.models import Organization
from tests.factories import make_budget
from tests.journeys.browser import in_browser
from tests.sizes import at_night

pytestmark = in_browser


@at_night
def test_the_search_finds_a_budget_and_keeps_the_focus(
    page: Any, acme: Organization
) -> None:
    budget = make_budget(acme, "ML Team")
    inside = "!!document.activeElement.closest('[role=dialog]')"
    page.goto("/admin/budgets/budget/tree/")
    page.locator("text=New budget").focus()

    page.keyboard.press("Control+k")
    page.wait_for_function("document.activeElement.id === 'search-input-command'")
    page.keyboard.type("ML Team")
    page.locator("#command-results-list a").wait_for()
    kept = []
    for key in ("Tab", "Tab", "Tab", "Tab", "Shift+Tab", "Shift+Tab", "Shift+Tab"):
        page.keyboard.press(key)
        kept.append(page.evaluate(inside))
    page.locator("#search-input-command").press("Escape")
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement.innerText === 'New budget'")
    page.keyboard.press("Control+k")
    page.wait_for_function("document.activeElement.id === 'search-input-command'")
    page.keyboard.type("ML Team")
    page.locator("#command-results-list a").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/admin/budgets/budget/{budget.pk}/change/")

    assert all(kept)
