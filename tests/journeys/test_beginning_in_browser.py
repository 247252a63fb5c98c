"""An organization's first minutes, in a browser."""

from typing import Any

from accounts.models import Organization
from tests.factories import make_budget, make_key, spend
from tests.journeys.browser import in_browser

pytestmark = in_browser

TREE = "/admin/budgets/budget/tree/"


def test_the_first_record_is_told_without_reloading(
    page: Any, acme: Organization
) -> None:
    make_budget(acme)
    make_key(organization=acme)
    page.goto(TREE)
    waiting = page.locator(".co-awaited").inner_text()

    spend(acme, "3")
    page.locator("text=The first record is here").wait_for()
    page.locator("text=See it in the tree").press("Enter")
    page.locator("text=$3.00").first.wait_for()

    assert waiting == "Waiting for the first record…"
    assert "four steps" not in page.locator(".co-page").inner_text()
