"""The search of all pages, by keyboard in a browser."""

from typing import Any

from accounts.models import Organization
from tests.factories import make_budget
from tests.journeys.browser import in_browser

pytestmark = in_browser


def test_the_search_finds_a_budget_and_keeps_the_focus(
    page: Any, acme: Organization
) -> None:
    budget = make_budget(acme, "ML Team")
    search = page.locator("#search-input-command")
    inside = "!!document.activeElement.closest('[role=dialog]')"
    page.goto("/admin/budgets/budget/tree/")
    page.locator("text=New budget").focus()

    is_open = "document.activeElement.id === 'search-input-command'"
    page.keyboard.press("Control+k")
    page.wait_for_function(is_open)
    search.press("Escape")
    page.wait_for_function("document.activeElement.innerText === 'New budget'")
    page.keyboard.press("Control+k")
    page.wait_for_function(is_open)
    search.press_sequentially("ML Team")
    page.locator("#command-results-list a").wait_for()
    kept = []
    for key in ("Tab", "Tab", "Tab", "Tab", "Shift+Tab", "Shift+Tab", "Shift+Tab"):
        page.keyboard.press(key)
        kept.append(page.evaluate(inside))
    search.press("ArrowDown")
    described = search.get_attribute("aria-activedescendant")
    search.press("Enter")
    page.wait_for_url(f"**/admin/budgets/budget/{budget.pk}/page/")
    page.keyboard.press("/")
    page.wait_for_function(is_open)
    search.press_sequentially("deliveries")
    page.locator("#command-results-list a").wait_for()
    search.press("Enter")
    page.wait_for_url("**/admin/notifications/delivery/")

    assert all(kept)
    assert described == "co-hit-1"
