"""The budget tree as a person uses it, in a real browser."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django.live_server_helper import LiveServer

from accounts.models import Organization
from budgets.models import Budget
from tests.budgets.factories import browser_for, make_budget, make_tree, spend
from tests.factories import make_organization

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = Path(os.environ.get("COSTOPS_CHROMIUM", "/usr/bin/chromium"))

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"There is no {CHROMIUM}."),
]

TREE = "/admin/budgets/budget/tree/"
ROW = "tr.co-row:not([hidden])"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    # The browser's own loop runs in this thread, where Django then sees a coroutine.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with playwright.sync_playwright() as player:
        browser = player.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def acme() -> Organization:
    return make_organization("acme")


@pytest.fixture
def page(chromium: Any, live_server: LiveServer, acme: Organization) -> Iterator[Any]:
    """A tab of a finance admin, which must meet no error and ask nobody else."""
    cache.clear()  # of the values that forms offered in other tests
    context = chromium.new_context(base_url=live_server.url)
    session = browser_for(acme).cookies["sessionid"].value
    context.add_cookies(
        [{"name": "sessionid", "value": session, "url": live_server.url}]
    )
    tab = context.new_page()
    tab.set_default_timeout(15_000)
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on(
        "console",
        lambda said: errors.extend([said.text] if said.type == "error" else []),
    )
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    yield tab
    context.close()
    assert not errors
    assert [url for url in asked if not url.startswith(live_server.url)] == []


def names(page: Any) -> list[str]:
    return [text.strip() for text in page.locator(f"{ROW} .co-own").all_inner_texts()]


def test_branches_open_and_close_by_keyboard_and_stay_so(
    page: Any, acme: Organization
) -> None:
    make_tree(acme)
    page.goto(TREE)
    engineering = page.locator(ROW).nth(1)

    engineering.focus()
    page.keyboard.press("ArrowLeft")
    closed, told = names(page), engineering.get_attribute("aria-expanded")
    page.reload()
    kept = names(page)
    page.locator(ROW).nth(1).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    focused = page.evaluate("document.activeElement.querySelector('.co-own').innerText")

    assert closed == kept == ["Acme", "Engineering", "Sales"]
    assert told == "false"
    assert names(page) == ["Acme", "Engineering", "ML", "Sales"]
    assert focused == "ML"


def test_deep_branches_are_fetched_in_place(page: Any, acme: Organization) -> None:
    above = make_budget(acme, "Level 1")
    for level in range(2, 6):
        above = make_budget(acme, f"Level {level}", parent=above)
    page.goto(TREE)

    page.locator(ROW).nth(2).locator("a.co-toggle").click()
    page.locator("text=Level 4").first.wait_for()
    page.locator(ROW).nth(3).locator("a.co-toggle").click()
    page.locator("text=Level 5").first.wait_for()
    whole = names(page)
    page.locator(ROW).first.locator("a.co-toggle").click()
    folded = names(page)
    page.locator(ROW).first.locator("a.co-toggle").click()

    assert whole == names(page) == [f"Level {level}" for level in range(1, 6)]
    assert folded == ["Level 1"]


def test_the_tree_fits_on_a_phone(page: Any, acme: Organization) -> None:
    make_tree(acme)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(TREE)

    width = page.evaluate("document.documentElement.scrollWidth")
    path = page.locator("tr.co-row .co-path").nth(2)

    assert width <= 390
    assert path.is_visible()
    assert path.inner_text() == "Acme / Engineering / ML"


def test_conflicts_come_after_the_page(page: Any, acme: Organization) -> None:
    make_tree(acme)
    page.goto(TREE)

    page.locator("text=No conflicts").wait_for()


def test_the_form_answers_while_one_types(page: Any, acme: Organization) -> None:
    spend(acme, "30", team_id="ml", project_id="search")
    spend(acme, "70", team_id="sales", project_id="mail")
    page.goto("/admin/budgets/budget/add/")

    page.fill("[name=name]", "ML")
    page.fill("[name=amount]", "100")
    page.locator("[aria-label=Teams] summary").click()
    page.check("[name='scope.teams'][value=ml]")
    page.locator("text=$30.00 this period so far: 30 % of the amount.").wait_for()
    matches = page.locator("#co-preview").inner_text()
    page.click("text=Make the budget")
    page.locator("text=ML has spent").wait_for()

    assert "Matches 1 project and 1 model." in matches
    assert Budget.objects.get().scope == {"teams": ["ml"]}


def test_a_budget_is_moved_after_a_look(page: Any, acme: Organization) -> None:
    budgets = make_tree(acme)
    page.goto(f"/admin/budgets/budget/{budgets['ml'].pk}/move/")

    page.select_option("[name=parent]", label="Acme / Sales")
    page.locator("text=Acme / Sales / ML").wait_for()
    page.fill("[name=reason]", "New team")
    page.click("text=Move it")
    page.wait_for_url(f"**{TREE}**")

    assert names(page) == ["Acme", "Engineering", "Sales", "ML"]
